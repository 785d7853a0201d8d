"""``create_data``: exposures of ground tests become raw exposures of the telescope."""


def main(words):
    """Convert the exposures of a folder."""
    from hexcal.arguments import Arguments

    arguments = Arguments(
        "create_data",
        "Convert the exposures of ground tests that a proposal file names (DIGITS.prop, one in a folder) to raw "
        "exposures (_uncal) in the orientation of the telescope.",
    )
    arguments.add_argument("directory", help="folder with the proposal file and the exposures")
    arguments.add_argument("--output-dir", metavar="DIR", help="where products go; default: the folder")
    arguments.add_argument(
        "--templates",
        nargs="+",
        default=[],
        metavar="DIR",
        help="folders of templates that are searched before those of Hexcal",
    )
    options = arguments.parse_args(words)
    from hexcal.files import gate
    from hexcal.fits_generator.level1b import create_data

    with gate.run():
        for path in create_data(options.directory, options.output_dir, options.templates):
            print(path)
    return 0
