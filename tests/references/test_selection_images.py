"""What chooses the references of images: the keywords of the documents, by the real rules."""

import pytest

from hexcal.references.cache import ReferenceCache
from hexcal.references.context import Context
from hexcal.references.mapping_file import read_mapping

SHORT = {
    "DETECTOR": "META.INSTRUMENT.DETECTOR", "FILTER": "META.INSTRUMENT.FILTER", "PUPIL": "META.INSTRUMENT.PUPIL",
    "GRATING": "META.INSTRUMENT.GRATING", "BAND": "META.INSTRUMENT.BAND", "EXP_TYPE": "META.EXPOSURE.TYPE",
    "READPATT": "META.EXPOSURE.READPATT", "SUBARRAY": "META.SUBARRAY.NAME",
}  # fmt: skip
FLAT = {
    "FGS": "DETECTOR EXP_TYPE",
    "MIRI": "DETECTOR FILTER BAND READPATT SUBARRAY",
    "NIRCAM": "DETECTOR FILTER PUPIL",
    "NIRISS": "DETECTOR FILTER PUPIL",
    "NIRSPEC": "DETECTOR FILTER GRATING EXP_TYPE",
}
AREA = {
    "FGS": "DETECTOR",
    "MIRI": "DETECTOR FILTER EXP_TYPE",
    "NIRCAM": "DETECTOR FILTER PUPIL EXP_TYPE",
    "NIRISS": "DETECTOR FILTER PUPIL EXP_TYPE",
    "NIRSPEC": "DETECTOR FILTER GRATING EXP_TYPE",
}
DATES = {"META.OBSERVATION.DATE", "META.OBSERVATION.TIME"}
NIRCAM = {
    "META.INSTRUMENT.NAME": "NIRCAM",
    "META.INSTRUMENT.DETECTOR": "NRCA1",
    "META.INSTRUMENT.FILTER": "F200W",
    "META.INSTRUMENT.PUPIL": "CLEAR",
    "META.EXPOSURE.TYPE": "NRC_IMAGE",
    "META.OBSERVATION.DATE": "2022-09-01",
    "META.OBSERVATION.TIME": "00:00:00",
}


@pytest.fixture(scope="module")
def newest(real_data):
    cache = ReferenceCache(real_data / "crds_cache", "jwst")
    return Context(cache, cache.context_name("newest"))


def keywords(context, instrument, kind):
    """What the rules of an instrument ask for, but the dates."""
    name = context.imap(instrument).selector[kind]
    names = {
        key for keys in read_mapping(f"{context.cache.root}/mappings/jwst/{name}").header["parkey"] for key in keys
    }
    assert names >= DATES
    return names - DATES


@pytest.mark.req("FLAT-18")
@pytest.mark.parametrize("instrument", FLAT)
def test_flat_fields(newest, instrument):
    assert keywords(newest, instrument, "FLAT") == {SHORT[name] for name in FLAT[instrument].split()}


@pytest.mark.req("PHOT-31")
@pytest.mark.parametrize("instrument", AREA)
def test_pixel_areas(newest, instrument):
    assert keywords(newest, instrument, "AREA") == {SHORT[name] for name in AREA[instrument].split()}


@pytest.mark.req("FLAT-18")
@pytest.mark.parametrize(("key", "other"), [("DETECTOR", "NRCB1"), ("FILTER", "F150W"), ("PUPIL", "F164N")])
def test_each_of_them_decides(newest, key, other):
    header = {**NIRCAM, SHORT["FILTER"]: "F150W2" if key == "PUPIL" else "F200W"}
    first, second = (newest.choose(each, ["flat"])["flat"].name for each in (header, {**header, SHORT[key]: other}))
    assert first and second and first != second
