"""``hexcal asn pool``, ``asn_make_pool``: a pool from the headers of exposures."""


def main(words):
    """Make the pool, write it, say what is in it."""
    options = _parser().parse_args(words)
    from pathlib import Path

    from hexcal.associations.mkpool import mkpool
    from hexcal.errors import ParameterError

    target = Path(options.pool)
    if target.suffix in (".fits", ".gz") or target.resolve() in {Path(name).resolve() for name in options.data}:
        raise ParameterError(
            "the first word is the pool to write, an exposure was given",
            where=str(target),
            hint="asn_make_pool POOL.csv EXPOSURE...",
        )
    given = {name: getattr(options, name) for name in ("dms_note", "is_imprt", "pntgtype")}
    pool = mkpool(
        options.data,
        asn_candidate=options.asn_candidate,
        **{name: value for name, value in given.items() if value is not None},
    )
    pool.write(target, overwrite=True)
    if options.verbose:
        for item in pool.exposures():
            print(f"{item['filename']}  {item.get('exp_type', 'null')}  {item['asn_candidate']}")
    print(f"{target}: {len(pool)} exposures, {len(pool.colnames)} columns")
    return 0


def _parser():
    from hexcal.arguments import Arguments

    arguments = Arguments("asn_make_pool", "Make a pool from the headers of exposures.", allow_abbrev=True)
    arguments.add_argument("pool", help="pool to write")
    arguments.add_argument("data", nargs="+", metavar="EXPOSURE", help="exposure to put into the pool")
    arguments.add_argument(
        "--asn-candidate", metavar="LIST", help="further candidates of the exposures: \"[('c1000', 'background')]\""
    )
    arguments.add_argument("--dms-note", metavar="TEXT", help="remark that rules may look at")
    arguments.add_argument("--is-imprt", choices=("t", "f"), help='"t": the exposures are imprints; default: "f"')
    arguments.add_argument(
        "--pntgtype", choices=("science", "target_acquisition"), help='kind of exposure; default: "science"'
    )
    arguments.add_argument("-v", "--verbose", action="count", default=0, help="list the exposures")
    return arguments
