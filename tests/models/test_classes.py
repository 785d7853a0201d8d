"""Every documented class of models: declared, written, and read back equal."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels, observatories
from hexcal.models import declared
from hexcal.models.layout import Table
from hexcal.models.parts import Parts
from hexcal.observatories import documented

JWST = declared.classes(observatories.get("jwst"))


NOT_MODELS_OF_DATA = {"AsnModel", "ModelLibrary"}


@pytest.mark.parametrize("name", [name for name in documented.models() if name not in NOT_MODELS_OF_DATA])
def test_every_documented_class_is_there(name):
    cls = getattr(datamodels, name)
    assert issubclass(cls, datamodels.DataModel) and cls.__doc__


def _fill(model, seed):
    """Give every array and table of a model values of its own."""
    random = np.random.default_rng(seed)
    for name, spec in model.specs.items():
        if isinstance(spec, Table):
            # The flags of a reference are translated by DQ_DEF: without one they stay.
            if spec.columns and name != "dq_def":
                table = np.zeros(3, model.get_dtype(name))
                for column in table.dtype.names:
                    table[column] = (
                        b"text" if table[column].dtype.kind == "S" else random.integers(1, 100, table[column].shape)
                    )
                setattr(model, name, table)
        else:
            shape = tuple(range(2, 2 + max(spec.ndim or (2,))))
            setattr(model, name, random.integers(1, 100, shape).astype(spec.dtype))
    return model


def _same(column, other):
    """Texts of a table that was read are str (astropy)."""
    if column.dtype.kind == "S":
        column = np.char.decode(column, "ascii")
    return np.array_equal(column, other)


def _assert_equal(model, other):
    for name, spec in model.specs.items():
        if model.has(name):
            mine, read = getattr(model, name), getattr(other, name)
            if isinstance(spec, Table):
                assert mine.dtype.names == read.dtype.names
                assert all(_same(mine[column], read[column]) for column in mine.dtype.names), name
            else:
                assert np.array_equal(mine, read) and mine.dtype == read.dtype, name


@pytest.mark.parametrize("name", [name for name in JWST if name not in ("ReferenceFileModel",)])
def test_every_class_is_read_back_as_it_was_written(tmp_path, name):
    model = JWST[name]()
    if isinstance(model, Parts):
        model.parts().extend(_fill(model.part_class(), number) for number in (1, 2))
    else:
        _fill(model, 0)
    for path in model.of_tree:
        setattr(model, path, {"of": [1, 2.5, "text"]})
    model.save(tmp_path / "x.fits")
    again = datamodels.open(tmp_path / "x.fits")
    assert type(again) is JWST[name]
    _assert_equal(model, again)
    assert len(again.parts()) == len(model.parts())
    for part, read in zip(model.parts(), again.parts(), strict=True):
        _assert_equal(part, read)
    assert all(getattr(again, path) == {"of": [1, 2.5, "text"]} for path in model.of_tree)


@pytest.mark.req("HDU-14")
def test_spectra_have_their_columns_and_units_and_keywords_of_their_own(tmp_path):
    model = datamodels.MultiSpecModel()
    for number in range(2):
        spectrum = datamodels.SpecModel()
        table = np.zeros(4, spectrum.get_dtype("spec_table"))
        table["WAVELENGTH"] = np.arange(4) + 1
        spectrum.spec_table = table
        spectrum.name, spectrum.source_id, spectrum.spectral_order = f"S{number}", 7 + number, 1
        model.spec.append(spectrum)
    model.save(tmp_path / "x_x1d.fits")
    with fits.open(tmp_path / "x_x1d.fits") as hdus:
        table = hdus["EXTRACT1D", 2]
        assert table.header["SLTNAME"] == "S1" and table.header["SOURCEID"] == 8
        units = {column.name: column.unit for column in table.columns}
        flux, brightness = "Jy", "MJy/sr"
        variances = ("VAR_POISSON", "VAR_RNOISE", "VAR_FLAT")
        assert units == {
            "WAVELENGTH": "um",
            "FLUX": flux,
            "FLUX_ERROR": flux,
            **{f"FLUX_{name}": "Jy^2" for name in variances},
            "SURF_BRIGHT": brightness,
            "SB_ERROR": brightness,
            **{f"SB_{name}": "MJy^2/sr^2" for name in variances},
            "DQ": None,
            "BACKGROUND": brightness,
            "BKGD_ERROR": brightness,
            **{f"BKGD_{name}": "MJy^2/sr^2" for name in variances},
            "NPIXELS": None,
        }
        assert {table.data[name].dtype.str[1:] for name in units if name != "DQ"} == {"f8"}
        assert table.data["DQ"].dtype.str[1:] == "u4"
    again = datamodels.open(tmp_path / "x_x1d.fits")
    assert [spectrum.name for spectrum in again.spec] == ["S0", "S1"]
    assert again.spec[1].spec_table.columns["FLUX"].unit == "Jy"


def test_tables_of_the_whole_file_stand_beside_those_of_its_parts(tmp_path):
    model = datamodels.TSOMultiSpecModel()
    model.int_times = np.zeros(2, model.get_dtype("int_times"))
    model.spec.extend(_fill(datamodels.TSOSpecModel(), number) for number in (1, 2))
    model.save(tmp_path / "x_x1dints.fits")
    again = datamodels.open(tmp_path / "x_x1dints.fits")
    assert len(again.int_times) == 2 and len(again.spec) == 2
    again.save(tmp_path / "y_x1dints.fits")
    with fits.open(tmp_path / "y_x1dints.fits") as hdus:
        assert sorted(hdu.name for hdu in hdus[1:]) == ["ASDF", "EXTRACT1D", "EXTRACT1D", "INT_TIMES"]


def test_a_unit_that_a_user_gives_stays():
    spectrum = datamodels.SpecModel()
    columns = [fits.Column("WAVELENGTH", "D", unit="nm", array=[1.0]), fits.Column("FLUX", "D", array=[2.0])]
    spectrum.spec_table = fits.BinTableHDU.from_columns(columns).data
    assert [column.unit for column in spectrum.spec_table.columns] == ["nm", "Jy"]


def test_a_source_as_a_list_of_its_exposures():
    source = datamodels.MultiExposureModel()
    source.exposures.extend(datamodels.SlitModel(np.full((2, 3), value)) for value in (1.0, 2.0))
    container = datamodels.SourceModelContainer(source)
    assert [model.data[0, 0] for model in container] == [1.0, 2.0] and container.multiexposure is source


def test_parts_must_be_models():
    with pytest.raises(Exception, match="spec must be models of class SpecModel"):
        datamodels.MultiSpecModel().spec = [1]


def test_a_reference_of_a_user_in_asdf(tmp_path):
    from astropy.modeling.models import Shift

    model = datamodels.DistortionModel(model=Shift(2.0), strict_validation=True)
    model.meta.instrument.name = "NIRCAM"
    model.save(tmp_path / "d.asdf")
    again = datamodels.open(tmp_path / "d.asdf")
    assert type(again) is datamodels.DistortionModel and again.model(1.0) == 3.0
    with pytest.raises(AttributeError, match="did you mean 'model'"):
        datamodels.DistortionModel(modell=1)


@pytest.mark.parametrize(
    ("name", "model", "facts"),
    [
        ("jwst_niriss_spectrace_0022.fits", "SpecTraceModel", lambda m: [part.order for part in m.trace] == [1, 2, 3]),
        ("jwst_niriss_wavemap_0020.fits", "WaveMapModel", lambda m: m.map[1].data.shape == (136, 2088)),
        ("jwst_nirspec_pathloss_0002.fits", "PathlossModel", lambda m: m.apertures[1].name == "MOS1x3"),
        ("jwst_miri_flat_0413.fits", "FlatModel", lambda m: m.data.shape == (224, 288)),
        ("jwst_miri_photom_0071.fits", "MirLrsPhotomModel", lambda m: "photmj" in m.phot_table.dtype.names[2].lower()),
        ("jwst_nirspec_area_0020.fits", "NirspecSlitAreaModel", lambda m: len(m.area_table) > 0),
        ("jwst_nirspec_camera_0004.asdf", "CameraModel", lambda m: m.model is not None),
        ("jwst_nirspec_wavelengthrange_0004.asdf", "WavelengthrangeModel", lambda m: len(m.wavelengthrange) > 0),
    ],
)
def test_real_reference_files_are_of_their_class(real_data, name, model, facts):
    reference = datamodels.open(real_data / "references" / name)
    assert type(reference).__name__ == model and facts(reference)
