"""``v1_calculate``: where the axis of the telescope points, during exposures or an interval."""


def main(words):
    """Write the table."""
    options = _parser().parse_args(words)
    from hexcal.steps.pointing import telemetry, v1_calculate
    from hexcal.steps.pointing.transforms import Methods, Transforms

    reduce = {"all": None, "first": telemetry.first_pointing, "average": telemetry.pointing_from_average}
    parameters = {
        "engdb_url": options.engdb_url,
        "method": Methods(options.method),
        "reduce_func": reduce[options.pointing],
        "override_transforms": Transforms.from_asdf(options.override_transforms)
        if options.override_transforms
        else None,
    }
    interval = _interval(options.time_sources)
    if interval is None:
        table = v1_calculate.v1_calculate_from_models(options.time_sources, **parameters)
    else:
        table = v1_calculate.v1_calculate_over_time(*interval, **parameters)
    return write_table(v1_calculate.simplify_table(table), options.output)


def write_table(table, path):
    """Write a table as ECSV: to a file, or to standard output."""
    import io

    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    if path is None:
        print(text.getvalue(), end="")
        return 0
    from hexcal.files.atomic import atomic

    with atomic(path) as stream:
        stream.write(text.getvalue().encode())
    print(f"{path}: {len(table)} rows")
    return 0


def _interval(words):
    """Start and end, MJD, if the words are two times and not files."""
    from pathlib import Path

    from astropy.time import Time

    if len(words) != 2 or any(Path(word).exists() for word in words):
        return None
    try:
        return tuple(Time(word).mjd for word in words)
    except ValueError:
        return None


def _parser():
    from hexcal.arguments import Arguments

    arguments = Arguments("v1_calculate", "Calculate where V1 points, over a period of time.")
    arguments.add_argument("time_sources", nargs="+", help="exposures, or start and end (2022-06-03T17:00:00)")
    arguments.add_argument("-o", "--output", help="file for the table (ECSV); default: standard output")
    arguments.add_argument(
        "--pointing", choices=("all", "first", "average"), default="average", help="which pointings (default average)"
    )
    arguments.add_argument(
        "--method",
        choices=("coarse_tr_202111", "ops_tr_202111", "track_tr_202111"),
        default="ops_tr_202111",
        help="how they are computed (default ops_tr_202111: as PCS_MODE says)",
    )
    arguments.add_argument("--override-transforms", metavar="FILE", help="ASDF file with rotations to use instead")
    arguments.add_argument(
        "--engdb-url", metavar="PLACE", help="file of telemetry, or address of the engineering database"
    )
    return arguments
