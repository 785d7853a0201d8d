"""``hexcal simulate iris``: a frame or a ramp of the imager of TMT, its truth, its references, and a cube."""

from hexcal.arguments import Arguments, number, whole_number
from hexcal.errors import ParameterError

ABOUT = "a frame of IRIS (TMT) with its truth and its references, and optionally a cube or a ramp"
_EXAMPLES = """examples:
  hexcal simulate iris --size 256 --output iris
  hexcal simulate iris --size 256 --kind sky --seed 1 --detector-seed 0 --output iris --overwrite
  hexcal simulate iris --size 64 --reads 20 --output iris/ramp
  hexcal simulate iris --size 256 --subarray 81,61,64,48 --cube 50 --output part
  hexcal crds bestrefs iris/raw_science_frame_sci.fits --cache CACHE --context tmt_0001.pmap"""


def options():
    """Return the parser of the options."""
    parser = Arguments(prog="hexcal simulate iris", description=f"Simulate {ABOUT}.", epilog=_EXAMPLES)
    add = parser.add_argument
    add("--output", required=True, metavar="DIR", help="folder to write to")
    add("--overwrite", action="store_true", help="replace files that exist")
    add("--detector", default="IRIS1", help="value of DETECTOR (default IRIS1; IMG1 in the mappings of ligeriri)")
    add("--filter", default="K", help="Y, J, H or K (default K)")
    add(
        "--size",
        type=whole_number(1),
        default=4096,
        metavar="N",
        help="pixels along a side of the detector (default 4096)",
    )
    add("--subarray", metavar="X,Y,NX,NY", help="read only this part, counted from 1 (default the whole detector)")
    add("--exposure-time", type=number(0), default=60.0, metavar="S", help="in s (default 60)")
    add("--date", default="2025-06-01T08:00:00.000", help="start of the exposure (default 2025-06-01T08:00:00.000)")
    add("--kind", default="SCI", help="SCI, SKY, FLAT or DARK (default SCI)")
    add("--seed", type=whole_number(0), default=0, metavar="N", help="the same seed gives the same files (default 0)")
    add(
        "--detector-seed",
        type=whole_number(0),
        metavar="N",
        help="seed of the detector, where several exposures of one are wanted (default that of the exposure)",
    )
    add("--reads", type=whole_number(2), metavar="N", help="also the ramp of N reads of the same scene, read by read")
    add("--cube", type=whole_number(1), metavar="N", help="also a cube of N wavelengths and 64 x 64 spaxels")
    return parser


def run(chosen):
    """Make the files and tell their names; returns the exit status."""
    from dataclasses import replace

    from hexcal.simulate import iris

    mode = iris.IrisMode(
        detector=chosen.detector, filter=chosen.filter.upper(), size=chosen.size, subarray=_window(chosen.subarray),
        exposure_time=chosen.exposure_time, start=_date(chosen.date), kind=chosen.kind.upper(),
    )  # fmt: skip
    simulation = iris.simulate_frame(mode, seed=chosen.seed, detector_seed=chosen.detector_seed)
    if chosen.cube is not None:
        spaxels = replace(mode, detector="IFU", size=64, subarray=None)
        cube, _ = iris.simulate_cube(spaxels, chosen.cube, seed=chosen.seed)
        simulation = replace(simulation, cube=cube)
    if chosen.reads is not None:
        from hexcal.simulate.iris_ramp import simulate_ramp

        simulation = simulate_ramp(mode, simulation, chosen.reads, seed=chosen.seed)
    written = simulation.save(chosen.output, chosen.overwrite)
    print(f"IRIS {mode.detector} {mode.filter}, (ny, nx) = {simulation.truth.shape}, {mode.exposure_time:g} s")
    print("\n".join(f"  {name:9s} {path}" for name, path in written.items()))
    return 0


def _window(text):
    if text is None:
        return None
    try:
        x, y, nx, ny = (int(number) for number in text.split(","))
    except ValueError as error:
        raise ParameterError(
            f"--subarray needs four whole numbers, got '{text}'",
            where="hexcal simulate iris",
            hint="--subarray X,Y,NX,NY",
        ) from error
    return x, y, nx, ny


def _date(text):
    import datetime

    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise ParameterError(
            f"--date must be a date and time, got '{text}'", where="hexcal simulate iris", hint="2025-06-01T08:00:00"
        ) from error
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds")
