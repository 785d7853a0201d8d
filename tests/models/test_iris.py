"""Models of IRIS: declared by the plug-in of TMT in tables, opened, saved and checked like those of JWST."""

import pickle

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from hexcal import datamodels, observatories
from hexcal.errors import InputError, ParameterError

KEYWORDS = observatories.get("tmt").keywords


def image(shape=(4, 5), **meta):
    """A frame with some pixels, and metadata by dotted path with underscores for dots."""
    model = datamodels.IRISImageModel(np.arange(np.prod(shape), dtype="f4").reshape(shape))
    for path, value in meta.items():
        model.set_meta("meta." + path.replace("__", "."), value)
    return model


def test_a_new_model_knows_where_it_is_from(tmp_path):
    image().save(tmp_path / "new.fits")
    header = fits.getheader(tmp_path / "new.fits")
    assert (header["TELESCOP"], header["INSTRUME"], header["DATAMODL"]) == ("TMT", "IRIS", "IRISImageModel")
    dark = datamodels.IRISDarkModel(np.zeros((4, 5), "f4"))
    assert (dark.meta.reftype, dark.meta.telescope, dark.observatory.name) == ("DARK", "TMT", "tmt")


@pytest.mark.parametrize(
    ("name", "shape"),
    [("IRISImageModel", (4, 5)), ("IRISCubeModel", (3, 4, 5)), ("IRISDarkModel", (4, 5)), ("IRISFlatModel", (4, 5))],
)
def test_round_trip(tmp_path, name, shape):
    cls = getattr(datamodels, name)
    model = cls(np.random.default_rng(1).normal(size=shape).astype("f4"))
    model.err = np.full(shape, 2, "f4")
    model.dq = np.arange(np.prod(shape), dtype="u4").reshape(shape)
    model.meta.instrument.detector = "IRIS1"
    model.meta.extra = {"telemetry": [1, 2]}
    model.history.append("made for a test")
    model.save(tmp_path / "a.fits")
    again = datamodels.open(tmp_path / "a.fits")
    assert type(again) is cls
    again.save(tmp_path / "b.fits")
    again = datamodels.open(tmp_path / "b.fits")
    for array in ("data", "err", "dq"):
        np.testing.assert_array_equal(getattr(again, array), getattr(model, array))
        assert getattr(again, array).dtype == getattr(model, array).dtype
    assert again.meta.instrument.detector == "IRIS1"
    assert again.meta.extra.telemetry == [1, 2]
    assert again.history == ["made for a test"]


def test_documented_arrays_appear_and_optional_ones_do_not():
    frame = image()
    assert frame.err.shape == frame.dq.shape == (4, 5)
    assert (frame.dq.dtype, frame.dq.sum()) == (np.dtype("u4"), 0)
    assert frame.subarr_map is None
    frame.subarr_map = np.ones((4, 5), int)
    assert frame.subarr_map.dtype == "u1"
    cube = datamodels.IRISCubeModel((2, 3, 4))
    assert cube.wavelength is None
    cube.wavelength = [1.0, 2.0]
    assert cube.wavelength.dtype == "f4"


_VALUES = {
    "str": st.text("ABCabc123 -", min_size=1, max_size=20).map(str.strip).filter(bool),
    "int": st.integers(-(10**6), 10**6),
    "float": st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda value: round(value, 6)),
    "bool": st.booleans(),
}


@given(st.data())
def test_every_keyword_goes_into_the_file_and_back(tmp_path_factory, data):
    """Any set of known keywords with legal values.

    In the header under the keyword and HDU of the table, and read back as it was.
    """
    own = {"meta.telescope", "meta.filename", "meta.model_type", "meta.date_created", "meta.reftype"}
    rows = data.draw(
        st.lists(st.sampled_from([row for row in KEYWORDS if row.path not in own]), max_size=12, unique=True)
    )
    model, values = image(), {}
    for row in rows:
        values[row] = data.draw(st.sampled_from(row.allowed) if row.allowed else _VALUES[row.type], label=row.path)
        model.set_meta(row.path, values[row])
    path = tmp_path_factory.mktemp("keywords") / "x.fits"
    model.save(path)
    again = datamodels.open(path)
    with fits.open(path) as file:
        for row, value in values.items():
            assert again.get_meta(row.path) == value
            assert type(again.get_meta(row.path)) is type(value)
            assert file[row.hdu].header[row.keyword] == value
            assert again.find_fits_keyword(row.keyword).count(row.path) == 1


def test_values_are_checked():
    frame = image()
    with pytest.raises(ParameterError, match=r"(?s)unknown value 'NRCA1'.*\(DETECTOR\)"):
        frame.meta.instrument.detector = "NRCA1"
    with pytest.raises(ParameterError, match="must be of type int"):
        frame.meta.subarray.id = "one"
    with pytest.raises(AttributeError, match="did you mean 'filter'"):
        _ = frame.meta.instrument.filtre
    with pytest.raises(InputError, match="must have 2 dimensions"):
        frame.data = np.zeros(3)
    with pytest.raises(AttributeError, match="did you mean 'IRISCubeModel'"):
        _ = datamodels.IRISCubModel


def test_a_file_of_the_wrong_shape_is_refused(tmp_path):
    header = fits.Header({"TELESCOP": "TMT", "DATAMODL": "IRISImageModel"})
    path = tmp_path / "cube.fits"
    fits.HDUList([fits.PrimaryHDU(header=header), fits.ImageHDU(np.zeros((2, 3, 4)), name="SCI")]).writeto(path)
    with pytest.raises(InputError, match=r"(?s)must have 2 dimensions for a IRISImageModel, it has shape \(2, 3, 4\)"):
        _ = datamodels.open(path).data
    with pytest.raises(InputError, match="must have 2 dimensions"):
        datamodels.open(path).check()
    fits.HDUList([fits.PrimaryHDU(header=header)]).writeto(path, overwrite=True)
    with pytest.raises(InputError, match="needs the image extension SCI"):
        datamodels.open(path).check()


@pytest.mark.parametrize(
    ("keywords", "shape", "expected"),
    [
        ({}, (3, 4), "IRISImageModel"),
        ({}, (2, 3, 4), "IRISCubeModel"),
        ({"REFTYPE": "DARK"}, (3, 4), "IRISDarkModel"),
        ({"REFTYPE": "GAIN"}, (3, 4), "IRISGainModel"),
        ({"REFTYPE": "NONLINCOEFF"}, (3, 3, 4), "IRISNonlinearModel"),
        ({"REFTYPE": "RECTMAT"}, (3, 3, 4), "ReferenceModel"),
        ({"DATAMODL": "IRISFlatModel"}, (3, 4), "IRISFlatModel"),
        ({"DATAMODL": "IRISImageModel", "TELESCOP": ""}, (3, 4), "IRISImageModel"),
        ({"TELESCOP": "JWST"}, (3, 4), "ImageModel"),
        ({"TELESCOP": "JWST", "REFTYPE": "DARK"}, (3, 3, 4), "DarkModel"),
        ({"TELESCOP": "Keck", "INSTRUME": "Liger"}, (3, 4), "IRISImageModel"),
    ],
)
def test_class_of_a_file(tmp_path, keywords, shape, expected):
    header = fits.Header({"TELESCOP": "TMT", "INSTRUME": "IRIS", **keywords})
    fits.HDUList([fits.PrimaryHDU(header=header), fits.ImageHDU(np.zeros(shape, "f4"), name="SCI")]).writeto(
        tmp_path / "x.fits"
    )
    model = datamodels.open(tmp_path / "x.fits")
    assert type(model).__name__ == expected
    if expected.startswith("IRIS"):
        assert model.observatory.name == ("ligeriri" if keywords.get("TELESCOP") == "Keck" else "tmt")


def test_the_date_of_the_data_survives_saving(tmp_path):
    """References of ligeriri are chosen by DATE; the time of writing has a keyword of its own."""
    image(date="2024-09-24T01:02:03").save(tmp_path / "x.fits")
    header = fits.getheader(tmp_path / "x.fits")
    assert header["DATE"] == "2024-09-24T01:02:03"
    assert header["DATECRT"] > "2025"


def test_questions_of_jwst_have_answers():
    frame = image()
    assert not (frame.is_miri or frame.is_tso or frame.is_guiding or frame.is_ifu)
    assert frame.subarray == (1, 1, 5, 4)


def test_models_cross_processes():
    frame = pickle.loads(pickle.dumps(image(instrument__filter="K")))
    assert type(frame) is datamodels.IRISImageModel
    assert (frame.meta.instrument.filter, frame.data[1, 0]) == ("K", 5)


def test_flags_and_cutout_of_a_reference(tmp_path):
    dark = datamodels.IRISDarkModel(np.arange(64, dtype="f4").reshape(8, 8))
    dark.meta.subarray.name, dark.meta.subarray.xstart, dark.meta.subarray.ystart = "FULL", 1, 1
    dark.save(tmp_path / "dark.fits")
    part = image((2, 3), subarray__name="CUSTOM", subarray__xstart=3, subarray__ystart=5)
    cut = datamodels.open(tmp_path / "dark.fits").cutout(part)
    np.testing.assert_array_equal(cut.data, dark.data[4:6, 2:5])
    mask = datamodels.IRISMaskModel(np.eye(8, dtype="u4"))
    mask.save(tmp_path / "mask.fits")
    assert datamodels.open(tmp_path / "mask.fits").dq.sum() == 8
