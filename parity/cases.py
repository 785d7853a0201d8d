"""What is compared. To add a case, add an exposure or a variant to the tables; nothing else has to be written.

Chain cases: every step of the order of `CHAINS` for every exposure. Both sides get the same file, the product of the
peer's step before. Pipeline cases: both sides run the whole pipeline on the raw exposure. Variants: one step with other
parameters, on the same input as its chain case.
"""

from dataclasses import dataclass, field

from inputs import Exposure

RAMP = ("SCI", "PIXELDQ", "GROUPDQ")
RATE = ("SCI", "ERR", "DQ", "VAR_POISSON", "VAR_RNOISE")
# Without PEDESTAL: that of 3.0.0 is another quantity (formulas.py).
FITOPT = ("SLOPE", "SIGSLOPE", "VAR_POISSON", "VAR_RNOISE", "YINT", "SIGYINT", "WEIGHTS", "CRMAG")
PEDESTAL_FLOOR = 4e-3

# Absolute floors per set of planes, for values near zero. A ramp is float32 at 10000 to 60000 DN before the bias is
# subtracted, where the next number is 0.004 DN away. A rate near zero, and its Poisson variance, are differences of
# large numbers: what counts is the error of the rate; (plane, power, factor).
FLOORS = {
    RAMP: {"SCI": 4e-3},
    RATE: {"SCI": ("ERR", 1, 1e-5), "VAR_POISSON": ("ERR", 2, 1e-5)},
    FITOPT: {"YINT": 4e-3, "VAR_POISSON": ("VAR_RNOISE", 1, 1e-6)},
}

EXPOSURES = [
    Exposure("nircam_full_10", "NIRCAM", (1, 10, 2048, 2048)),
    Exposure(
        "nircam_corner_20", "NIRCAM", (1, 20, 160, 160), subarray="SUB160", outputs=1, frame_time=0.27864, hits=1e-2
    ),
    Exposure("nircam_full_5", "NIRCAM", (1, 5, 2048, 2048), hits=3e-3),
    Exposure(
        "nircam_corner_10x3", "NIRCAM", (3, 10, 160, 160), subarray="SUB160", outputs=1, frame_time=0.27864, hits=1e-2
    ),
    Exposure(
        "nircam_corner_5", "NIRCAM", (1, 5, 160, 160), subarray="SUB160", outputs=1, frame_time=0.27864, hits=1e-2
    ),
    Exposure(
        "nircam_inner_10",
        "NIRCAM",
        (1, 10, 160, 160),
        corner=(701, 901),
        subarray="SUB160",
        outputs=1,
        frame_time=0.27864,
        full_references=True,
        hits=1e-2,
    ),
    Exposure(
        "nircam_corner_4x3", "NIRCAM", (3, 4, 160, 160), subarray="SUB160", outputs=1, frame_time=0.27864, hits=1e-2
    ),
    Exposure(
        "nircam_corner_3", "NIRCAM", (1, 3, 160, 160), subarray="SUB160", outputs=1, frame_time=0.27864, hits=2e-2
    ),
    Exposure(
        "nircam_corner_2", "NIRCAM", (1, 2, 160, 160), subarray="SUB160", outputs=1, frame_time=0.27864, hits=2e-2
    ),
    Exposure(
        "nircam_corner_1x3", "NIRCAM", (3, 1, 160, 160), subarray="SUB160", outputs=1, frame_time=0.27864, hits=2e-2
    ),
    # Frames averaged and left out; GAINFACT, so that gain_scale has something to do.
    Exposure(
        "nircam_shallow4",
        "NIRCAM",
        (2, 6, 160, 160),
        subarray="SUB160",
        readpatt="SHALLOW4",
        nframes=4,
        groupgap=1,
        outputs=1,
        frame_time=0.27864,
        gain_factor=2.0,
        hits=1e-2,
    ),
    Exposure(
        "nircam_bright1",
        "NIRCAM",
        (1, 6, 160, 160),
        subarray="SUB160",
        readpatt="BRIGHT1",
        groupgap=1,
        outputs=1,
        frame_time=0.27864,
        dark=(1, 1),
        hits=1e-2,
    ),
    # The wrong divisor: group_scale has something to do.
    Exposure(
        "nircam_divisor8",
        "NIRCAM",
        (1, 6, 160, 160),
        subarray="SUB160",
        readpatt="MEDIUM8",
        nframes=5,
        groupgap=5,
        divisor=8,
        outputs=1,
        frame_time=0.27864,
        dark=(5, 5),
        hits=1e-2,
    ),
    Exposure(
        "nircam_tso",
        "NIRCAM",
        (6, 5, 160, 160),
        subarray="SUB160",
        exp_type="NRC_TSIMAGE",
        tso=True,
        outputs=1,
        frame_time=0.27864,
        hits=1e-2,
    ),
    Exposure(
        "miri_full_5x2",
        "MIRI",
        (2, 5, 1024, 1032),
        readpatt="FASTR1",
        frame_time=2.77504,
        exp_type="MIR_IMAGE",
        hits=3e-3,
    ),
    Exposure(
        "miri_sub64_12x3",
        "MIRI",
        (3, 12, 64, 72),
        corner=(1, 779),
        subarray="SUB64",
        readpatt="FAST",
        frame_time=0.085,
        exp_type="MIR_IMAGE",
        rscd_skip=4,
        hits=1e-2,
    ),
    Exposure(
        "miri_sub64_tso",
        "MIRI",
        (3, 8, 64, 72),
        corner=(1, 779),
        subarray="SUB64",
        readpatt="FAST",
        frame_time=0.085,
        exp_type="MIR_IMAGE",
        tso=True,
        hits=1e-2,
        first_integration=4,
    ),
    Exposure(
        "miri_real",
        "MIRI",
        (5, 50, 64, 72),
        corner=(1, 779),
        subarray="SUB64",
        readpatt="FAST",
        frame_time=0.085,
        exp_type="MIR_IMAGE",
        rscd_skip=4,
        real="stage1/miri_sub64_uncal.fits",
    ),
]

CHAINS = {
    "NIRCAM": (
        "group_scale",
        "dq_init",
        "saturation",
        "superbias",
        "refpix",
        "linearity",
        "dark_current",
        "jump",
        "ramp_fit",
        "gain_scale",
    ),
    "MIRI": (
        "group_scale",
        "dq_init",
        "saturation",
        "firstframe",
        "lastframe",
        "reset",
        "linearity",
        "rscd",
        "dark_current",
        "refpix",
        "jump",
        "ramp_fit",
        "gain_scale",
    ),
}


def chain_of(exposure):
    """The steps of an exposure, in order."""
    skipped = TIME_SERIES_STEPS if exposure.tso and exposure.is_miri else ()
    return tuple(step for step in CHAINS[exposure.instrument] if step not in skipped)


# Where the coded defaults of 3.0.0 are not those of the documents, both sides get the documents'. IPC is switched off
# by the parameter files of the operations pipeline; firstframe is switched off in 3.0.0 and on in the documents.
STEP_PARAMETERS = {
    "saturation": {"use_readpatt": False},
    "firstframe": {"skip": False, "bright_use_group1": False},
    "emicorr": {"skip": False},
    "charge_migration": {"skip": False},
    "clean_flicker_noise": {"skip": False},
}
# What 3.0.0 always does where Hexcal's default follows the documents: Hexcal's own parameter for it.
OWN_PARAMETERS = {"jump": {"pool_integrations": True}}
PIPELINE_STEPS = {
    **STEP_PARAMETERS,
    "emicorr": {"skip": True},
    "charge_migration": {"skip": True},
    "clean_flicker_noise": {"skip": True},
    "persistence": {"skip": True},
    "ipc": {"skip": True},
}
# What the parameter files of the operations pipeline switch off for time series; Hexcal does so by itself.
TIME_SERIES_STEPS = {step: {"skip": True} for step in ("firstframe", "lastframe", "rscd")}


@dataclass(frozen=True)
class Case:
    """One comparison.

    name : as printed and as asked for on the command line.
    exposure, target : what is run on what; `after` is the chain step whose product is the input,
        None for the raw exposure.
    outputs : label of each result -> planes to compare. Labels of a pipeline are suffixes of files.
    params, steps : parameters for both sides; own, own_steps : parameters for Hexcal only.
    known : explanation of differences that are there for a reason;
        known_counts : plane -> how many values may differ for it.
    """

    name: str
    exposure: Exposure
    target: str
    after: str | None
    outputs: dict
    params: dict = field(default_factory=dict)
    steps: dict = field(default_factory=dict)
    own: dict = field(default_factory=dict)
    own_steps: dict = field(default_factory=dict)
    rtol: float = 1e-5
    tables: tuple = ()
    known: str = ""
    known_counts: dict = field(default_factory=dict)
    saves: bool = False
    """Whether the products are those that the run saves itself, rather than what it returns."""
    pedestal: bool = False
    """Whether PEDESTAL of both sides is compared with its formula."""


def outputs_of(target):
    """Label -> planes of what a step returns."""
    if target == "ramp_fit":
        return {"rate": RATE, "rateints": RATE}
    return {"": RATE if target == "gain_scale" else RAMP}


# Explained differences: (exposure or "*", label of the case) -> (text, {plane: values that may differ}); "keywords" is
# a plane.
_FLOAT32_MEANS = (
    "means of reference pixels are float32 in 3.0.0, float64 here: up to 1.2e-4 DN in a ramp, "
    "which shows where the rate is near 0"
)
_NO_REFERENCE_PIXELS = (
    "without reference pixels the documents say S_REFPIX = SKIPPED; 3.0.0 changes nothing and writes COMPLETE",
    {"keywords": 1},
)
_RSCD = (
    "rscd of 3.0.0 spares the last two good groups of ramps that saturate early and flags FLUX_ESTIMATED; "
    "the documents do not"
)
_LONE_GROUP = (
    "a lone good group after a discarded first one: 3.0.0 gives no Poisson variance and ERR = 0 beside VAR_RNOISE > 0"
)
_FITOPT = "without valid gain or read noise 3.0.0 has NaN, 0 or inf, Hexcal a number"
_NO_SEGMENT = "groups that give no segment: 3.0.0 says rate 0 with error 0, Hexcal says NaN and DO_NOT_USE"
_LONE_GROUPS = (
    "single good groups with discarded groups between them (below the A/D floor): 3.0.0 takes the first, "
    "Hexcal says NaN"
)
_FLICKER_EDGE = (
    "pixels at the very edge of the clip of a difference count on one side only: 0.5 % of the lines, by up to 0.3 DN"
)
_AFTER_JUMP = "3.0.0 compares jumps with after_jump_flag_dn in units of the median gain, Hexcal in DN of the pixel"
_LIKELY = (
    "without a positive gain, and where one of two differences must go, 3.0.0 gives an arbitrary number; "
    "where it gives NaN Hexcal says DO_NOT_USE"
)
KNOWN = {
    ("nircam_full_10", "calwebb_detector1"): (_FLOAT32_MEANS, {"ERR": 1, "VAR_POISSON": 3}),
    ("nircam_full_5", "ramp_fit"): (_LONE_GROUPS, {"DQ": 3}),
    ("nircam_full_5", "calwebb_detector1"): (
        f"{_FLOAT32_MEANS}; {_LONE_GROUPS}",
        {"SCI": 40, "ERR": 10, "VAR_POISSON": 20, "DQ": 3},
    ),
    ("nircam_inner_10", "refpix"): _NO_REFERENCE_PIXELS,
    ("nircam_inner_10", "calwebb_detector1"): _NO_REFERENCE_PIXELS,
    ("miri_sub64_12x3", "rscd"): (_RSCD, {"PIXELDQ": 36, "GROUPDQ": 128}),
    ("miri_sub64_12x3", "calwebb_detector1"): (_RSCD, {"PIXELDQ": 36, "GROUPDQ": 128, "DQ": 108}),
    ("miri_full_5x2", "rscd"): (_RSCD, {"PIXELDQ": 210}),
    ("miri_full_5x2", "ramp_fit"): (_LONE_GROUPS, {"SCI": 6, "ERR": 6, "VAR_POISSON": 6, "VAR_RNOISE": 6, "DQ": 6}),
    ("miri_full_5x2", "calwebb_detector1"): (
        f"{_RSCD}; {_LONE_GROUPS}",
        {"PIXELDQ": 210, "DQ": 426, "SCI": 6, "ERR": 6, "VAR_POISSON": 6, "VAR_RNOISE": 6},
    ),
    ("nircam_corner_10x3", "calwebb_detector1_charge_migration"): (
        "pixels that lose charge from the first group on have no rate: 3.0.0 gives the read noise of the groups left "
        "out, Hexcal 0",
        {"VAR_RNOISE": 32},
    ),
    ("nircam_corner_10x3", "clean_flicker_noise"): (_FLICKER_EDGE, {"SCI": 1665}),
    ("nircam_corner_10x3", "flicker_each_integration"): (_FLICKER_EDGE, {"SCI": 2488}),
    ("nircam_corner_5", "clean_flicker_noise"): (_FLICKER_EDGE, {"SCI": 634}),
    ("miri_sub64_12x3", "ramp_fit_one_group"): (_LONE_GROUP, {"ERR": 18, "VAR_POISSON": 18}),
    ("nircam_corner_10x3", "ramp_fit_likely"): (
        _LIKELY,
        {"SCI": 3, "ERR": 3, "DQ": 40, "VAR_POISSON": 3, "VAR_RNOISE": 3},
    ),
    ("nircam_corner_4x3", "ramp_fit_likely"): (
        _LIKELY,
        {"SCI": 33, "ERR": 33, "DQ": 185, "VAR_POISSON": 33, "VAR_RNOISE": 33},
    ),
    ("nircam_shallow4", "ramp_fit_likely"): (
        _LIKELY,
        {"SCI": 9, "ERR": 6, "DQ": 231, "VAR_POISSON": 9, "VAR_RNOISE": 8},
    ),
    ("miri_sub64_12x3", "ramp_fit_likely"): (
        f"{_LIKELY}; three short rests of ramps in which 3.0.0 finds no jump",
        {"SCI": 4, "ERR": 4, "DQ": 36, "VAR_POISSON": 4, "VAR_RNOISE": 4},
    ),
    ("nircam_corner_10x3", "jump_after"): (_AFTER_JUMP, {"GROUPDQ": 18}),
    ("nircam_corner_10x3", "ramp_fit_groups"): (_NO_SEGMENT, {"DQ": 1}),
    ("nircam_corner_10x3", "fitopt"): (
        _FITOPT,
        {"SLOPE": 101, "SIGSLOPE": 40, "VAR_RNOISE": 127, "YINT": 101, "SIGYINT": 40, "WEIGHTS": 127},
    ),
    ("miri_sub64_12x3", "fitopt"): (
        _FITOPT,
        {"SLOPE": 28, "SIGSLOPE": 9, "VAR_RNOISE": 28, "YINT": 28, "SIGYINT": 9, "WEIGHTS": 28},
    ),
}

# (exposure, label, step, parameters of both sides)
VARIANTS = [
    ("nircam_corner_5", "ipc", "ipc", {}),
    ("nircam_inner_10", "ipc", "ipc", {}),
    ("miri_sub64_12x3", "ipc", "ipc", {}),
    ("nircam_shallow4", "saturation_readpatt", "saturation", {"use_readpatt": True}),
    ("nircam_corner_5", "saturation_readpatt", "saturation", {"use_readpatt": True}),
    ("nircam_corner_5", "saturation_grow0", "saturation", {"n_pix_grow_sat": 0}),
    ("nircam_corner_5", "saturation_grow3", "saturation", {"n_pix_grow_sat": 3}),
    ("nircam_full_5", "refpix_no_parity", "refpix", {"odd_even_columns": False}),
    ("nircam_full_5", "refpix_no_sides", "refpix", {"use_side_ref_pixels": False}),
    ("nircam_full_5", "refpix_sides", "refpix", {"side_smoothing_length": 21, "side_gain": 0.7}),
    ("nircam_full_5", "refpix_siglimit", "refpix", {"siglimit": 2.0}),
    ("nircam_full_5", "refpix_sirs", "refpix", {"refpix_algorithm": "sirs"}),
    (
        "nircam_full_5",
        "refpix_sirs_smooth",
        "refpix",
        {"refpix_algorithm": "sirs", "gaussmooth": 2.5, "halfwidth": 12, "sigreject": 2.5, "siglimit": 2.5},
    ),
    ("nircam_corner_5", "refpix_no_parity", "refpix", {"odd_even_columns": False}),
    ("nircam_corner_5", "refpix_siglimit", "refpix", {"siglimit": 2.0}),
    ("miri_full_5x2", "refpix_siglimit", "refpix", {"siglimit": 2.0}),
    ("miri_full_5x2", "refpix_no_parity", "refpix", {"odd_even_rows": False}),
    ("miri_sub64_12x3", "firstframe_bright", "firstframe", {"bright_use_group1": True}),
    ("nircam_corner_10x3", "jump_threshold", "jump", {"rejection_threshold": 6.5}),
    ("nircam_corner_10x3", "jump_alone", "jump", {"flag_4_neighbors": False}),
    (
        "nircam_corner_10x3",
        "jump_neighbours",
        "jump",
        {"min_jump_to_flag_neighbors": 30.0, "max_jump_to_flag_neighbors": 200.0},
    ),
    (
        "nircam_corner_10x3",
        "jump_after",
        "jump",
        {
            "after_jump_flag_dn1": 50.0,
            "after_jump_flag_time1": 0.3,
            "after_jump_flag_dn2": 1000.0,
            "after_jump_flag_time2": 0.9,
        },
    ),
    ("nircam_tso", "jump_clip_ints", "jump", {"minimum_sigclip_groups": 5, "only_use_ints": True}),
    ("nircam_tso", "jump_clip_all", "jump", {"minimum_sigclip_groups": 5, "only_use_ints": False}),
    ("nircam_corner_4x3", "jump_thresholds", "jump", {"four_group_rejection_threshold": 8.0}),
    ("nircam_corner_3", "jump_thresholds", "jump", {"three_group_rejection_threshold": 4.0}),
    ("nircam_corner_10x3", "jump_cores", "jump", {"maximum_cores": "2"}),
    ("nircam_corner_10x3", "ramp_fit_cores", "ramp_fit", {"maximum_cores": "2"}),
    ("nircam_corner_10x3", "ramp_fit_one_group", "ramp_fit", {"suppress_one_group": False}),
    ("nircam_shallow4", "ramp_fit_one_group", "ramp_fit", {"suppress_one_group": False}),
    ("nircam_corner_2", "ramp_fit_one_group", "ramp_fit", {"suppress_one_group": False}),
    ("nircam_corner_1x3", "ramp_fit_one_group", "ramp_fit", {"suppress_one_group": False}),
    ("miri_sub64_12x3", "ramp_fit_one_group", "ramp_fit", {"suppress_one_group": False}),
    ("nircam_corner_10x3", "ramp_fit_groups", "ramp_fit", {"firstgroup": 1, "lastgroup": 7}),
    ("nircam_corner_10x3", "ramp_fit_likely", "ramp_fit", {"algorithm": "LIKELY"}),
    ("nircam_shallow4", "ramp_fit_likely", "ramp_fit", {"algorithm": "LIKELY"}),
    ("nircam_corner_4x3", "ramp_fit_likely", "ramp_fit", {"algorithm": "LIKELY"}),
    ("nircam_corner_3", "ramp_fit_likely", "ramp_fit", {"algorithm": "LIKELY"}),
    ("miri_sub64_12x3", "ramp_fit_likely", "ramp_fit", {"algorithm": "LIKELY"}),
    ("miri_real", "emicorr_joint", "emicorr", {"algorithm": "joint"}),
    ("miri_real", "emicorr_sequential", "emicorr", {"algorithm": "sequential"}),
    ("nircam_corner_10x3", "charge_migration", "charge_migration", {"signal_threshold": 5000.0}),
    ("nircam_corner_2", "charge_migration", "charge_migration", {}),
    ("nircam_full_5", "charge_migration", "charge_migration", {}),
    (
        "nircam_corner_10x3",
        "persistence_window",
        "persistence",
        {"skip": False, "persistence_time": 2, "dn_threshold": 20000.0},
    ),
    (
        "miri_sub64_12x3",
        "persistence_window",
        "persistence",
        {"skip": False, "persistence_time": 1, "dn_threshold": 30000.0, "persistence_dnu": True},
    ),
    ("nircam_corner_10x3", "clean_flicker_noise", "clean_flicker_noise", {}),
    ("nircam_corner_10x3", "flicker_each_integration", "clean_flicker_noise", {"single_mask": False}),
    ("nircam_corner_10x3", "flicker_no_background", "clean_flicker_noise", {"background_method": None}),
    ("nircam_corner_5", "clean_flicker_noise", "clean_flicker_noise", {"n_sigma": 3.0}),
]

# Steps that are off by default, and so not in the chains: the chain step whose product is their input.
APART = {
    "persistence": "linearity",
    "ipc": "saturation",
    "emicorr": "dq_init",
    "charge_migration": "dark_current",
    "clean_flicker_noise": "jump",
}


def _input_of(exposure, step):
    """The chain step before `step`."""
    chain = chain_of(exposure)
    if step in APART:
        return APART[step]
    return chain[chain.index(step) - 1] if chain.index(step) else None


def _case(exposure, label, target, parameters, **more):
    known, counts = KNOWN.get((exposure.name, label), KNOWN.get(("*", label), ("", {})))
    return Case(
        f"{exposure.name}:{label}",
        exposure,
        target,
        _input_of(exposure, target),
        more.pop("outputs", outputs_of(target)),
        {**STEP_PARAMETERS.get(target, {}), **parameters},
        own=OWN_PARAMETERS.get(target, {}),
        tables=("INT_TIMES",),
        known=known,
        known_counts=counts,
        **more,
    )


def _pipeline(exposure, label="calwebb_detector1", with_ramp=True, steps=None):
    known, counts = KNOWN.get((exposure.name, label), KNOWN.get(("*", label), ("", {})))
    return Case(
        f"{exposure.name}:{label}",
        exposure,
        "calwebb_detector1",
        None,
        {"rate": RATE, "rateints": RATE, **({"ramp": RAMP} if with_ramp else {})},
        {"save_calibrated_ramp": with_ramp},
        {**PIPELINE_STEPS, **(TIME_SERIES_STEPS if exposure.tso and exposure.is_miri else {}), **(steps or {})},
        own_steps=OWN_PARAMETERS,
        tables=("INT_TIMES",),
        known=known,
        known_counts=counts,
        saves=True,
    )


def all_cases():
    """Every case, those of one exposure together."""
    cases = []
    for exposure in EXPOSURES:
        for step in chain_of(exposure):
            cases.append(_case(exposure, step, step, {}))
        cases += [
            _case(exposure, label, step, parameters)
            for name, label, step, parameters in VARIANTS
            if name == exposure.name
        ]
        if exposure.name in ("nircam_corner_10x3", "miri_sub64_12x3"):
            cases.append(
                _case(
                    exposure,
                    "fitopt",
                    "ramp_fit",
                    {"save_opt": True},
                    outputs={"fitopt": FITOPT},
                    saves=True,
                    pedestal=True,
                )
            )
        cases.append(_pipeline(exposure))
        if exposure.name == "nircam_corner_5":
            cases.append(_pipeline(exposure, "calwebb_detector1_no_ramp", with_ramp=False))
        if exposure.name == "nircam_corner_10x3":
            migration = {"charge_migration": {"skip": False, "signal_threshold": 5000.0}}
            cases.append(_pipeline(exposure, "calwebb_detector1_charge_migration", steps=migration))
    return cases
