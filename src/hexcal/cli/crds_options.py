"""What the commands of ``hexcal crds`` have in common: options, and opening a context for a file."""

import argparse
import re

from hexcal.errors import ParameterError, nearest


class Parser(argparse.ArgumentParser):
    """A parser whose errors are errors of Hexcal, with the nearest right word; files may stand before, between and after options."""

    def parse_args(self, args=None, namespace=None):
        """Parse all words."""
        return self.parse_intermixed_args(args, namespace)

    def error(self, message):
        """Raise instead of ending the interpreter."""
        guess = self._nearest(message)
        hint = f"did you mean '{guess}'?" if guess else f"`{self.prog} --help`"
        raise ParameterError(message, where=self.prog, hint=hint)

    def _nearest(self, message):
        """The right word for the wrong one that a message of argparse tells, if there is one like it."""
        option = re.match(r"unrecognized arguments: (--?[\w-]+)", message)
        if option:
            return nearest(option[1], [name for name in self._option_string_actions if name.startswith("--")])
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        return nearest(choice[1], re.findall(r"[\w-]+", choice[2])) if choice else None


def parser(command, description, *, context=True):
    """Return a parser for one command, with the options of all.

    Parameters
    ----------
    command, description : str
        Name and what it does.
    context : bool
        Whether it works in a context.
    """
    made = Parser(prog=f"hexcal crds {command}", description=description)
    made.add_argument("--cache", metavar="DIR", help="cache of mappings and reference files (default: CRDS_PATH)")
    made.add_argument("--observatory", metavar="NAME", help="default: CRDS_OBSERVATORY, or that of the file")
    if context:
        made.add_argument(
            "--context", metavar="C", help=".pmap, or: newest, default (default: CRDS_CONTEXT, else that of the cache)"
        )
    return made


def open_cache(options, name=""):
    """Return the cache that the options name (`ReferenceCache`); the observatory may be told by the name of a mapping or reference."""
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
