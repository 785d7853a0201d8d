"""``set_velocity_aberration``: write the keywords of velocity aberration into exposures."""


def main(words):
    """Update one exposure after the other."""
    from hexcal.arguments import Arguments

    arguments = Arguments(
        "set_velocity_aberration",
        "Write VA_SCALE, VA_RA and VA_DEC into exposures, from JWST_DX, JWST_DY, JWST_DZ, RA_REF and DEC_REF.",
    )
    arguments.add_argument("filename", nargs="+", help="exposure, changed in place")
    arguments.add_argument(
        "-f", "--force_level1bmodel", type=int, choices=(1, 0), default=1, help="open it as a raw exposure (default 1)"
    )
    options = arguments.parse_args(words)
    from hexcal.steps.pointing.aberration import set_velocity_aberration

    for name in options.filename:
        set_velocity_aberration(name, bool(options.force_level1bmodel))
        print(f"{name}: updated")
    return 0
