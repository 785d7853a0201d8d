"""``hexcal crds list WHAT``: contexts, instruments, types of references, files."""

from hexcal.cli.crds_options import open_cache, open_context, parser
from hexcal.errors import ParameterError

_NEEDS = {"observatories": 0, "contexts": 0, "instruments": 0, "types": 1, "files": 2}


def main(words):
    """Print one name per line."""
    arguments = parser("list", "What a cache and a context hold.")
    arguments.add_argument("what", choices=list(_NEEDS), help="types needs INSTRUMENT, files needs INSTRUMENT TYPE")
    arguments.add_argument("of", nargs="*", metavar="NAME")
    options = arguments.parse_args(words)
    if len(options.of) != _NEEDS[options.what]:
        needed = ("nothing more", "INSTRUMENT", "INSTRUMENT TYPE")[_NEEDS[options.what]]
        raise ParameterError(
            f"`list {options.what}` needs {needed}, got: {' '.join(options.of) or 'nothing'}", where="hexcal crds list"
        )
    for line in _lines(options):
        print(line)
    return 0


def _lines(options):
    if options.what == "observatories":
        from hexcal.references.cache import observatories

        return observatories(options.cache)
    if options.what == "contexts":
        cache = open_cache(options, options.context or "")
        used = cache.context_name(options.context)
        return [f"{name}  (used)" if name == used else name for name in cache.contexts()]
    context = open_context(options)
    if options.what == "instruments":
        return [f"{name}  {mapping}" for name, mapping in context.pmap.selector.items()]
    if options.what == "types":
        imap = context.imap(options.of[0])
        return [f"{name.lower()}  {mapping}" for name, mapping in imap.selector.items()] if imap else []
    return _files(context, *options.of)


def _files(context, instrument, reference_type):
    import os

    from hexcal.references.names import named
    from hexcal.references.rules import Rules

    rules = context.rules(instrument, reference_type)
    if not isinstance(rules, Rules):
        return []
    withdrawn = context.cache.withdrawn()
    lines = []
    for name in sorted(named(rules.mapping)):
        is_here = os.path.isfile(context.cache.reference_path(name, instrument))
        notes = [] if is_here else ["not in the cache"]
        notes += ["declared unfit for science"] if name in withdrawn else []
        lines.append(f"{name}  ({', '.join(notes)})" if notes else name)
    return lines
