"""``set_telescope_pointing``: write the pointing into exposures, from the engineering database."""


def main(words):
    """Update one exposure after the other."""
    options = _parser().parse_args(words)
    from hexcal.steps.pointing.set_telescope_pointing import add_wcs, transforms_path
    from hexcal.steps.pointing.transforms import Methods, Transforms

    given = Transforms.from_asdf(options.override_transforms) if options.override_transforms else None
    for name in options.exposure:
        add_wcs(
            name,
            allow_any_file=options.allow_any_file,
            force_level1bmodel=options.force_level1bmodel,
            engdb_url=options.engdb_url,
            fgsid=options.fgsid,
            tolerance=options.tolerance,
            allow_default=options.allow_default,
            dry_run=options.dry_run,
            save_transforms=transforms_path(name) if options.save_transforms else None,
            method=Methods(options.method),
            override_transforms=given,
            j2fgs_transpose=not options.transpose_j2fgs,
        )
        print(f"{name}: {'not written (dry run)' if options.dry_run else 'updated'}")
    return 0


def _parser():
    from hexcal.arguments import Arguments

    arguments = Arguments(
        "set_telescope_pointing",
        "Write the pointing into raw exposures and rates, in place, from telemetry of the engineering database.",
    )
    arguments.add_argument("exposure", nargs="+", help="exposure, changed in place")
    arguments.add_argument("--allow-any-file", action="store_true", help="update files of any model")
    arguments.add_argument(
        "--force-level1bmodel", action="store_true", help="open files whose model is not known as raw exposures"
    )
    arguments.add_argument(
        "--allow-default", action="store_true", help="without telemetry, use the position of the target"
    )
    arguments.add_argument("--dry-run", action="store_true", help="write no exposure")
    arguments.add_argument(
        "--method",
        choices=("coarse_tr_202111", "ops_tr_202111", "track_tr_202111"),
        default="ops_tr_202111",
        help="how the pointing is computed (default ops_tr_202111: as PCS_MODE says)",
    )
    arguments.add_argument(
        "--save-transforms", action="store_true", help="write the rotations to EXPOSURE_transforms.asdf"
    )
    arguments.add_argument("--override-transforms", metavar="FILE", help="ASDF file with rotations to use instead")
    arguments.add_argument(
        "--fgsid", type=int, choices=(1, 2), help="guider used by the coarse method (default: the one in the telemetry)"
    )
    arguments.add_argument(
        "--tolerance",
        type=float,
        default=60,
        help="seconds around the observation whose telemetry is used (default 60)",
    )
    arguments.add_argument(
        "--engdb_url", metavar="PLACE", help="file of telemetry (CSV: mnemonic, mjd, value), or address of the database"
    )
    arguments.add_argument("--transpose_j2fgs", action="store_true", help="use the matrix from J to FGS as stored")
    return arguments
