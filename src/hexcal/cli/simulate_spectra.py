"""``hexcal simulate spectra``: exposures of the spectrographs."""

import shlex

from hexcal.arguments import Arguments, number, whole_number
from hexcal.errors import ParameterError, unknown_name

ABOUT = "exposures of a spectrograph, all reference files for stages 2 and 3, associations, and the true spectra"
_EXAMPLES = """examples:
  hexcal simulate spectra miri-lrs --output sim
  hexcal run calwebb_spec2 sim/asn_spec2_jw00042001001_02101_00001_mirimage.json \\
      --references=sim/references --output_dir=sim

  hexcal simulate spectra nirspec-ifu --exposures 4 --hits 0.002 --output dithers

  hexcal simulate spectra nirspec-bots --ints 20 --seed 3 --noise 0 --output quiet"""


def options():
    """Return the parser of the options."""
    from hexcal.simulate.spectra.modes import MODES

    modes = "\n".join(f"  {name:18s} {about}" for name, (_, _, about) in MODES.items())
    parser = Arguments(
        prog="hexcal simulate spectra", description=f"Simulate {ABOUT}.\n\nmodes:\n{modes}", epilog=_EXAMPLES
    )
    add = parser.add_argument
    add("mode", metavar="MODE", help="one of the modes above")
    add("--output", required=True, metavar="DIR", help="folder to write to")
    add("--overwrite", action="store_true", help="replace files that exist")
    add("--seed", type=whole_number(0), default=0, metavar="N", help="another seed gives other noise (default 0)")
    add("--ints", type=whole_number(1), metavar="N", help="integrations of a time series (default 10)")
    add("--exposures", type=whole_number(1), metavar="N", help="nods or dithers (default: as listed above; at most 16)")
    add(
        "--hits", type=number(0), default=0.0, metavar="SHARE",
        help="share of the lit pixels that a cosmic ray has hit which stage 1 left (truth/hits.ecsv; default 0)",
    )  # fmt: skip
    add(
        "--noise", type=number(0), default=1.0, metavar="SCALE",
        help="scale of the noise; 0: no noise, while the errors stay (default 1)",
    )  # fmt: skip
    add("--bad-pixels", type=number(0), default=3e-4, metavar="SHARE", help="share of dead pixels (default 0.0003)")
    add(
        "--full-frame-references", action="store_true",
        help="flat fields of the whole detector, as delivered (larger files)",
    )  # fmt: skip
    return parser


def run(given):
    """Simulate as the options say; returns the exit status."""
    from hexcal.simulate.spectra.modes import MODES, series_of

    if given.mode not in MODES:
        raise unknown_name("mode", given.mode, MODES, where="hexcal simulate spectra")
    for name, what in (("bad_pixels", "dead pixels"), ("hits", "pixels that are hit")):
        if getattr(given, name) > 0.5:
            raise ParameterError(
                f"the share of {what} must be at most 0.5, got {getattr(given, name)}", where=name.replace("_", "-")
            )
    series = series_of(
        given.mode, seed=given.seed, noise=given.noise, bad_pixels=given.bad_pixels, n_ints=given.ints,
        whole_detector=given.full_frame_references, n_exposures=given.exposures, hits=given.hits,
    )  # fmt: skip
    written = series.save(given.output, given.overwrite)
    setup, count = series.setup, len(written["exposures"])
    print(
        f"{setup.instrument} {setup.detector} {setup.exposure_type} {setup.subarray[0]}, "
        f"{count} exposure{'' if count == 1 else 's'}, {len(series.sources())} sources"
    )
    for name, paths in written.items():
        for path in paths if isinstance(paths, list) else [paths]:
            print(f"  {name:12s} {path}")
    at, references = shlex.quote(given.output), shlex.quote(written["references"])
    print(
        f"\nnext: hexcal run calwebb_spec2 {shlex.quote(written['associations'][0])} --references={references} "
        f"--output_dir={at}"
    )
    return 0
