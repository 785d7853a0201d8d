"""Which bands of which exposures go into which cube."""

import numpy as np
import pytest

from hexcal import datamodels
from hexcal.errors import InputError, ParameterError
from hexcal.step import CubeBuildStep
from hexcal.steps.spectrum.cube_bands import CHANNELS, FILTERS, GRATINGS, Band, bands_of, plans, words
from hexcal.steps.spectrum.cube_grid import table_waves

MRS = [
    [Band("1", "short"), Band("2", "short")],
    [Band("3", "short"), Band("4", "short")],
    [Band("1", "long"), Band("2", "long")],
]
MEDIUM = [[Band("g140m", "f100lp")], [Band("g235m", "f170lp")], [Band("g140m", "f070lp")]]


def names(exposures, output_type, first=None, second=None):
    return [plan.text for plan in plans(exposures, first, second, output_type, "test")]


@pytest.mark.req("CUBE-05", "CUBE-34")
def test_one_cube_for_each_band_channel_or_everything():
    assert names(MRS, "band") == ["ch1-short", "ch1-long", "ch2-short", "ch2-long", "ch3-short", "ch4-short"]
    assert names(MRS, "channel") == ["ch1-short-long", "ch2-short-long", "ch3-short", "ch4-short"]
    assert names(MRS, "multi") == ["ch1-2-3-4-short-long"]
    assert names(MEDIUM, "band") == ["g140m-f070lp", "g140m-f100lp", "g235m-f170lp"]
    assert names(MEDIUM, "grating") == names(MEDIUM, "multi") == ["g140m-g235m-f070lp-f100lp-f170lp"]


@pytest.mark.req("CUBE-19")
def test_names_of_nirspec():
    assert names([[Band("prism", "clear")]], "band") == ["prism-clear"]
    assert names([[Band("g140h", "f100lp")], [Band("g140h", "f070lp")]], "band") == ["g140h-f070lp", "g140h-f100lp"]


@pytest.mark.req("CUBE-30", "CUBE-31", "CUBE-32", "CUBE-33")
def test_parameters_choose_bands():
    assert names(MRS, "band", ("1", "3")) == ["ch1-short", "ch1-long", "ch3-short"]
    assert names(MRS, "multi", ("1", "2"), ("long",)) == ["ch1-2-long"]
    assert names(MEDIUM, "band", ("g140m",), ("f100lp",)) == ["g140m-f100lp"]
    assert words("1, 2", CHANNELS, "channel") == ("1", "2")
    assert words("G140M,g235m", GRATINGS, "grating") == ("g140m", "g235m")
    assert words("ALL", CHANNELS, "channel") is None
    with pytest.raises(ParameterError, match="grating must be"):
        words("g999", GRATINGS, "grating")


def test_the_members_of_a_cube_and_their_channels():
    (plan,) = plans(MRS, ("2", "3"), ("short",), "multi", "test")
    assert plan.members == ((0, (2,)), (1, (3,)))


@pytest.mark.req("CUBE-21")
def test_gratings_of_different_resolution_are_not_mixed():
    for mixed in ([[Band("g140m", "f100lp")], [Band("g140h", "f100lp")]], [*MEDIUM, [Band("prism", "clear")]]):
        with pytest.raises(InputError, match="different resolution"):
            names(mixed, "multi")
        assert len(names(mixed, "band")) == len(mixed)
    with pytest.raises(InputError, match="MIRI and NIRSpec"):
        names([*MRS, *MEDIUM], "band")


def test_exposures_say_which_bands_they_have():
    model = datamodels.IFUImageModel()
    meta = {"telescope": "JWST", "instrument": {"name": "MIRI", "channel": "34", "band": "SHORT-MEDIUM"}}
    model.update({"meta": {**meta, "exposure": {"type": "MIR_MRS"}}})
    assert bands_of(model) == [Band("3", "short-medium"), Band("4", "short-medium")]
    model.meta.instrument.band = None
    with pytest.raises(InputError, match="CHANNEL and BAND"):
        bands_of(model)


def _of_nirspec(grating, filter_name):
    model = datamodels.IFUImageModel((4, 4))
    model.meta.exposure.type, model.meta.instrument.name = "NRS_IFU", "NIRSPEC"
    model.meta.instrument.grating, model.meta.instrument.filter = grating, filter_name
    return model


@pytest.mark.req("CUBE-06")
def test_all_bands_of_nirspec_make_a_cube_of_their_own():
    pairs = "PRISM/CLEAR G140M/F070LP G140M/F100LP G235M/F170LP G395M/F290LP G140H/F070LP G140H/F100LP G235H/F170LP"
    for pair in [*pairs.split(), "G395H/F290LP"]:
        (band,) = bands_of(_of_nirspec(*pair.split("/")))
        assert band == Band(*pair.lower().split("/"))
        assert words(band.first, GRATINGS, "grating") == (band.first,)
        assert words(band.second, FILTERS, "filter") == (band.second,)
        assert names([[band]], "band") == [pair.lower().replace("/", "-")]
    with pytest.raises(InputError, match="no known band"):
        bands_of(_of_nirspec("MIRROR", "CLEAR"))


@pytest.mark.req("CUBE-42")
def test_names_of_products_by_default():
    parameters = CubeBuildStep().parameters
    assert (parameters.search_output_file, parameters.output_use_model, parameters.suffix) == (False, True, "s3d")


@pytest.mark.parametrize(
    ("low", "high", "first", "last"),
    [
        # On wavelengths of the table, between two, and beyond both ends, as in 3.0.0.
        (12.0, 14.0, 12.0, 14.0),
        (12.1, 14.1, 12.0, 15.0),
        (12.9, 14.9, 12.0, 15.0),
        (9.0, 21.0, 10.0, 20.0),
    ],
)
def test_planes_of_a_table_reach_beyond_both_ends_of_the_bands(low, high, first, last):
    middles, depths, is_linear = table_waves(np.arange(10.0, 21.0), low, high, "cube_build")
    assert (middles[0], middles[-1]) == (first, last) and not is_linear
    assert np.array_equal(depths, np.ones(len(middles)))


def test_a_table_without_the_wavelengths_of_the_bands_is_told():
    for low, high in ((5.0, 6.0), (25.0, 26.0)):
        with pytest.raises(InputError, match="wavelengths from"):
            table_waves(np.arange(10.0, 21.0), low, high, "cube_build")
