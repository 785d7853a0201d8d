"""``hexcal show FILE``: a picture of a product."""

from pathlib import Path

from hexcal.arguments import Arguments, whole_number

_EXAMPLES = """examples:
  hexcal show x_cal.fits                              the image, or the slits where they lie on the detector
  hexcal show x_cal.fits --flags DO_NOT_USE           with the pixels that are flagged
  hexcal show x_cal.fits --slit S200A1 --extension WAVELENGTH
  hexcal show x_x1d.fits --log -o spectrum.pdf
  hexcal show a_s3d.fits b_s3d.fits -o both.png       side by side"""


def main(words):
    """Run the command; returns the exit status."""
    options = _parser().parse(words)
    if options is None:
        return 0
    from hexcal.files import gate
    from hexcal.report.show.view import Look
    from hexcal.report.show.views import picture

    output = options.output or f"{_stem(options.files[0])}.png"
    gate.plan(output)
    flags = tuple(flag.strip() for flag in (options.flags or "").split(",") if flag.strip())
    look = Look(options.extension, options.slit, options.integration, options.scale, flags)
    print(f"written: {picture(options.files, output, look)}")
    return 0


def _parser():
    parser = Arguments(
        "hexcal show",
        "Draw a picture of products: rates, calibrated exposures, slits, rectified spectra, cubes, extracted spectra, "
        "mosaics with their catalogue.",
        epilog=_EXAMPLES,
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="FITS or ASDF file; several are drawn side by side")
    add(
        "-o", "--output", metavar="PICTURE",
        help="picture to write: .png, .pdf, .svg or .jpg (default: the name of the first file with .png, here)",
    )  # fmt: skip
    add("--extension", metavar="NAME", help="what to draw: ERR, DQ, WAVELENGTH ... of images, a column of spectra")
    add("--slit", metavar="NAME", help="only this slit or spectrum: its name, source or number in the file")
    add("--integration", type=whole_number(1), metavar="N", help="which integration, counted from 1")
    add("--flags", metavar="NAMES", help="mark pixels with these flags: DO_NOT_USE,JUMP_DET ... or all")
    scale = parser.add_mutually_exclusive_group()
    add = scale.add_argument
    add("--log", dest="scale", action="store_const", const="log", help="logarithmic values")
    add(
        "--linear", dest="scale", action="store_const", const="linear",
        help="linear values (default: images stretched by asinh, spectra linear)",
    )  # fmt: skip
    return parser


def _stem(path):
    name = Path(path).name.removesuffix(".gz")
    return Path(name).stem
