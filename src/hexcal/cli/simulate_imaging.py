"""``hexcal simulate imaging``: dithered images of one sky."""

import shlex
from dataclasses import replace

from hexcal.arguments import Arguments, number, whole_number
from hexcal.errors import ParameterError

ABOUT = "dithered images of one sky, all reference files for stages 2 and 3, associations, and the truth"
_EXAMPLES = """examples:
  hexcal simulate imaging --instrument NIRCAM --exposures 4 --size 512 --output sim
  hexcal run calwebb_image2 sim/asn_image2_jw00042001001_02101_00001_nrca1.json \\
      --references=sim/references --output_dir=sim

  hexcal simulate imaging --instrument MIRI --raw --subarray BRIGHTSKY --groups 10 --backgrounds 2 --output raw"""


_SUBARRAYS = {"NIRCAM": "SUB320", "MIRI": "BRIGHTSKY", "NIRISS": "SUB256", "FGS": "SUB128CNTR"}
"""What raw ramps are taken in."""


def options():
    """Return the parser of the options."""
    parser = Arguments(prog="hexcal simulate imaging", description=f"Simulate {ABOUT}.", epilog=_EXAMPLES)
    add = parser.add_argument
    add("--output", required=True, metavar="DIR", help="folder to write to")
    add("--overwrite", action="store_true", help="replace files that exist")
    _add_taking(parser.add_argument_group("how the images are taken"))
    _add_sky(parser.add_argument_group("what is seen"))
    _add_errors(parser.add_argument_group("what is wrong"))
    return parser


def _add_taking(group):
    add = group.add_argument
    add("--instrument", default="NIRCAM", help="NIRCAM, MIRI, NIRISS or FGS (default NIRCAM)")
    add("--detector", help="another detector of the instrument (default NRCA1, MIRIMAGE, NIS, GUIDER1)")
    add("--filter", help="name of the filter (default F200W; MIRI: F770W)")
    add("--exposures", type=whole_number(1), default=4, metavar="N", help="dithered exposures (default 4)")
    add("--backgrounds", type=whole_number(0), default=0, metavar="N", help="exposures of blank sky (default 0)")
    add(
        "--size",
        type=whole_number(32),
        metavar="N",
        help="rates: pixels on a side (default 512); no larger than the detector",
    )
    add("--raw", action="store_true", help="raw ramps for calwebb_detector1 instead of rates")
    add(
        "--subarray",
        help="raw: name of the subarray (default SUB320; MIRI: BRIGHTSKY, NIRISS: SUB256, FGS: SUB128CNTR)",
    )
    add("--groups", type=whole_number(2), metavar="N", help="raw: groups in an integration (default 10)")


def _add_sky(group):
    add = group.add_argument
    add("--seed", type=whole_number(0), default=0, metavar="N", help="the same seed gives the same images (default 0)")
    add(
        "--density",
        type=number(0),
        metavar="N",
        help="stars per square arcsec (default 0.09, 0.03, 0.03, 0.02; in small windows as many as alignment needs)",
    )
    add("--sky", type=number(0), metavar="LEVEL", help="brightness of the sky, MJy/sr (default 0.25; MIRI: 8)")
    add("--sky-difference", type=number(0), default=0.1, metavar="SHARE", help="between exposures (default 0.1)")


def _add_errors(group):
    add = group.add_argument
    add(
        "--pointing-error",
        type=number(0),
        default=0.08,
        metavar="ARCSEC",
        help="of all exposures but the first (default 0.08)",
    )
    add(
        "--cosmic-rays", type=number(0), default=2e-4, metavar="DENSITY",
        help="rates: tracks per pixel that stage 1 has left (default 0.0002)",
    )  # fmt: skip


def run(given):
    """Simulate as the options say; returns the exit status."""
    from hexcal.simulate.imaging import Imaging
    from hexcal.simulate.imaging_setups import density_for, setup_of

    setup = setup_of(given.instrument, given.detector, given.filter, given.density, given.sky)
    mode = _mode(given, setup)
    if mode is None:
        camera = setup.camera(given.size or 512)
    else:
        camera = setup.window(mode.xstart, mode.ystart, mode.xsize, mode.ysize)
    if given.density is None:
        setup = replace(setup, density=density_for(setup, camera))
    series = Imaging(
        setup, camera, given.exposures, given.backgrounds, given.seed, given.pointing_error, given.sky_difference,
        given.cosmic_rays, mode,
    )  # fmt: skip
    print(
        f"{setup.instrument} {setup.detector} {setup.filter or ''} {camera.nx} x {camera.ny} pixels of "
        f"{camera.scale:.4f} arcsec, "
        f"{given.exposures} exposures, {len(series.sources())} sources"
    )
    written = series.save(given.output, given.overwrite)
    for name, paths in written.items():
        for path in paths if isinstance(paths, list) else [paths]:
            print(f"  {name.rstrip('s') if isinstance(paths, list) else name:11s} {path}")
    _say_next(written, given)
    return 0


def _mode(given, setup):
    """How raw ramps are taken; None for rates."""
    from hexcal.simulate.mode import exposure_mode

    misplaced = [name for name in ("subarray", "groups") if getattr(given, name) is not None and not given.raw]
    misplaced += ["size"] if given.size is not None and given.raw else []
    if misplaced:
        raise ParameterError(
            f"--{misplaced[0]} is for {'rates' if given.raw else 'raw ramps'}",
            where="hexcal simulate imaging",
            hint="raw ramps have the size of their subarray: --subarray" if given.raw else "add --raw",
        )
    if not given.raw:
        return None
    subarray = given.subarray or _SUBARRAYS[setup.instrument]
    return exposure_mode(
        setup.instrument, setup.detector, subarray, filter_name=setup.filter, n_groups=given.groups or 10
    )


def _say_next(written, given):
    at, references = shlex.quote(given.output), shlex.quote(written["references"])
    if given.raw:
        print(
            f"\nnext: hexcal run calwebb_detector1 {shlex.quote(written['exposures'][0])} --references={references} "
            f"--output_dir={at}"
        )
    print(
        f"\nnext: hexcal run calwebb_image2 {shlex.quote(written['associations'][0])} --references={references} "
        f"--output_dir={at}"
    )
