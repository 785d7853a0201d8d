"""What the documents say of the steps on images that no other test looks at: routes, defaults, parameter references."""

import json

import pytest
from crds_caches import DATES, imap, make_cache, pmap, rmap
from pars_caches import HEAD

from hexcal import datamodels
from hexcal.core import SkipStep
from hexcal.errors import InputError
from hexcal.pipeline import Image2Pipeline
from hexcal.steps.image.outlier_detection import OutlierDetectionStep
from hexcal.steps.image.source_catalog import SourceCatalogStep
from hexcal.steps.image.tweakreg import TweakRegStep

ROUTES = {
    "images": ("FGS_IMAGE", "MIR_IMAGE", "NRC_IMAGE", "NIS_IMAGE"),
    "stacks": ("MIR_LYOT", "MIR_4QPM", "NRC_CORON"),
    "time series": ("MIR_LRS-SLITLESS", "NRC_TSGRISM", "NIS_SOSS", "NRS_BRIGHTOBJ", "NRC_TSIMAGE"),
    "slits": ("MIR_LRS-FIXEDSLIT", "NRS_FIXEDSLIT", "NRS_MSASPEC"),
    "integral field": ("MIR_MRS", "NRS_IFU"),
}


@pytest.mark.req("OUTL-02")
@pytest.mark.parametrize(
    ("route", "exposure_type"), [(route, kind) for route, kinds in ROUTES.items() for kind in kinds]
)
def test_exposure_type_decides_how_outliers_are_found(route, exposure_type):
    step = OutlierDetectionStep()
    dimensions = 3 if route in ("stacks", "time series") else 2
    assert step._mode(dimensions, exposure_type, route == "time series") == route
    if route == "stacks":
        with pytest.raises(InputError, match="integrations"):
            step._mode(2, exposure_type, False)


def test_other_exposure_types_have_no_outlier_detection():
    with pytest.raises(SkipStep, match="MIR_TACQ"):
        OutlierDetectionStep()._mode(2, "MIR_TACQ", False)


@pytest.mark.req("OUTL-18", "OUTL-19", "OUTL-20", "OUTL-21", "OUTL-22", "OUTL-24")
def test_documented_defaults_of_outlier_detection():
    step = OutlierDetectionStep()
    assert (step.weight_type, step.pixfrac, step.kernel, step.fillval) == ("ivm", 1.0, "square", "INDEF")
    assert (step.nlow, step.nhigh, step.maskpt, step.snr, step.scale) == (0, 0, 0.7, "5.0 4.0", "1.2 0.7")
    assert (step.grow, step.backg, step.good_bits, step.allowed_memory) == (1, 0.0, "~DO_NOT_USE", None)
    assert (step.resample_data, step.save_intermediate_results) == (True, False)
    assert (step.scale_detection, step.search_output_file) == (False, False)


TYPE, FILTER, PUPIL, TSO = (
    "META.EXPOSURE.TYPE",
    "META.INSTRUMENT.FILTER",
    "META.INSTRUMENT.PUPIL",
    "META.VISIT.TSOVISIT",
)
SUBARRAY, VISIT = "META.SUBARRAY.NAME", "META.VISIT.TYPE"
OTHERS = {
    "FGS": {TYPE: "FGS_FOCUS"},
    "MIRI": {TYPE: "MIR_TACQ", FILTER: "F1000W"},
    "NIRCAM": {TYPE: "NRC_FOCUS", FILTER: "F070W", PUPIL: "F162M"},
    "NIRISS": {TYPE: "NIS_FOCUS", FILTER: "GR150R", PUPIL: "F150W"},
    "NIRSPEC": {TYPE: "NRS_TACONFIRM"},
}
"""Other values than those of SETTINGS."""
OTHER = {TSO: "T", SUBARRAY: "SUB64", VISIT: "PRIME_WFSC_SENSING_ONLY"}
SELECTORS = [
    # row, step, a parameter with its usual and its other value, instrument -> keywords
    *(
        ("OUTL-37", OutlierDetectionStep, ("grow", 1, 3), instrument, keywords)
        for instrument, keywords in (
            ("FGS", (TYPE,)),
            ("MIRI", (TYPE, FILTER, SUBARRAY, TSO)),
            ("NIRCAM", (TYPE, FILTER, PUPIL, TSO)),
            ("NIRISS", (TYPE, FILTER, PUPIL, TSO)),
        )
    ),
    *(
        ("TWEAK-23", TweakRegStep, ("minobj", 15, 30), instrument, keywords)
        for instrument, keywords in (
            ("FGS", (TYPE,)),
            ("MIRI", (TYPE, FILTER)),
            ("NIRCAM", (TYPE, FILTER, PUPIL)),
            ("NIRISS", (TYPE, FILTER, PUPIL)),
        )
    ),
    *(
        ("SCAT-18", SourceCatalogStep, ("npixels", 25, 40), instrument, keywords)
        for instrument, keywords in (
            ("FGS", (TYPE,)),
            *((name, (TYPE, FILTER)) for name in ("MIRI", "NIRCAM", "NIRISS")),
        )
    ),
    *(
        ("IM2-08", Image2Pipeline, ("save_bsub", False, True), instrument, (TYPE, TSO, VISIT))
        for instrument in ("FGS", "MIRI", "NIRCAM", "NIRISS", "NIRSPEC")
    ),
]
SETTINGS = {
    "FGS": ("GUIDER1", "FGS_IMAGE", None, None),
    "MIRI": ("MIRIMAGE", "MIR_IMAGE", "F770W", None),
    "NIRCAM": ("NRCA1", "NRC_IMAGE", "F200W", "CLEAR"),
    "NIRISS": ("NIS", "NIS_IMAGE", "CLEAR", "F200W"),
    "NIRSPEC": ("NRS1", "NRS_IMAGE", "F110W", None),
}


def image(instrument):
    model = datamodels.ImageModel((8, 8))
    meta = model.meta
    meta.telescope, meta.instrument.name = "JWST", instrument
    meta.instrument.detector, meta.exposure.type, meta.instrument.filter, pupil = SETTINGS[instrument]
    if pupil is not None:
        meta.instrument.pupil = pupil
    meta.observation.date, meta.observation.time = "2022-03-04", "05:06:07.000"
    meta.subarray.name, meta.visit.tsovisit, meta.visit.type = "FULL", False, "PRIME_TARGETED_FIXED"
    return model


def write_parameters(root, instrument, name, step, values):
    path = root / "references" / "jwst" / instrument.lower() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    tree = {"class": step.__name__, "name": step.alias, "parameters": values}
    path.write_text(HEAD + "\n".join(f"{key}: {json.dumps(value)}" for key, value in tree.items()) + "\n...\n")


@pytest.mark.parametrize(
    ("step", "parameter", "instrument", "keywords"),
    [pytest.param(*rest, marks=pytest.mark.req(row), id=f"{rest[0].__name__}-{rest[2]}") for row, *rest in SELECTORS],
)
def test_each_documented_keyword_selects_the_parameters(step, parameter, instrument, keywords, tmp_path, monkeypatch):
    kind, stem = step.get_config_reftype(), instrument.lower()
    model = image(instrument)
    usual = {
        TYPE: SETTINGS[instrument][1], FILTER: SETTINGS[instrument][2], PUPIL: SETTINGS[instrument][3], TSO: "F",
        SUBARRAY: "FULL", VISIT: "PRIME_TARGETED_FIXED",
    }  # fmt: skip
    others = OTHERS[instrument] | OTHER
    rows = {tuple(usual[keyword] for keyword in keywords): 1}
    for changed in keywords:
        rows[tuple(others[changed] if keyword == changed else usual[keyword] for keyword in keywords)] = 2
    names = {number: f"jwst_{stem}_{kind}_000{number}.asdf" for number in (1, 2)}
    selector = "".join(
        f"    {row!r} : UseAfter({{'2020-01-01 00:00:00' : '{names[number]}'}}),\n" for row, number in rows.items()
    )
    mappings = {
        "jwst_0001.pmap": pmap({instrument: f"jwst_{stem}_0001.imap"}),
        f"jwst_{stem}_0001.imap": imap({kind.upper(): f"jwst_{stem}_{kind}_0001.rmap"}, instrument),
        f"jwst_{stem}_{kind}_0001.rmap": rmap(
            "Match({\n" + selector + "})", (keywords, DATES), instrument, kind.upper()
        ),
    }
    root = make_cache(tmp_path, mappings, operational_context="jwst_0001.pmap")
    name, *values = parameter
    for number, value in enumerate(values, 1):
        write_parameters(root, instrument, names[number], step, {name: value})
    monkeypatch.setenv("CRDS_PATH", str(root))
    assert step.get_config_from_reference(model)["parameters"][name] == values[0]
    for keyword in keywords:
        other = image(instrument)
        other.set_meta(keyword.lower(), True if keyword == TSO else others[keyword])
        assert step.get_config_from_reference(other)["parameters"][name] == values[1], keyword
