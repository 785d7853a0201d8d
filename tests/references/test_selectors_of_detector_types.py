"""References of the detector steps are chosen by the documented keywords: each of them makes a difference."""

import json

import pytest
from crds_caches import DATES, imap, make_cache, pmap, rmap
from pars_caches import HEAD

from hexcal import datamodels
from hexcal.pipeline import DarkPipeline, Detector1Pipeline
from hexcal.references.context import open_context
from hexcal.references.header_cards import ModelHeader

PATHS = {
    "DETECTOR": "META.INSTRUMENT.DETECTOR",
    "EXP_TYPE": "META.EXPOSURE.TYPE",
    "READPATT": "META.EXPOSURE.READPATT",
    "NOUTPUTS": "META.EXPOSURE.NOUTPUTS",
    "SUBARRAY": "META.SUBARRAY.NAME",
    "SUBSTRT1": "META.SUBARRAY.XSTART",
    "SUBSTRT2": "META.SUBARRAY.YSTART",
    "SUBSIZE1": "META.SUBARRAY.XSIZE",
    "SUBSIZE2": "META.SUBARRAY.YSIZE",
    "BAND": "META.INSTRUMENT.BAND",
    "FILTER": "META.INSTRUMENT.FILTER",
}
VALUES = {
    "FGS": ("GUIDER1", "FGS_IMAGE", "FGSRAPID"),
    "MIRI": ("MIRIMAGE", "MIR_IMAGE", "FASTR1"),
    "NIRCAM": ("NRCA1", "NRC_IMAGE", "RAPID"),
    "NIRISS": ("NIS", "NIS_IMAGE", "NISRAPID"),
    "NIRSPEC": ("NRS1", "NRS_IFU", "NRSRAPID"),
}
PLACE = "SUBSTRT1 SUBSTRT2 SUBSIZE1 SUBSIZE2"
NEAR_INFRARED = ("FGS", "NIRCAM", "NIRISS", "NIRSPEC")
PERSISTENT = ("FGS", "NIRCAM", "NIRISS")
SELECTORS = [
    # row, type, instruments, keywords beside the date
    ("DQINIT-08", "mask", ("MIRI", "NIRCAM", "NIRISS"), "DETECTOR SUBARRAY"),
    ("DQINIT-08", "mask", ("FGS",), "DETECTOR SUBARRAY EXP_TYPE"),
    ("DQINIT-08", "mask", ("NIRSPEC",), "DETECTOR SUBARRAY READPATT"),
    ("SAT-11", "saturation", ("FGS", "MIRI", "NIRCAM", "NIRISS"), "DETECTOR"),
    ("SAT-11", "saturation", ("NIRSPEC",), "DETECTOR SUBARRAY"),
    ("IPC-07", "ipc", tuple(VALUES), "DETECTOR"),
    ("SBIAS-09", "superbias", ("FGS", "NIRCAM", "NIRISS"), "DETECTOR READPATT SUBARRAY"),
    ("SBIAS-09", "superbias", ("NIRSPEC",), f"DETECTOR READPATT SUBARRAY {PLACE}"),
    ("LIN-11", "linearity", NEAR_INFRARED, "DETECTOR SUBARRAY"),
    ("LIN-11", "linearity", ("MIRI",), "DETECTOR SUBARRAY BAND FILTER"),
    ("DARK-13", "dark", ("FGS", "MIRI", "NIRISS"), "DETECTOR READPATT SUBARRAY"),
    ("DARK-13", "dark", ("NIRCAM",), "DETECTOR EXP_TYPE NOUTPUTS SUBARRAY"),
    ("DARK-13", "dark", ("NIRSPEC",), f"DETECTOR READPATT SUBARRAY {PLACE}"),
    ("PERS-20", "trapdensity", PERSISTENT, "DETECTOR"),
    ("PERS-21", "persat", PERSISTENT, "DETECTOR"),
    ("PERS-22", "trappars", PERSISTENT, "DETECTOR"),
]


def exposure(instrument):
    """A raw exposure with all the keywords."""
    detector, kind, pattern = VALUES[instrument]
    model = datamodels.Level1bModel()
    meta = model.meta
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", instrument, detector
    meta.observation.date, meta.observation.time = "2022-03-04", "05:06:07.000"
    meta.exposure.type, meta.exposure.readpatt, meta.exposure.noutputs = kind, pattern, 4
    where = meta.subarray
    where.name, where.xstart, where.ystart, where.xsize, where.ysize = "FULL", 1, 1, 2048, 2048
    if instrument == "MIRI":
        meta.instrument.band, meta.instrument.filter = "SHORT", "F770W"
    return model


class Changed:
    """The header of an exposure, but for one keyword."""

    def __init__(self, header, path=None, value=None):
        self.header, self.path, self.value = header, path, value

    def get(self, parameter, default=None):
        return self.value if parameter == self.path else self.header.get(parameter, default)


def chosen(context, header, kind):
    return str(context.choose(header, [kind])[kind])


@pytest.mark.parametrize(
    ("kind", "instrument", "keywords"),
    [
        pytest.param(kind, instrument, keywords.split(), marks=pytest.mark.req(row), id=f"{kind}-{instrument}")
        for row, kind, instruments, keywords in SELECTORS
        for instrument in instruments
    ],
)
def test_each_documented_keyword_selects(kind, instrument, keywords, tmp_path):
    header = ModelHeader(exposure(instrument))
    values = tuple(str(header.get(PATHS[keyword])) for keyword in keywords)
    stem = f"jwst_{instrument.lower()}_{kind}"
    lines = [
        f"    {values!r} : UseAfter({{'2020-01-01 00:00:00' : '{stem}_0001.fits', "
        f"'2022-03-04 05:06:08' : '{stem}_0002.fits'}}),\n"
    ]
    others = {}
    for number, keyword in enumerate(keywords):
        other = tuple("OTHER" if other == keyword else value for other, value in zip(keywords, values, strict=True))
        others[keyword] = f"{stem}_{number + 3:04}.fits"
        lines.append(f"    {other!r} : UseAfter({{'2020-01-01 00:00:00' : '{others[keyword]}'}}),\n")
    parkey = (tuple(PATHS[keyword] for keyword in keywords), DATES)
    mappings = {
        "jwst_0001.pmap": pmap({instrument: f"jwst_{instrument.lower()}_0001.imap"}),
        f"jwst_{instrument.lower()}_0001.imap": imap({kind.upper(): f"{stem}_0001.rmap"}, instrument),
        f"{stem}_0001.rmap": rmap("Match({\n" + "".join(lines) + "})", parkey, instrument, kind.upper()),
    }
    context = open_context("jwst_0001.pmap", make_cache(tmp_path, mappings))
    assert chosen(context, header, kind) == f"{stem}_0001.fits"
    assert chosen(context, Changed(header, DATES[1], "05:06:09.000"), kind) == f"{stem}_0002.fits"
    assert chosen(context, Changed(header, DATES[0], "2023-01-01"), kind) == f"{stem}_0002.fits"
    for keyword in keywords:
        assert chosen(context, Changed(header, PATHS[keyword], "OTHER"), kind) == others[keyword]


def write_parameters(root, instrument, name, steps):
    path = root / "references" / "jwst" / instrument.lower() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    tree = {"class": name.split("_")[2], "parameters": {}}
    tree["steps"] = [{"name": step, "parameters": values} for step, values in steps.items()]
    path.write_text(HEAD + "\n".join(f"{key}: {json.dumps(value)}" for key, value in tree.items()) + "\n...\n")


@pytest.mark.parametrize("instrument", VALUES)
@pytest.mark.parametrize(
    ("pipeline", "keyword"),
    [
        pytest.param(Detector1Pipeline, "TSOVISIT", marks=pytest.mark.req("DET1-09")),
        pytest.param(DarkPipeline, None, marks=pytest.mark.req("DARKPIPE-08")),
    ],
)
def test_parameters_of_the_pipelines(pipeline, keyword, instrument, tmp_path, monkeypatch):
    """pars-detector1pipeline knows time series by TSOVISIT; pars-darkpipeline only the instrument."""
    kind, stem = f"pars-{pipeline.__name__.lower()}", instrument.lower()
    files = {value: f"jwst_{stem}_{kind}_000{number}.asdf" for number, value in ((1, "F"), (2, "T"))}
    rows = files if keyword else {"": files["F"]}
    selector = "Match({\n" + "".join(
        f"    ({key!r},) : UseAfter({{'2020-01-01 00:00:00' : '{name}'}}),\n" for key, name in rows.items()
    )
    selector = f"{selector}}})" if keyword else f"Match({{(): UseAfter({{'2020-01-01 00:00:00' : '{files['F']}'}})}})"
    parkey = (("META.VISIT.TSOVISIT",) if keyword else (), DATES)
    mappings = {
        "jwst_0001.pmap": pmap({instrument: f"jwst_{stem}_0001.imap"}),
        f"jwst_{stem}_0001.imap": imap({kind.upper(): f"jwst_{stem}_{kind}_0001.rmap"}, instrument),
        f"jwst_{stem}_{kind}_0001.rmap": rmap(selector, parkey, instrument, kind.upper()),
    }
    root = make_cache(tmp_path, mappings, operational_context="jwst_0001.pmap")
    for value, name in files.items():
        write_parameters(root, instrument, name, {"group_scale": {"skip": value == "T"}})
    monkeypatch.setenv("CRDS_PATH", str(root))
    model = exposure(instrument)
    for is_time_series in (False, True):
        model.meta.visit.tsovisit = is_time_series
        found = pipeline.get_config_from_reference(model)
        skipped = found["steps"]["group_scale"]["parameters"]["skip"]
        assert skipped is (is_time_series if keyword else False)
