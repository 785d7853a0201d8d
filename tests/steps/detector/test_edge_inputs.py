"""Every detector step, and the pipelines, on exposures at the edge of what there is.

Each gives a result with its status, or an error that says what is missing: never a fault, a change of the input, or a
storm of warnings.
"""

import warnings

import numpy as np
import pytest
from exposures import MIRI, NIRCAM, write_references, write_rscd, write_traps, write_uncal, write_waves

from hexcal import datamodels
from hexcal.core import registry
from hexcal.errors import HexcalError
from hexcal.models.dqflags import group, pixel
from hexcal.pipeline import DarkPipeline, Detector1Pipeline, GuiderPipeline
from hexcal.steps import ALIASES

FULL = (40, 48)
"""Of the references."""
OF_FULL_FRAMES = ("mask", "saturation", "superbias", "linearity", "gain", "readnoise")
NIRISS = {"INSTRUME": "NIRISS", "DETECTOR": "NIS", "FILTER": "CLEAR", "PUPIL": "F200W", "FASTAXIS": -2, "SLOWAXIS": -1}
FGS = {"INSTRUME": "FGS", "DETECTOR": "GUIDER1", "FASTAXIS": -2, "SLOWAXIS": -1}
NIRSPEC = {
    "INSTRUME": "NIRSPEC",
    "DETECTOR": "NRS2",
    "FILTER": "F170LP",
    "GRATING": "G235H",
    "FASTAXIS": -2,
    "SLOWAXIS": -1,
}
HEADERS = {"NIRCAM": NIRCAM, "MIRI": MIRI, "NIRISS": NIRISS, "FGS": FGS, "NIRSPEC": NIRSPEC}
TYPES = {"NIRISS": "NIS_SOSS", "FGS": "FGS_IMAGE", "NIRSPEC": "NRS_BRIGHTOBJ"}
"""Of exposures of the instruments whose header the helpers do not know."""
STEPS = sorted(alias for alias, where in ALIASES.items() if ".detector." in where)
MIRI_ONLY = {"emicorr", "firstframe", "lastframe", "reset", "rscd"}
OPTIONS = {
    "persistence": {"save_trapsfilled": False},
    "jump": {"expand_large_events": True, "find_showers": True},
    "ramp_fit": {"suppress_one_group": False},
}
"""What else a step may do."""


NOT_OF_GUIDERS = {"all saturated", "all groups flagged", "all pixels flagged", "all reference pixels", "all hit"}
NOT_OF_GUIDERS |= {"flags at random"}
"""They have no flags of groups, and PIXELDQ by another name."""


def flagged(**flags):
    def change(ramp):
        for name, value in flags.items():
            getattr(ramp, name)[...] = value

    return change


def values(number):
    def change(ramp):
        ramp.data[...] = number

    return change


def random_flags(ramp):
    rng = np.random.default_rng(1)
    ramp.groupdq = rng.integers(0, 256, ramp.shape, dtype=np.uint8)
    ramp.pixeldq = rng.integers(0, 1 << 32, ramp.shape[-2:], dtype=np.uint32)


def without(*paths):
    def change(ramp):
        for path in paths:
            ramp.set_meta(f"meta.{path}", None)

    return change


def keywords(**given):
    def change(ramp):
        for name, value in given.items():
            setattr(ramp.meta.exposure, name, value)

    return change


SHAPES = {
    "one group": (2, 1, 16, 24),
    "two groups": (2, 2, 16, 24),
    "three groups": (1, 3, 16, 24),
    "one integration of one group": (1, 1, 16, 24),
    "no integration": (0, 6, 16, 24),
    "no group": (1, 0, 16, 24),
    "one pixel": (1, 6, 1, 1),
    "one row": (2, 6, 1, 24),
    "one column": (2, 6, 24, 1),
    "odd sizes": (1, 6, 17, 23),
    "more groups than the references": (1, 14, 8, 12),
}
CHANGES = {
    "all NaN": values(np.nan),
    "all infinite": values(np.inf),
    "all negative": values(-500.0),
    "at the top of the converter": values(65535.0),
    "all saturated": flagged(groupdq=group.SATURATED, pixeldq=pixel.SATURATED),
    "all groups flagged": flagged(groupdq=group.DO_NOT_USE),
    "all pixels flagged": flagged(pixeldq=pixel.DO_NOT_USE),
    "all reference pixels": flagged(pixeldq=pixel.REFERENCE_PIXEL),
    "all hit": flagged(groupdq=group.JUMP_DET),
    "flags at random": random_flags,
    "averaged frames": keywords(nframes=4, groupgap=1, frame_divisor=4, group_time=10.0),
    "five frames divided by eight": keywords(nframes=5, groupgap=5, frame_divisor=8, group_time=20.0),
    "without numbers of frames": without("exposure.nframes", "exposure.groupgap", "exposure.frame_divisor"),
    "without times": without("exposure.frame_time", "exposure.group_time", "exposure.integration_time"),
    "without pattern": without("exposure.readpatt"),
    "without place": without("subarray.name", "subarray.xstart", "subarray.ystart"),
    "without sizes": without("subarray.xsize", "subarray.ysize"),
    "without axes": without("subarray.fastaxis", "subarray.slowaxis"),
    "without counts": without("exposure.nints", "exposure.ngroups", "exposure.integration_start"),
    "without detector": without("instrument.detector"),
    "without instrument": without("instrument.name"),
    "without type": without("exposure.type"),
    "without dates": without("observation.date", "observation.time", "exposure.start_time", "exposure.end_time"),
}
EDGES = [*SHAPES, *CHANGES]
HAVE_RATES = {"one group", "two groups", "three groups", "one pixel", "one row", "one column", "averaged frames"}
"""Of these a rate is what a pipeline must give, not an error."""


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    """Folders of reference files that fit an exposure; darks and resets are of its own subarray."""
    folders = {}

    def fitting(instrument, ramp):
        own = tuple(max(n, 1) for n in ramp.shape[-2:])
        if (instrument, own) not in folders:
            mode, folder = HEADERS[instrument], tmp_path_factory.mktemp(instrument)
            kernel = np.array([[0, -0.01, 0], [-0.01, 1.04, -0.01], [0, -0.01, 0]], "f4")
            groups = np.zeros((2, 8, *own), "f4")
            dark = {"dark": groups if mode is MIRI else groups[0], "reset": groups}
            write_references(folder, (2, 8, *FULL), mode, ipc=kernel, dark=None, reset=None)
            write_references(folder, (2, 8, *own), mode, **dict.fromkeys(OF_FULL_FRAMES), **dark)
            if mode is MIRI:
                write_rscd(folder)
                write_waves(folder)
            elif mode is NIRCAM:
                write_traps(folder, FULL)
            folders[instrument, own] = str(folder)
        return folders[instrument, own]

    return fitting


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Raw exposures by instrument and shape; those that no file can hold are made of a part of another one."""
    folder, paths = tmp_path_factory.mktemp("raw"), {}

    def make(instrument, shape):
        if (instrument, shape) not in paths:
            name = f"{instrument.lower()}_{len(paths)}_uncal.fits"
            given = {"EXP_TYPE": TYPES[instrument]} if instrument in TYPES else {}
            real = tuple(max(n, 1) for n in shape)
            paths[instrument, shape] = write_uncal(folder, real, HEADERS[instrument], name=name, **given)
        ramp = datamodels.RampModel(datamodels.open(paths[instrument, shape]))
        if 0 in shape:
            # The flags of nothing are made anew.
            of_none = datamodels.RampModel(np.zeros(shape, np.float32))
            of_none.update(ramp)
            of_none.meta.exposure.nints, of_none.meta.exposure.ngroups = shape[:2]
            ramp = of_none
        return ramp

    return make


def edge_input(edge, instrument, raw):
    ramp = raw(instrument, SHAPES.get(edge, (2, 6, 16, 24)))
    if edge in CHANGES:
        CHANGES[edge](ramp)
    return ramp


def arrays_of(model):
    return {name: getattr(model, name) for name in model.specs if isinstance(getattr(model, name), np.ndarray)}


def result_or_message(run, ramp):
    """Run; return the result, or None if there was an error that is meant. Nothing else may happen."""
    before = {name: value.copy() for name, value in arrays_of(ramp).items()}
    meta = ramp.to_flat_dict(include_arrays=False)
    result, message = None, ""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            result = run(ramp)
        except HexcalError as error:
            message = str(error)
    assert result is not None or 0 < len(message.splitlines()) <= 5
    for name, value in arrays_of(ramp).items():
        assert value.tobytes() == before[name].tobytes(), f"{name} of the input has changed"
    assert ramp.to_flat_dict(include_arrays=False) == meta
    return result


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("alias", STEPS)
def test_a_step(alias, edge, raw, references):
    step, instruments = registry.find(alias), ("MIRI",) if alias in MIRI_ONLY else ("NIRCAM", "MIRI")
    for instrument in instruments:
        ramp = edge_input(edge, instrument, raw)
        options = {"references": references(instrument, ramp), "skip": False, **OPTIONS.get(alias, {})}
        result = result_or_message(lambda ramp, options=options: step.call(ramp, **options), ramp)
        for model in (result if isinstance(result, tuple) else (result,)) if result is not None else ():
            assert model.get_meta(f"meta.cal_step.{step.status}") in ("COMPLETE", "SKIPPED")
            assert not np.isinf(model.data).any() or edge == "all infinite"


def check_rate(edge, ramp, options):
    rate = result_or_message(lambda ramp: Detector1Pipeline.call(ramp, **options), ramp)
    assert rate is not None or edge not in HAVE_RATES
    if rate is not None:
        assert rate.meta.cal_step.ramp_fit == "COMPLETE" and rate.data.shape == ramp.shape[-2:]
        bad = ~np.isfinite(rate.data)
        assert (rate.dq[bad] & pixel.DO_NOT_USE).all()


ON = {"persistence": {"save_trapsfilled": False}, "charge_migration": {"skip": False}, "emicorr": {"skip": False}}
MODES = {
    "documents": {"steps": ON},
    "3.0.0": {"profile": "3.0.0"},
    "recommended": {"profile": "recommended", "steps": {"clean_flicker_noise": {"skip": False}}},
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("instrument", ["NIRCAM", "MIRI"])
def test_a_pipeline(instrument, mode, edge, raw, references):
    ramp = edge_input(edge, instrument, raw)
    options = {"references": references(instrument, ramp), **MODES[mode]}
    check_rate(edge, ramp, options)


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("instrument", sorted(TYPES))
def test_a_pipeline_of_other_instruments(instrument, edge, raw, references):
    ramp = edge_input(edge, instrument, raw)
    options = {"references": references(instrument, ramp)}
    check_rate(edge, ramp, options)


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("instrument", ["NIRCAM", "MIRI"])
def test_darks(instrument, edge, raw, references):
    ramp = edge_input(edge, instrument, raw)
    options = {"references": references(instrument, ramp)}
    dark = result_or_message(lambda ramp: DarkPipeline.call(ramp, **options), ramp)
    assert dark is None or dark.shape == ramp.shape


SETUPS = {
    "SLOWR1": ("MIRI", {"readpatt": "SLOWR1", "nsamples": 9}, {}),
    "FASTGRPAVG": ("MIRI", {"readpatt": "FASTGRPAVG", "frame_divisor": 4}, {}),
    "MIRI time series": ("MIRI", {"type": "MIR_LRS-SLITLESS"}, {"name": "SUB64"}),
    "MIRI full frame": ("MIRI", {}, {"name": "FULL"}),
    "NIRCam time series": ("NIRCAM", {"type": "NRC_TSIMAGE"}, {}),
    "NIRCam full frame": ("NIRCAM", {}, {"name": "FULL"}),
    "NIRSpec without reference pixels": ("NIRSPEC", {"readpatt": "NRSRAPID"}, {"name": "SUB32"}),
    "IRS2": ("NIRSPEC", {"readpatt": "NRSIRS2RAPID", "type": "NRS_IFU"}, {"name": "FULL"}),
}


@pytest.mark.parametrize("setup", SETUPS)
def test_other_ways_to_take_an_exposure(setup, raw, references):
    instrument, exposure, subarray = SETUPS[setup]
    for edge in (
        *HAVE_RATES,
        "odd sizes",
        "all NaN",
        "all infinite",
        "all saturated",
        "all pixels flagged",
        "no group",
    ):
        ramp = edge_input(edge, instrument, raw)
        ramp.meta.visit.tsovisit = setup.endswith("time series")
        keywords(**exposure)(ramp)
        for name, value in subarray.items():
            setattr(ramp.meta.subarray, name, value)
        check_rate(edge, ramp, {"references": references(instrument, ramp)})
        dark = result_or_message(lambda ramp: DarkPipeline.call(ramp, references=references(instrument, ramp)), ramp)
        assert dark is not None or edge == "no group"


GUIDING = {
    "FGS_ID-IMAGE": (2, 2),
    "FGS_ID-STACK": (2, 2),
    "FGS_ACQ1": (6, 2),
    "FGS_ACQ2": (5, 2),
    "FGS_TRACK": (7, 2),
    "FGS_FINEGUIDE": (3, 8),
}


@pytest.mark.parametrize("function", GUIDING)
def test_exposures_of_guider_functions(function, references, tmp_path):
    nints, ngroups = GUIDING[function]
    shapes = {"one group": (nints, 1), "one integration": (1, ngroups), "no integration": (0, ngroups)}
    for edge in (*shapes, *(edge for edge in CHANGES if edge not in NOT_OF_GUIDERS)):
        raw = datamodels.GuiderRawModel(np.full((*shapes.get(edge, (nints, ngroups)), 16, 24), 1000, np.float32))
        raw.meta.telescope, raw.meta.instrument.name, raw.meta.instrument.detector = "JWST", "FGS", "GUIDER1"
        keywords(type=function, group_time=0.5)(raw)
        CHANGES.get(edge, without())(raw)
        options = {"references": references("FGS", raw), "steps": {"flat_field": {"override_flat": "N/A"}}}
        rate = result_or_message(lambda raw, options=options: GuiderPipeline.call(raw, **options), raw)
        refused = edge in ("one group", "no integration", "without times", "without type")
        if not refused and not (edge == "one integration" and "_ID-" in function):
            assert rate.meta.cal_step.guider_cds == "COMPLETE" and rate.shape[-2:] == (16, 24)
            assert (
                np.isfinite(rate.err).all() == np.isfinite(rate.data).all() == ("NaN" not in edge and "inf" not in edge)
            )
        else:
            assert rate is None


def test_a_cut_frame_of_irs2_is_no_frame(references):
    """Kernels once wrote beyond the end of its flags."""
    ramp = datamodels.RampModel(np.full((1, 2, 3200, 64), 1000, np.float32))
    ramp.meta.telescope, ramp.meta.instrument.name, ramp.meta.instrument.detector = "JWST", "NIRSPEC", "NRS1"
    ramp.meta.exposure.readpatt, ramp.meta.subarray.name = "NRSIRS2RAPID", "FULL"
    whole = datamodels.SaturationModel(np.full((2048, 2048), 60000, np.float32))
    with pytest.raises(HexcalError, match="does not cover"):
        registry.find("saturation").call(ramp, override_saturation=whole)
    result = registry.find("refpix").call(ramp, references=references("NIRSPEC", ramp))
    assert result.meta.cal_step.refpix == "SKIPPED"
