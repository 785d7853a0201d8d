"""Types of reference files of stages 2 and 3: what chooses them in the real rules, who asks for them, how they open.

Types whose real rules of this context are older than the documents are not here.
"""

import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.core import registry
from hexcal.references.context import keywords_of, open_context

INSTRUMENTS = ("FGS", "MIRI", "NIRCAM", "NIRISS", "NIRSPEC")
NONE = "-"
"""The instrument has no references of the type."""
OPTICS = "camera collimator disperser fore fpa ifufore ifupost ifuslicer msa ote".split()
FILTERS = "DETECTOR FILTER PUPIL"

# row, type, step, model and its extensions, what decides by instrument ("": all others; None: the documents name the
# instrument only)
TYPES = [
    (
        "RT-03", "area", "photom", "PixelAreaModel SCI",
        {"FGS": "DETECTOR", "MIRI": "DETECTOR FILTER EXP_TYPE", "NIRSPEC": "DETECTOR FILTER GRATING EXP_TYPE",
         "": f"{FILTERS} EXP_TYPE"},
    ),
    ("RT-04", "barshadow", "barshadow", "BarshadowModel DATA1X1 VAR1X1 DATA1X3 VAR1X3", {"NIRSPEC": "EXP_TYPE"}),
    *(("RT-05", kind, "assign_wcs", "", {"NIRSPEC": None}) for kind in OPTICS),
    (
        "RT-08", "dflat", "flat_field", "NirspecFlatModel SCI ERR DQ WAVELENGTH FAST_VARIATION DQ_DEF",
        {"NIRSPEC": "DETECTOR EXP_TYPE"},
    ),
    ("RT-10", "drizpars", "resample", "DrizParsModel DRIZPARS", {"MIRI": "", "NIRCAM": "", "NIRISS": ""}),
    ("RT-13", "fflat", "flat_field", "NirspecFlatModel FAST_VARIATION", {"NIRSPEC": "FILTER EXP_TYPE"}),
    (
        "RT-15", "flat", "flat_field", "FlatModel SCI ERR DQ DQ_DEF",
        {"FGS": "DETECTOR EXP_TYPE", "MIRI": "DETECTOR FILTER BAND READPATT SUBARRAY",
         "NIRSPEC": "DETECTOR FILTER GRATING EXP_TYPE", "": FILTERS},
    ),
    ("FRNG-06", "fringe", "fringe", "FringeModel SCI ERR DQ DQ_DEF", {"MIRI": "DETECTOR BAND"}),
    ("RT-16", "fringe", "fringe", "FringeModel SCI ERR DQ DQ_DEF", {"MIRI": "DETECTOR BAND"}),
    *(("RT-18", "gain", step, "GainModel SCI", {"": "DETECTOR SUBARRAY"})
      for step in ("gain_scale", "jump", "ramp_fit")),
    ("RT-50", "gain", "guider_cds", "GainModel SCI", {"": "DETECTOR SUBARRAY"}),
    ("RT-26", "persat", "persistence", "PersistenceSatModel SCI DQ DQ_DEF",
     {"FGS": "DETECTOR", "NIRCAM": "DETECTOR", "NIRISS": "DETECTOR"}),
    ("RT-27", "trapdensity", "persistence", "TrapDensityModel SCI DQ DQ_DEF",
     {"FGS": "DETECTOR", "NIRCAM": "DETECTOR", "NIRISS": "DETECTOR"}),
    ("RT-28", "trappars", "persistence", "TrapParsModel TRAPPARS",
     {"FGS": "DETECTOR", "NIRCAM": "DETECTOR", "NIRISS": "DETECTOR"}),
    (
        "RT-29", "photom", "photom", "MirMrsPhotomModel SCI ERR DQ PIXSIZ DQ_DEF TIMECOEFF_CH1 TIMECOEFF_CH4",
        {"MIRI": "DETECTOR BAND", "NIRSPEC": "EXP_TYPE", "": "DETECTOR"},
    ),
    *(("RT-31", "readnoise", step, "ReadnoiseModel SCI", {"": "DETECTOR READPATT SUBARRAY"})
      for step in ("jump", "ramp_fit", "guider_cds")),
    ("RT-32", "refpix", "refpix", "IRS2Model IRS2 DQ", {"NIRSPEC": "DETECTOR READPATT"}),
    ("RT-35", "rscd", "rscd", "RSCDModel RSCD_GROUP_SKIP", {"MIRI": "DETECTOR"}),
]  # fmt: skip

# MSAOPER is a file of JSON; `tests/steps/wcs/test_msa_flagging.py` reads the entries.
OF_TEXTS = [("RT-24", "msaoper", "msa_flagging", {"NIRSPEC": "EXP_TYPE"})]

# row, type, step, a real file, class of its model, instruments that have such references, what decides
OF_TREES = [
    ("RT-09", "distortion", "assign_wcs", "miri_wcs/jwst_miri_distortion_0028.asdf", "FGS MIRI NIRCAM NIRISS"),
    ("RT-33", "regions", "assign_wcs", "miri_wcs/jwst_miri_regions_0017.asdf", "MIRI"),
    ("RT-39", "specwcs", "assign_wcs", "miri_wcs/jwst_miri_specwcs_0016.asdf", "MIRI NIRCAM NIRISS"),
    *((row, "wavecorr", "wavecorr", "jwst_nirspec_wavecorr_0001.asdf", "NIRSPEC", "EXP_TYPE")
      for row in ("RT-43", "WAVC-06")),
    *((row, "wavelengthrange", "extract_2d", "jwst_nirspec_wavelengthrange_0004.asdf", "MIRI NIRCAM NIRISS NIRSPEC",
       "EXP_TYPE") for row in ("RT-44", "BKG-21")),
    *(
        ("RT-05", kind, "assign_wcs", f"jwst_nirspec_{kind}_{number}.asdf", "NIRSPEC")
        for kind, number in (
            ("camera", "0004"), ("collimator", "0004"), ("disperser", "0034"), ("fore", "0028"), ("fpa", "0005"),
            ("ifupost", "0004"), ("ote", "0005"),
        )
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def real(real_data):
    """The newest real context."""
    return open_context("newest", str(real_data / "crds_cache"), "jwst")


def require_chosen_by(real, kind, deciding):
    """Compare the keywords that decide about a type with what the documents say."""
    for instrument in INSTRUMENTS:
        wanted, rules = deciding.get(instrument, deciding.get("", NONE)), real.rules(instrument, kind)
        assert (rules == "N/A") == (wanted == NONE), instrument
        if wanted not in (NONE, None):
            keywords = {name for parameter in rules.parameters for name in keywords_of("jwst", parameter)[:1]}
            assert keywords - {"DATE-OBS", "TIME-OBS"} == set(wanted.split()), instrument


@pytest.mark.parametrize(
    ("kind", "step", "model", "deciding"),
    [pytest.param(*row[1:], marks=pytest.mark.req(row[0]), id=f"{row[1]} of {row[2]}") for row in TYPES],
)
def test_a_type_in_fits(kind, step, model, deciding, real, tmp_path):
    require_chosen_by(real, kind, deciding)
    assert kind in registry.find(step).reference_types
    if not model:
        return
    name, *extensions = model.split()
    header = fits.Header({"TELESCOP": "JWST", "INSTRUME": "NIRSPEC", "REFTYPE": kind.upper(), "DATAMODL": name})
    path = tmp_path / f"{kind}.fits"
    fits.PrimaryHDU(header=header).writeto(path)
    opened = datamodels.open(path)
    assert type(opened) is getattr(datamodels, name)
    assert set(extensions) <= {spec.hdu.upper() for spec in opened.specs.values()}


@pytest.mark.parametrize(
    ("kind", "step", "deciding"),
    [pytest.param(*row[1:], marks=pytest.mark.req(row[0]), id=row[1]) for row in OF_TEXTS],
)
def test_a_type_in_json(kind, step, deciding, real):
    require_chosen_by(real, kind, deciding)
    assert kind in registry.find(step).reference_types


@pytest.mark.parametrize(
    ("kind", "step", "file", "instruments", "deciding"),
    [
        pytest.param(*row[1:], *[None] * (6 - len(row)), marks=pytest.mark.req(row[0]), id=f"{row[1]} {row[0]}")
        for row in OF_TREES
    ],
)
def test_a_type_in_asdf(kind, step, file, instruments, deciding, real, real_data):
    require_chosen_by(real, kind, dict.fromkeys(instruments.split(), deciding))
    assert kind in registry.find(step).reference_types
    model = datamodels.open(real_data / "references" / file)
    assert type(model).__name__.lower().removesuffix("model") == kind
    assert model.meta.reftype.lower() == kind
