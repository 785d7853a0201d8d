"""``hexcal simulate calibration``: darks and flats of one detector, to make reference files of."""

from hexcal.arguments import Arguments, number, whole_number
from hexcal.cli.simulate_options import add_mode

ABOUT = "darks and flats of one detector, to make reference files from, and the truth as reference files"
_EXAMPLES = """examples:
  hexcal simulate calibration --darks 10 --flats 4 --subarray SUB64P --output sim
  hexcal reffiles make all sim --author "A. Name" --output made
  hexcal reffiles compare made/run000/references/gain.fits sim/truth/gain.fits"""


def options():
    """Return the parser of the options."""
    parser = Arguments(prog="hexcal simulate calibration", description=f"Simulate {ABOUT}.", epilog=_EXAMPLES)
    add = parser.add_argument
    add("--output", required=True, metavar="DIR", help="folder to write to; the truth goes to its folder truth")
    add("--overwrite", action="store_true", help="replace files that exist")
    series = parser.add_argument_group("the series")
    add = series.add_argument
    add("--darks", type=whole_number(0), default=10, metavar="N", help="darks (default 10)")
    add("--flats", type=whole_number(0), default=4, metavar="N", help="exposures of a lamp (default 4)")
    add("--dark-groups", type=whole_number(1), default=20, metavar="N", help="groups of a dark (default 20)")
    add("--flat-groups", type=whole_number(1), default=30, metavar="N", help="groups of a flat (default 30)")
    add("--dark-ints", type=whole_number(1), default=1, metavar="N", help="integrations of a dark (default 1)")
    add("--flat-ints", type=whole_number(1), default=1, metavar="N", help="integrations of a flat (default 1)")
    rates = "levels of the lamp, DN/s, taken in turn (default: pixels are full after 0.7 of the ramp)"
    add("--flat-rates", type=number(0), nargs="+", default=[], metavar="RATE", help=rates)
    add("--start", type=number(0), metavar="MJD", help="when the first exposure starts (default 60000)")
    add("--days", type=number(0), default=0.0, metavar="DAYS", help="time between two exposures (default 30 s)")
    mode = parser.add_argument_group("how they are taken")
    add_mode(mode, "NIRCAM, MIRI, NIRISS, FGS or NIRSPEC")
    detector = parser.add_argument_group("the detector")
    add = detector.add_argument
    add("--seed", type=whole_number(0), default=0, metavar="N", help="seed of the noise (default 0)")
    add("--detector-seed", type=whole_number(0), metavar="N", help="seed of the detector (default: --seed)")
    add("--cosmic-rays", type=number(0), default=5.0, metavar="FLUX", help="particles per cm2 and s (default 5)")
    add("--drift", type=number(0), default=6.0, metavar="DN", help="drifts of the electronics (default 6)")
    add("--bad-pixels", type=number(0), default=0.004, metavar="SHARE", help="fraction of bad pixels (default 0.004)")
    add(
        "--open-pixels",
        type=number(0),
        default=0.0005,
        metavar="SHARE",
        help="fraction of open pixels (default 0.0005)",
    )
    return parser


def run(options):
    """Write the series; returns the exit status."""
    if str(options.readpatt or "").upper().startswith("NRSIRS2"):
        return _irs2(options)
    from pathlib import Path

    from hexcal.simulate.calibration import calibrations, modes_of
    from hexcal.simulate.conditions import Conditions
    from hexcal.simulate.exposure import OVERHEAD, places
    from hexcal.simulate.exposure_keywords import START
    from hexcal.simulate.output import planned
    from hexcal.simulate.reference_files import REFERENCE_TYPES, save_references

    dark, flat = modes_of(
        options.instrument, detector=options.detector, subarray_name=options.subarray, filter_name=options.filter,
        readpatt=options.readpatt, dark_groups=options.dark_groups, flat_groups=options.flat_groups,
        dark_ints=options.dark_ints, flat_ints=options.flat_ints,
    )  # fmt: skip
    for exposure in range(1, options.darks + options.flats + 1):
        places(dark, options.output, options.overwrite, False, exposure)
    truth = Path(options.output) / "truth"
    types = REFERENCE_TYPES["MIRI" if dark.instrument == "MIRI" else "NIR"]
    planned(truth, [f"{kind}.fits" for kind in types], options.overwrite)
    conditions = Conditions(
        cosmic_ray_flux=options.cosmic_rays, drift=options.drift, bad_pixels=options.bad_pixels,
        open_pixels=options.open_pixels,
    )  # fmt: skip
    series = calibrations(
        dark, flat, options.darks, options.flats, rates=options.flat_rates, seed=options.seed,
        detector_seed=options.detector_seed, start=START if options.start is None else options.start,
        gap=OVERHEAD + 86400 * options.days, conditions=conditions,
    )  # fmt: skip
    for simulation in series:
        written = simulation.save(options.output, overwrite=options.overwrite, references=False)
        kind = "dark" if simulation.mode.exposure_type == dark.exposure_type else "flat"
        print(f"  {kind}  {written['exposure']}", flush=True)
        if simulation.number == 1:
            save_references(simulation.references(), truth, options.overwrite)
            print(f"  truth {truth}")
    print(f'\nnext: hexcal reffiles make all {options.output} --author "A. Name" --output made')
    return 0


def _irs2(options):
    """Write a series of darks with interleaved reference pixels, of which there are no flats."""
    from pathlib import Path

    from hexcal.errors import ParameterError
    from hexcal.simulate.calibration import irs2_darks
    from hexcal.simulate.exposure import OVERHEAD
    from hexcal.simulate.exposure_keywords import START
    from hexcal.simulate.output import make_folder, planned
    from hexcal.simulate.reference_files import save_references

    if options.instrument.upper() != "NIRSPEC" or options.readpatt.upper() != "NRSIRS2" or options.flats:
        raise ParameterError(
            "only darks of NIRSPEC with NRSIRS2 can be simulated of frames with interleaved reference pixels",
            where="readpatt", hint="--instrument NIRSPEC --readpatt NRSIRS2 --flats 0",
        )  # fmt: skip
    truth = Path(options.output) / "truth"
    series = irs2_darks(
        options.darks, n_groups=options.dark_groups, n_ints=options.dark_ints, detector=options.detector or "NRS1",
        seed=options.seed, detector_seed=options.detector_seed, start=START if options.start is None else options.start,
        gap=OVERHEAD + 86400 * options.days,
    )  # fmt: skip
    make_folder(options.output)
    for simulation in series:
        (path,) = planned(options.output, [simulation.exposure.meta.filename], options.overwrite)
        simulation.exposure.save(path)
        print(f"  dark  {path}", flush=True)
        if not truth.is_dir():
            save_references(simulation.references, truth, options.overwrite)
            print(f"  truth {truth}")
    print(f'\nnext: hexcal reffiles make refpix {options.output} --author "A. Name" --output made')
    return 0
