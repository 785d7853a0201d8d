"""``collect_pipeline_cfgs DIR``: parameter files that name a class and set nothing, for scripts that ask for them."""

from pathlib import Path


def main(words):
    """Write NAME.cfg for each pipeline and step."""
    from hexcal.arguments import Arguments

    arguments = Arguments(
        "collect_pipeline_cfgs",
        "Write a parameter file NAME.cfg for each pipeline and step. They set no parameters: `strun NAME` does the "
        "same as `strun NAME.cfg`, and this command is only for scripts that want the files.",
    )
    arguments.add_argument("folder", help="where to write them (created if missing)")
    folder = Path(arguments.parse_args(words).folder)
    from hexcal.core import registry
    from hexcal.core.names import make_folder

    make_folder(folder)
    places = registry.aliases()
    kept = [alias for alias, place in places.items() if not _written(folder / f"{alias}.cfg", alias, place)]
    print(f"{len(places) - len(kept)} parameter files written to {folder}; they set no parameters")
    if kept:
        names = ", ".join(f"{name}.cfg" for name in kept)
        print(f"not replaced, since their content differs from what this command writes: {names}")
    return 0


def _written(path, alias, place):
    """Write a parameter file, unless there is another one of that name; returns whether it was written."""
    from hexcal.files.atomic import atomic

    room = "pipeline" if place.startswith("hexcal.pipelines.") else "step"
    text = f'name = "{alias}"\nclass = "hexcal.{room}.{place.partition(":")[2]}"\n'.encode()
    if path.exists() and path.read_bytes() != text:
        return False
    with atomic(path) as stream:
        stream.write(text)
    return True
