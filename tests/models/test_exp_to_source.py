"""Exposures regrouped by source."""

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from hexcal import datamodels
from hexcal.datamodels import ImageModel, ModelContainer, MultiExposureModel, MultiSlitModel, SlitModel
from hexcal.errors import InputError
from hexcal.exp_to_source import exp_to_source, multislit_to_container
from hexcal.models.exp_to_source import source_product_name

ARRAYS = ("data", "err", "dq", "wavelength", "var_poisson", "var_rnoise", "var_flat", "pathloss_point", "barshadow")


def exposure(number, sources, exposure_type="NRS_MSASPEC", names=None):
    """An exposure whose slits hold 100 x exposure + source."""
    model = MultiSlitModel()
    model.meta.exposure.type, model.meta.instrument.name = exposure_type, "NIRSPEC"
    model.meta.observation.exposure_number, model.meta.exposure.exposure_time = str(number), 10.0 * number
    for index, source in enumerate(sources):
        shape = (3, 4 + index)
        slit = SlitModel(np.full(shape, 100 * number + (source or 0), np.float32))
        for name in ARRAYS[1:]:
            setattr(slit, name, np.full(shape, index))
        slit.set_meta("name", names[index] if names else f"slit{index}")
        slit.meta.wcsinfo.wcsaxes = 3
        if source is not None:
            slit.set_meta("source_id", source)
        model.slits.append(slit)
    return model


def values(models):
    return [float(model.data[0, 0]) for model in models]


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "a_cal.fits", tmp_path / "b_cal.fits"]
    exposure(1, [5, 7, 9]).save(paths[0])
    exposure(2, [7, 5, 11]).save(paths[1])
    return paths


@pytest.mark.req("E2S-01", "E2S-03", "E2S-05", "E2S-09")
def test_every_source_gets_its_exposures(files):
    sources = exp_to_source([datamodels.open(path) for path in files])
    assert {source: values(model.exposures) for source, model in sources.items()} == {
        "5": [105, 205],
        "7": [107, 207],
        "9": [109],
        "11": [211],
    }
    assert all(type(model) is MultiExposureModel for model in sources.values())


@pytest.mark.req("E2S-10")
def test_every_source_gets_a_container(files):
    inputs = ModelContainer(files)
    containers = multislit_to_container(inputs)
    assert {source: values(models) for source, models in containers.items()} == {
        "5": [105, 205],
        "7": [107, 207],
        "9": [109],
        "11": [211],
    }
    first, second = containers["7"]
    assert isinstance(containers["7"], ModelContainer) and isinstance(first, SlitModel) and first.data.ndim == 2
    # each image has the metadata of its exposure besides its own
    assert (first.meta.filename, second.meta.filename) == ("a_cal.fits", "b_cal.fits")
    assert (first.meta.exposure.exposure_time, second.meta.exposure.exposure_time) == (10.0, 20.0)
    assert first.source_id == 7 and first.meta.wcsinfo.wcsaxes == 3


@pytest.mark.req("E2S-04")
@pytest.mark.parametrize("saved", [False, True])
def test_all_arrays_come_along_and_the_inputs_stay(tmp_path, files, saved):
    inputs = [datamodels.open(path) for path in files] if saved else [exposure(1, [5, 7, 9]), exposure(2, [7, 5, 11])]
    source = exp_to_source(inputs)["5"]
    for name in ARRAYS[1:]:
        assert [float(getattr(slit, name)[0, 0]) for slit in source.exposures] == [0, 1], name
    source.exposures[0].data[:] = -1
    source.exposures[0].meta.wcsinfo.wcsaxes = 2
    assert inputs[0].slits[0].data[0, 0] == 105 and inputs[0].slits[0].meta.wcsinfo.wcsaxes == 3


def test_what_a_slit_says_goes_before_what_its_exposure_says(tmp_path):
    made = exposure(1, [5])
    made.meta.wcsinfo.ra_ref, made.meta.wcsinfo.dec_ref = 1.0, 2.0
    made.slits[0].meta.wcsinfo.ra_ref = 3.0
    slit = exp_to_source([made])["5"].exposures[0]
    assert (slit.meta.wcsinfo.ra_ref, slit.meta.wcsinfo.dec_ref) == (3.0, 2.0)


def test_a_source_is_saved_and_opened_again(tmp_path, files):
    source = exp_to_source([datamodels.open(path) for path in files])["7"]
    path = tmp_path / "jw1_s00007_x_cal.fits"
    source.save(path)
    with fits.open(path) as hdus:
        header = hdus[0].header
        assert header["DATAMODL"] == "MultiExposureModel" and header["EXPOSURE"] == "1"
        assert [(hdu.name, hdu.ver) for hdu in hdus if hdu.name in ("SCI", "BARSHADOW")] == [
            ("SCI", 1),
            ("BARSHADOW", 1),
            ("SCI", 2),
            ("BARSHADOW", 2),
        ]
        assert [hdus["SCI", version].header["SOURCEID"] for version in (1, 2)] == [7, 7]
    again = datamodels.open(path)
    assert type(again) is MultiExposureModel and values(again.exposures) == [107, 207]
    assert [slit.meta.filename for slit in again.exposures] == ["a_cal.fits", "b_cal.fits"]
    assert [slit.meta.exposure.exposure_time for slit in again.exposures] == [10.0, 20.0]
    assert again.meta.exposure.exposure_time == 10.0
    copy = again.copy()
    copy.exposures[1].data[:] = 0
    copy.save(tmp_path / "copy.fits")
    assert values(datamodels.open(tmp_path / "copy.fits").exposures) == [107, 0]
    assert values(again.exposures) == [107, 207]
    again.check()


@pytest.mark.req("E2S-06")
def test_fixed_slits_stand_for_their_sources():
    names = ["S200A1", "S200A2", "S400A1", "S1600A1", "S200B1"]
    for missing in (None, 0):
        made = exposure(1, [missing] * 5, "NRS_FIXEDSLIT", names)
        sources = exp_to_source([made, exposure(2, [missing] * 5, "NRS_FIXEDSLIT", names)])
        assert {source: model.exposures[0].name for source, model in sources.items()} == dict(
            zip("12345", names, strict=True)
        )
        assert all(len(model.exposures) == 2 for model in sources.values())


@pytest.mark.req("E2S-07")
@pytest.mark.parametrize("exposure_type", ["NIS_WFSS", "NRC_WFSS"])
def test_sources_of_a_catalogue_by_their_number(exposure_type):
    # one source in two orders of one exposure: both are its exposures
    sources = exp_to_source([exposure(1, [9, 9, 4], exposure_type), exposure(2, [4, 9], exposure_type)])
    assert {source: values(model.exposures) for source, model in sources.items()} == {
        "9": [109, 109, 209],
        "4": [104, 204],
    }


@given(st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=5), min_size=1, max_size=4))
def test_no_slit_is_lost_or_doubled(exposures):
    inputs = [exposure(number, sources) for number, sources in enumerate(exposures, 1)]
    found = [(source, value) for source, model in exp_to_source(inputs).items() for value in values(model.exposures)]
    expected = [(str(source), 100 * number + source) for number, s in enumerate(exposures, 1) for source in s]
    assert sorted(found) == sorted(expected)


def test_what_has_no_slits_or_no_sources_is_refused(tmp_path):
    assert exp_to_source([]) == {} and multislit_to_container([]) == {}
    with pytest.raises(InputError, match="got ImageModel"):
        exp_to_source([ImageModel((3, 3))])
    with pytest.raises(InputError, match="got str"):
        exp_to_source(["a_cal.fits"])
    with pytest.raises(InputError, match=r"slit 2 \(slit1\) names no source"):
        exp_to_source([exposure(1, [5, None])])
    with pytest.raises(InputError, match="at least one SCI"):
        MultiExposureModel().check()


def test_the_slit_is_in_the_name():
    name = "jw01234-o001_{source_id}_nirspec_clear-prism-{slit_name}-allslits"
    expected = "jw01234-o001_s00001_nirspec_clear-prism-s200a1-allslits"
    assert source_product_name(name, 1, "S200A1") == expected


@pytest.mark.req("E2S-08")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jw10006-o010_{source_id}_nirspec_f170lp-g235m", "jw10006-o010_s00061_nirspec_f170lp-g235m"),
        ("jw10006-o010_nirspec_f170lp-g235m", "jw10006-o010_s00061_nirspec_f170lp-g235m"),
        ("jw10006-o010_s0002_nirspec_f170lp-g235m", "jw10006-o010_s00061_nirspec_f170lp-g235m"),
        ("product", "product_s00061"),
    ],
)
def test_the_source_is_in_the_name_with_five_digits(name, expected):
    assert source_product_name(name, "61") == expected


def test_each_slit_of_a_file_says_its_class_as_the_original_asks_for_it(tmp_path):
    model = datamodels.MultiSlitModel()
    model.meta.telescope = "JWST"
    for name in ("S200A1", "S400A1"):
        slit = datamodels.SlitModel((4, 5))
        slit.set_meta("name", name)
        model.slits.append(slit)
    model.save(tmp_path / "a_cal.fits")
    with fits.open(tmp_path / "a_cal.fits") as hdus:
        text = bytes(hdus["ASDF"].data[0][0]).partition(b"\n...")[0]
    assert text.count(b"model_type: SlitModel") == 2
    again = datamodels.open(tmp_path / "a_cal.fits")
    assert [slit.get_meta("name") for slit in again.slits] == ["S200A1", "S400A1"]
