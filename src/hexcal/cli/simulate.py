"""``hexcal simulate``: exposures with a known truth, and reference files."""

import shlex

from hexcal.arguments import Arguments, number, whole_number
from hexcal.cli import (
    simulate_calibration,
    simulate_guider,
    simulate_imaging,
    simulate_iris,
    simulate_programme,
    simulate_spectra,
)
from hexcal.cli.simulate_options import add_effects, add_mode, effects_of
from hexcal.errors import ParameterError, unknown_name

_ACTIONS = {
    "exposure": "a raw exposure of NIRCam, MIRI, NIRISS or FGS, with its truth and matching reference files",
    "guider": simulate_guider.ABOUT_GUIDER,
    "irs2": simulate_guider.ABOUT_IRS2,
    "calibration": simulate_calibration.ABOUT,
    "imaging": simulate_imaging.ABOUT,
    "spectra": simulate_spectra.ABOUT,
    "programme": simulate_programme.ABOUT,
    "references": "neutral reference files for any exposure: they leave the counts as they are",
    "iris": simulate_iris.ABOUT,
}
_EXAMPLES = """examples:
  hexcal simulate exposure --instrument NIRCAM --subarray SUB320 --groups 10 --ints 3 --seed 1 --output sim
  hexcal run calwebb_detector1 sim/jw00001001001_02101_00001_nrca1_uncal.fits --references=sim/references

  hexcal simulate exposure --instrument MIRI --subarray SUB64 --readpatt FAST --groups 20 --interference 8 --output emi

  hexcal simulate references --like x_uncal.fits --output neutral
  hexcal run calwebb_detector1 x_uncal.fits --references=neutral

  hexcal simulate exposure --instrument MIRI --subarray SUB64 --output sim --cache sim/crds
  CRDS_PATH=sim/crds hexcal run calwebb_detector1 sim/jw00001001001_02101_00001_mirimage_uncal.fits"""
_CACHE_HELP = (
    "write the references into a CRDS cache, with rules that choose them; it may hold those of other simulations"
)


def main(words):
    """Run the command; returns the exit status."""
    if not words or words[0] in ("-h", "--help"):
        lines = "\n".join(f"  {name:12s} {text}" for name, text in _ACTIONS.items())
        print(
            f"usage: hexcal simulate ACTION ...\n\nactions:\n{lines}\n\n`hexcal simulate ACTION --help` lists the "
            f"options.\n\n{_EXAMPLES}"
        )
        return 0 if words else 1
    action, *words = words
    if action not in _ACTIONS:
        raise unknown_name("action", action, _ACTIONS, where="hexcal simulate")
    make_parser, run = {
        "exposure": (_exposure_options, _exposure),
        "references": (_references_options, _references),
        "guider": (simulate_guider.guider_options, simulate_guider.run_guider),
        "irs2": (simulate_guider.irs2_options, simulate_guider.run_irs2),
        "calibration": (simulate_calibration.options, simulate_calibration.run),
        "imaging": (simulate_imaging.options, simulate_imaging.run),
        "spectra": (simulate_spectra.options, simulate_spectra.run),
        "programme": (simulate_programme.options, simulate_programme.run),
        "iris": (simulate_iris.options, simulate_iris.run),
    }[action]
    options = make_parser().parse(words)
    return 0 if options is None else run(options)


def _exposure_options():
    parser = Arguments(
        prog="hexcal simulate exposure", description=f"Simulate {_ACTIONS['exposure']}.", epilog=_EXAMPLES
    )
    add = parser.add_argument
    add("--output", required=True, metavar="DIR", help="folder to write to")
    add("--overwrite", action="store_true", help="replace files that exist")
    _add_taking(parser.add_argument_group("how the exposure is taken"))
    _add_scene(parser.add_argument_group("what is seen"))
    add_effects(parser)
    _add_detector(parser.add_argument_group("the detector"))
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--cache", metavar="DIR", help=f"{_CACHE_HELP} (default: the folder references of --output)")
    where.add_argument("--no-references", action="store_true", help="write no reference files")
    return parser


def _add_taking(group):
    add = group.add_argument
    add_mode(group)
    add("--groups", type=whole_number(1), default=10, metavar="N", help="groups in an integration (default 10)")
    add("--ints", type=whole_number(1), default=1, metavar="N", help="integrations (default 1)")
    add(
        "--exp-type",
        metavar="TYPE",
        help="value of EXP_TYPE (default that of imaging, MIR_MRS for the detectors of the MRS)",
    )
    add("--tso", action="store_true", help="a time series")
    add("--exposures", type=whole_number(1), default=1, metavar="N", help="exposures, one after the other (default 1)")
    add(
        "--frame-time",
        type=number(0),
        metavar="S",
        help="time of a frame in s, for subarrays whose time is not published",
    )


def _add_scene(group):
    add = group.add_argument
    add(
        "--seed", type=whole_number(0), default=0, metavar="N", help="the same seed gives the same exposure (default 0)"
    )
    add("--dark", action="store_true", help="no light: a dark, with the EXP_TYPE of darks")
    add("--sky", type=number(0), metavar="RATE", help="rate of the sky, DN/s (default 0.5)")
    add(
        "--stars",
        type=whole_number(0),
        metavar="N",
        help="number of stars (default 1500 in 2048 x 2048 pixels, and as many per area)",
    )
    add("--galaxies", type=whole_number(0), metavar="N", help="number of galaxies (default a quarter of the stars)")
    add("--cosmic-rays", type=number(0), default=5.0, metavar="FLUX", help="particles per cm2 and s (default 5)")
    add(
        "--snowballs",
        type=number(0),
        default=0.0,
        metavar="RATE",
        help="snowballs per s in 2048 x 2048 pixels; 0.05 is usual in space (default 0); near-infrared detectors",
    )
    add(
        "--showers",
        type=number(0),
        default=0.0,
        metavar="RATE",
        help="showers (faint, extended events) per s in 1024 x 1032 pixels (default 0); MIRI",
    )


def _add_detector(group):
    add = group.add_argument
    add(
        "--drift",
        type=number(0),
        default=6.0,
        metavar="DN",
        help="drifts of the electronics (default 6; none where reference pixels cannot measure them)",
    )
    add(
        "--detector-seed",
        type=whole_number(0),
        metavar="N",
        help="the same number gives the same detector, whatever --seed is (default: --seed)",
    )
    add("--bad-pixels", type=number(0), default=0.004, metavar="SHARE", help="fraction of bad pixels (default 0.004)")
    add(
        "--full-frame-references",
        action="store_true",
        help="subarrays: references of single pixels (mask, gain ...) of the whole detector, as delivered",
    )


def _exposure(options):
    from hexcal.simulate.conditions import Conditions
    from hexcal.simulate.exposure import places, series
    from hexcal.simulate.reference_cache import check_cache

    mode, effects = _mode(options), effects_of(options)
    effects.require(mode)
    in_folder = not options.cache and not options.no_references
    if options.cache:
        check_cache(options.cache)
    for exposure in range(1, options.exposures + 1):
        is_first, traps = exposure == 1, effects.persistence is not None
        of_first = in_folder and is_first, exposure, effects.reference_types(), traps and is_first
        places(mode, options.output, options.overwrite, *of_first)
    conditions = Conditions(
        cosmic_ray_flux=options.cosmic_rays, snowball_rate=options.snowballs / 2048**2,
        shower_rate=options.showers / (1024 * 1032), drift=options.drift, bad_pixels=options.bad_pixels,
        whole_detector=options.full_frame_references, effects=effects,
    )  # fmt: skip
    simulations = series(
        mode, options.exposures, _scene(options, mode), conditions, seed=options.seed,
        detector_seed=options.detector_seed,
    )  # fmt: skip
    print(
        f"{mode.instrument} {mode.detector} {mode.subarray} {mode.readpatt}, (nints, ngroups, ny, nx) = {mode.shape}, "
        f"TGROUP = {mode.group_time:.5f} s"
    )
    for simulation in simulations:
        _save(simulation, options, in_folder and simulation.number == 1)
    return 0


def _mode(options):
    from hexcal.simulate.mode import dark_type, exposure_mode

    contradicting = [name for name in ("exp_type", "sky", "stars", "galaxies") if getattr(options, name) is not None]
    if options.dark and contradicting:
        raise ParameterError(
            f"--dark is an exposure without light and cannot be combined with --{contradicting[0].replace('_', '-')}",
            where="hexcal simulate exposure",
            hint="leave out one of the two",
        )
    return exposure_mode(
        options.instrument, options.detector, options.subarray, filter_name=options.filter, readpatt=options.readpatt,
        exposure_type=dark_type(options.instrument, options.detector) if options.dark else options.exp_type,
        n_groups=options.groups, n_ints=options.ints, tso=options.tso, frame_time=options.frame_time,
    )  # fmt: skip


def _scene(options, mode):
    from hexcal.simulate import scene
    from hexcal.simulate.exposure import scene_stream

    if options.dark:
        return scene.field(mode.image_shape, sky=0.0, n_stars=0, n_galaxies=0, rng=scene_stream(options.seed))
    return scene.field(
        mode.image_shape,
        sky=0.5 if options.sky is None else options.sky,
        n_stars=options.stars,
        n_galaxies=options.galaxies,
        rng=scene_stream(options.seed),
    )


def _save(simulation, options, with_references):
    """Write one exposure of a series; the first brings the references of its detector."""
    from hexcal.simulate.reference_cache import add_references

    to_cache = options.cache and simulation.number == 1
    added = add_references(options.cache, simulation.references()) if to_cache else None
    written = simulation.save(options.output, overwrite=options.overwrite, references=with_references)
    print("\n".join(f"  {name:11s} {path}" for name, path in written.items()))
    steps = effects_of(options).steps(shlex.quote(written.get("traps", "")))
    if "references" in written:
        references = [f"--references={shlex.quote(written['references'])}"]
        print(
            "\nnext: "
            + " ".join(["hexcal run calwebb_detector1", shlex.quote(written["exposure"]), *references, *steps])
        )
    if added:
        _print_added(added, options.cache, written["exposure"], steps)


def _print_added(added, cache, exposure, steps=()):
    """Say what was put into a cache, and how to use it; `steps` are words for the steps of the pipeline."""
    print(f"  {'context':11s} {added.context} in {cache}, {len(added.new)} new reference files")
    if added.replaced:
        print(
            f"  {'':11s} {len(added.replaced)} of them instead of others: for exposures simulated before, "
            f"CRDS_CONTEXT={added.former}"
        )
    words = [f"CRDS_PATH={shlex.quote(cache)} hexcal run calwebb_detector1", shlex.quote(exposure), *steps]
    print("\nnext: " + " ".join(words))


def _references_options():
    parser = Arguments(
        prog="hexcal simulate references", description=f"Make {_ACTIONS['references']}.", epilog=_EXAMPLES
    )
    add = parser.add_argument
    add("--like", required=True, metavar="FILE", help="raw exposure that the references are for")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--output", metavar="DIR", help="folder to write to, as <type>.fits")
    where.add_argument("--cache", metavar="DIR", help=_CACHE_HELP)
    add(
        "--rscd-groups",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="MIRI: groups to leave out at the start of second and later integrations (default 0)",
    )
    add("--overwrite", action="store_true", help="replace files that exist in --output")
    return parser


def _references(options):
    from hexcal.models.open import open as open_model
    from hexcal.simulate.neutral import neutral_references
    from hexcal.simulate.reference_cache import add_references
    from hexcal.simulate.reference_files import save_references

    if options.cache and options.overwrite:
        raise ParameterError(
            "--overwrite is for --output: in a cache no file is ever replaced, a new context chooses the new ones",
            where="hexcal simulate references",
        )
    references = neutral_references(open_model(options.like), options.rscd_groups)
    if options.cache:
        added = add_references(options.cache, references)
        print("\n".join(f"  {name:11s} {file}" for name, file in added.chosen.items()))
        _print_added(added, options.cache, options.like)
        return 0
    paths = save_references(references, options.output, options.overwrite)
    print("\n".join(f"  {path}" for path in paths))
    print(f"\nnext: hexcal run calwebb_detector1 {options.like} --references={options.output}")
    return 0
