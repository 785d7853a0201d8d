"""What the commands of ``hexcal crds`` have in common: options, and opening a context for a file."""

from hexcal.arguments import Arguments


def parser(command, description, *, context=True):
    """Return a parser for one command, with the options of all.

    Parameters
    ----------
    command, description : str
        Name and what it does.
    context : bool
        Whether it works in a context.
    """
    arguments = Arguments(prog=f"hexcal crds {command}", description=description)
    arguments.add_argument("--cache", metavar="DIR", help="cache of mappings and reference files (default: CRDS_PATH)")
    arguments.add_argument("--observatory", metavar="NAME", help="default: CRDS_OBSERVATORY, or that of the file")
    if context:
        arguments.add_argument(
            "--context", metavar="C", help=".pmap, or: newest, default (default: CRDS_CONTEXT, else that of the cache)"
        )
    return arguments


def open_cache(options, name=""):
    """Return the cache that the options name (`ReferenceCache`).

    The observatory may be told by the name of a mapping or reference.
    """
    from hexcal.references.cache import ReferenceCache, observatory_of_name

    return ReferenceCache(options.cache, options.observatory or observatory_of_name(options.cache, name))


def open_context(options, header=None):
    """Return the context that the options name (`Context`), for the observatory of a header if one is given."""
    from hexcal.references import context as contexts
    from hexcal.references.cache import observatory_of_exposure, observatory_of_name

    observatory = options.observatory
    if not observatory and header is not None:
        observatory = observatory_of_exposure(options.cache, str(header.get("TELESCOP") or ""), options.context)
    observatory = observatory or observatory_of_name(options.cache, options.context or "")
    return contexts.open_context(options.context, options.cache, observatory)
