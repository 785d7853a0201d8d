"""What chooses the references of spectra: each keyword of the documents decides, and nothing else is asked for."""

import pytest
from crds_caches import DATES, imap, make_cache, pmap, rmap

from hexcal import datamodels, step
from hexcal.errors import ReferenceError_
from hexcal.models.declared import everywhere
from hexcal.references import chooser
from hexcal.references.context import open_context

KEYWORDS = {
    "EXP_TYPE": ("META.EXPOSURE.TYPE", "", ""),
    "DETECTOR": ("META.INSTRUMENT.DETECTOR", "NRS1", "NRS2"),
    "FILTER": ("META.INSTRUMENT.FILTER", "F100LP", "F170LP"),
    "GRATING": ("META.INSTRUMENT.GRATING", "G140M", "G235M"),
    "BAND": ("META.INSTRUMENT.BAND", "SHORT", "LONG"),
    "LAMP": ("META.INSTRUMENT.LAMP_STATE", "LINE1", "LINE2"),
    "OPMODE": ("META.INSTRUMENT.LAMP_MODE", "FIXEDSLIT", "MSASPEC"),
    "TSOVISIT": ("META.VISIT.TSOVISIT", True, False),
    "CROWDFLD": ("META.VISIT.CROWDED_FIELD", True, False),
}
EXPOSURES = {
    "MIRI": ("MIR_MRS", "MIR_LRS-FIXEDSLIT"),
    "NIRSPEC": ("NRS_FIXEDSLIT", "NRS_MSASPEC"),
    "NIRISS": ("NIS_SOSS", "NIS_WFSS"),
    "NIRCAM": ("NRC_WFSS", "NRC_TSGRISM"),
    "FGS": ("FGS_IMAGE", "FGS_DARK"),
}
# Row, type, instrument, keywords beside the dates, step that asks for it, model.
RULES = [
    ("FLAT-19", "fflat", "NIRSPEC", "FILTER EXP_TYPE", "FlatFieldStep", "NirspecFlatModel"),
    (
        "FLAT-24",
        "sflat",
        "NIRSPEC",
        "DETECTOR FILTER GRATING EXP_TYPE LAMP OPMODE",
        "FlatFieldStep",
        "NirspecFlatModel",
    ),
    ("FLAT-27", "dflat", "NIRSPEC", "DETECTOR EXP_TYPE", "FlatFieldStep", "NirspecFlatModel"),
    ("FRNG-05", "fringe", "MIRI", "DETECTOR BAND", "FringeStep", "FringeModel"),
    ("MSAF-05", "msaoper", "NIRSPEC", "EXP_TYPE", "MSAFlagOpenStep", None),
    ("PATH-18", "pathloss", "MIRI", "EXP_TYPE", "PathLossStep", "MirLrsPathlossModel"),
    ("PATH-18", "pathloss", "NIRISS", "EXP_TYPE", "PathLossStep", "PathlossModel"),
    ("PATH-18", "pathloss", "NIRSPEC", "EXP_TYPE", "PathLossStep", "PathlossModel"),
    *(("", "photom", name, "DETECTOR", "PhotomStep", None) for name in ("FGS", "NIRCAM", "NIRISS")),
    ("", "photom", "MIRI", "DETECTOR BAND", "PhotomStep", None),
    ("", "photom", "NIRSPEC", "EXP_TYPE", "PhotomStep", None),
    *(("X1D-50", "extract1d", name, "EXP_TYPE", "Extract1dStep", None) for name in ("MIRI", "NIRISS")),
    ("X1D-50", "extract1d", "NIRSPEC", "EXP_TYPE LAMP OPMODE", "Extract1dStep", None),
    *(("X1D-55", "apcorr", name, "EXP_TYPE", "Extract1dStep", None) for name in ("FGS", "MIRI", "NIRCAM", "NIRISS")),
    ("X1D-55", "apcorr", "NIRSPEC", "EXP_TYPE FILTER GRATING LAMP OPMODE", "Extract1dStep", None),
    ("BAR-09", "barshadow", "NIRSPEC", "EXP_TYPE", "BarShadowStep", "BarshadowModel"),
    ("STRAY-07", "mrsxartcorr", "MIRI", "EXP_TYPE", "StraylightStep", "MirMrsXArtCorrModel"),
    ("RFRN-06 RFRN-09", "fringefreq", "MIRI", "EXP_TYPE DETECTOR", "ResidualFringeStep", "FringeFreqModel"),
    ("CUBE-45", "cubepar", "MIRI", "EXP_TYPE", "CubeBuildStep", "MiriIFUCubeParsModel"),
    ("CUBE-45", "cubepar", "NIRSPEC", "EXP_TYPE OPMODE", "CubeBuildStep", "NirspecIFUCubeParsModel"),
    ("SLEAK-07", "mrsptcorr", "MIRI", "EXP_TYPE", "SpectralLeakStep", "MirMrsPtCorrModel"),
    *(("", "extract1d", name, "EXP_TYPE", "Extract1dStep", None) for name in ("MIRI", "NIRISS")),
    ("", "extract1d", "NIRSPEC", "EXP_TYPE LAMP OPMODE", "Extract1dStep", None),
    *(("X1D-55", "apcorr", name, "EXP_TYPE", "Extract1dStep", None) for name in ("FGS", "MIRI", "NIRCAM", "NIRISS")),
    ("X1D-55", "apcorr", "NIRSPEC", "EXP_TYPE FILTER GRATING LAMP OPMODE", "Extract1dStep", None),
    ("SP2-22", "pars-spec2pipeline", "MIRI", "TSOVISIT", None, None),
    *(
        ("SP2-22", "pars-spec2pipeline", name, "CROWDFLD EXP_TYPE TSOVISIT", None, None)
        for name in ("NIRCAM", "NIRISS")
    ),
    ("SP2-22", "pars-spec2pipeline", "NIRSPEC", "EXP_TYPE LAMP OPMODE TSOVISIT", None, None),
]


def _cache(root, kind, instrument, keywords):
    """Rules as the documents have them: a file for the first value of all keywords, one for each second value."""
    paths = [KEYWORDS[name][0] for name in keywords]
    first = [_values(name, instrument)[0] for name in keywords]
    lines = [f"    {_match(first)} : UseAfter({{'1900-01-01 00:00:00' : 'jwst_first.fits'}}),"]
    for number, name in enumerate(keywords):
        changed = [*first[:number], _values(name, instrument)[1], *first[number + 1 :]]
        lines.append(
            f"    {_match(changed)} : UseAfter({{'1900-01-01 00:00:00' : 'jwst_{name.lower()}.fits',"
            f" '2025-01-01 00:00:00' : 'jwst_{name.lower()}_later.fits'}}),"
        )
    selector = "Match({\n" + "\n".join(lines) + "\n})"
    mappings = {
        "jwst_0001.pmap": pmap({instrument: "jwst_x_0001.imap"}),
        "jwst_x_0001.imap": imap({kind.upper(): "jwst_x_0001.rmap"}, instrument=instrument),
        "jwst_x_0001.rmap": rmap(selector, (tuple(paths), DATES), instrument=instrument, filekind=kind.upper()),
    }
    return make_cache(root, mappings, operational_context="jwst_0001.pmap")


def _values(name, instrument):
    return EXPOSURES[instrument] if name == "EXP_TYPE" else KEYWORDS[name][1:]


def _match(values):
    words = [{True: "T", False: "F"}.get(value, value) for value in values]
    return "(" + "".join(f"{word!r}, " for word in words) + ")"


def _exposure(instrument, keywords, changed=None, date="2022-07-01"):
    model = datamodels.ImageModel((4, 4))
    model.meta.telescope, model.meta.instrument.name = "JWST", instrument
    model.meta.observation.date, model.meta.observation.time = date, "00:00:00"
    for name in keywords:
        model.set_meta(KEYWORDS[name][0].lower(), _values(name, instrument)[int(name == changed)])
    return model


@pytest.mark.parametrize(
    ("kind", "instrument", "keywords", "asked_by", "model"),
    [pytest.param(*rule[1:], marks=pytest.mark.req(*rule[0].split()), id=f"{rule[1]} {rule[2]}") for rule in RULES],
)
def test_the_documented_keywords_decide(kind, instrument, keywords, asked_by, model, tmp_path, monkeypatch):
    keywords = keywords.split()
    for name in ("CRDS_CONTEXT", "CRDS_OBSERVATORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRDS_PATH", str(_cache(tmp_path, kind, instrument, keywords)))
    for changed, date, file in [
        (None, "2022-07-01", "jwst_first"),
        *((name, "2022-07-01", f"jwst_{name.lower()}") for name in keywords),
        *((name, "2026-07-01", f"jwst_{name.lower()}_later") for name in keywords),
    ]:
        with pytest.raises(ReferenceError_, match=rf"{file}\.fits is not in the cache"):
            chooser.Chooser(_exposure(instrument, keywords, changed, date)).find(kind)
    if asked_by is not None:
        assert kind in getattr(step, asked_by).reference_types
    assert model is None or model in everywhere()


@pytest.mark.req("X1D-50")
def test_nircam_has_no_extract1d_files(real_data):
    context = open_context("newest", str(real_data / "crds_cache"), "jwst")
    assert context.rules("NIRCAM", "extract1d") == "N/A"
