"""``hexcal simulate programme``: exposures of all instruments in one folder, for `hexcal process`."""

import shlex
import time

from hexcal.arguments import Arguments, whole_number

ABOUT = "a whole programme for hexcal process: images in two filters, spectra of every mode, and one CRDS cache for all"
_EXAMPLES = """examples:
  hexcal simulate programme --output raw
  CRDS_PATH=raw/crds hexcal process raw --out products

  hexcal simulate programme --size small --output few"""


def options():
    """Return the parser of the options."""
    from hexcal.simulate.programme import SIZES

    sizes = "\n".join(
        f"  {size}\n" + "\n".join(f"    {each.label}" for each in observations) for size, observations in SIZES.items()
    )
    parser = Arguments(
        prog="hexcal simulate programme", description=f"Simulate {ABOUT}.\n\nsizes:\n{sizes}", epilog=_EXAMPLES
    )
    add = parser.add_argument
    add("--output", required=True, metavar="DIR", help="folder to write to")
    add("--overwrite", action="store_true", help="replace files that exist")
    add("--size", default="full", help=f"{' or '.join(SIZES)} (default full)")
    add("--seed", type=whole_number(0), default=0, metavar="N", help="another seed gives other noise (default 0)")
    add(
        "--full-frame-references",
        action="store_true",
        help="flat fields of spectra are those of the whole detector, as delivered and as the original needs them "
        "(larger files)",
    )
    return parser


def run(given):
    """Simulate as the options say; returns the exit status."""
    from hexcal.simulate import programme

    clock = time.perf_counter()
    exposures, cache = programme.write(
        given.output, given.size, given.seed, given.overwrite, print, given.full_frame_references
    )
    print(
        f"{len(exposures)} exposures in {given.output}, their reference files in {cache}; "
        f"{time.perf_counter() - clock:.0f} s"
    )
    print(f"\nnext: CRDS_PATH={shlex.quote(cache)} hexcal process {shlex.quote(given.output)} --out products")
    return 0
