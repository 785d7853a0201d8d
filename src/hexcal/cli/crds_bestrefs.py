"""``hexcal crds bestrefs FILE...``: the reference files of exposures, from their headers alone."""

import sys

from hexcal.cli.crds_options import open_context, parser
from hexcal.errors import InputError, ParameterError


def main(words):
    """Print the reference files; exit status 1 if a type is NOT FOUND for an exposure, or a file cannot be read."""
    options = _options(words)
    from hexcal.references.header_cards import read_header

    types = _types(options.types)
    chosen, failed = {}, False
    for path in options.files:
        try:
            header = read_header(path)
            context = open_context(options, header)
            choices = context.choose(header, types)
        except InputError as error:
            # What is wrong with one exposure does not keep the others from their answer.
            print(f"hexcal: {error if path and path in str(error) else f'{path!r}: {error}'}", file=sys.stderr)
            failed = True
            continue
        chosen[path] = {name: str(choice) for name, choice in choices.items()}
        failed |= any(choice.status == "not found" for choice in choices.values())
        if not options.json:
            _print(path, context, choices)
        for name in sorted({choice.name for choice in choices.values()} & context.cache.withdrawn()):
            print(f"hexcal: the observatory has declared {name} unfit for science", file=sys.stderr)
    if options.json:
        import json

        print(json.dumps(chosen, indent=1))
    return 1 if failed else 0


def _options(words):
    arguments = parser(
        "bestrefs",
        "The reference files that belong to exposures, chosen from their headers; no network, no data read. "
        "Exit status 1 if one is NOT FOUND; N/A (none is needed) is no failure.",
    )
    arguments.add_argument("files", nargs="+", metavar="FILE")
    arguments.add_argument("--types", metavar="A,B", help="only these types of references")
    arguments.add_argument("--json", action="store_true", help="as JSON: {file: {type: name}}")
    return arguments.parse_args(words)


def _types(text):
    if text is None:
        return None
    types = [name.strip().lower() for name in text.split(",") if name.strip()]
    if not types:
        raise ParameterError("no type of reference is named", where="--types", hint="--types dark,flat")
    return types


def _print(path, context, choices):
    print(f"{path}  ({context.name})")
    width = max((len(name) for name in choices), default=0)
    for name, choice in sorted(choices.items()):
        print(f"  {name:{width}s}  {choice}")
