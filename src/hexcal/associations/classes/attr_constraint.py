"""A constraint on an attribute of an item: patterns, wildcards, and texts that stand for several values."""

import re
from functools import lru_cache

from hexcal.associations.classes.constraint_base import SimpleConstraintABC
from hexcal.associations.classes.queue import ListCategory, ProcessList
from hexcal.associations.exceptions import AssociationError
from hexcal.python_texts import literal

__all__ = ["AttrConstraint"]


class AttrConstraint(SimpleConstraintABC):
    """Compare an attribute of an item with a pattern.

    Parameters
    ----------
    init : dict, optional
        Names and values of the other parameters.
    sources : list of str
        Attributes; the first that the item has, with a value that is not invalid, counts.
    evaluate : bool
        A text that reads as a Python list stands for several items, one for each element, that are judged separately.
    force_reprocess : ListCategory or False
        Process the item again after a match, compared with this.
    force_undefined : bool
        Match only items that have none of the attributes.
    force_unique : bool
        What first matches becomes the value, and the attribute that it was found in the only one.
    invalid_values : list, optional
        Values that count as absent.
    only_on_match : bool
        With `force_reprocess`: only if all of the constraints of the rule are met.
    onlyif : function, optional
        ``onlyif(item)`` False: the item matches without being looked at.
    required : bool
        Without it, an item that has none of the attributes matches.
    **kwargs
        `value`: None (anything), a regular expression for the whole text, a list of them, or a function that returns
        one of these; case does not matter. `name`.

    Attributes
    ----------
    found_values : set of str
        What has matched, written as regular expressions.
    """

    _shown = ("name", "sources", "value")

    def __init__(
        self,
        init=None,
        sources=None,
        evaluate=False,
        force_reprocess=False,
        force_undefined=False,
        force_unique=True,
        invalid_values=None,
        only_on_match=False,
        onlyif=None,
        required=True,
        **kwargs,
    ):
        self.sources = sources
        self.evaluate = evaluate
        self.force_reprocess = force_reprocess
        self.force_undefined = force_undefined
        self.force_unique = force_unique
        self.invalid_values = [] if invalid_values is None else invalid_values
        self.only_on_match = only_on_match
        self.onlyif = onlyif
        self.required = required
        self.found_values = set()
        super().__init__(init=init, **kwargs)
        if isinstance(self.sources, str):
            self.sources = [self.sources]

    def check_and_set(self, item):
        """See `SimpleConstraintABC.check_and_set`."""
        self.matched, again = self._check(item)
        return self.matched, again

    def _check(self, item):
        if self.onlyif is not None and not self.onlyif(item):
            return True, []
        source, value = self._find(item)
        if source is None:
            return self.force_undefined or not self.required, []
        if self.force_undefined:
            return False, []
        elements = _elements(value) if self.evaluate else None
        if elements is None:
            matched, again = self._meets(source, _evaluated(value) if self.evaluate else str(value)), []
        else:
            matched, again = self._check_each(item, source, elements)
        if matched and self.force_reprocess is not False:
            work_over = ListCategory.BOTH if self.force_reprocess is True else self.force_reprocess
            again.append(ProcessList([item], None, work_over, self.only_on_match, [self]))
        return matched, again

    def _find(self, item):
        if not self.sources:
            raise AssociationError(f"constraint '{self.name}' names no attribute", hint="give it sources=['...']")
        for source in self.sources:
            value = item.get(source)
            if value is not None and value not in self.invalid_values:
                return source, value
        return None, None

    def _check_each(self, item, source, elements):
        """The value is a list: the item goes with its first element that matches, the others are judged separately."""
        matched = False
        if self.value is not None:
            first = next((number for number, element in enumerate(elements) if self._meets(source, element)), None)
            if first is None:
                return False, []
            matched, elements = True, elements[:first] + elements[first + 1 :]
        if not elements:
            return matched, []
        copies = [{**item, source: element} for element in elements]
        return matched, [ProcessList(copies, None, ListCategory.BOTH, False, [self])]

    def _meets(self, source, text):
        """Whether a text matches; if so it is recorded, and a wildcard becomes fixed."""
        value = self.value() if callable(self.value) else self.value
        if value is not None:
            patterns = value if isinstance(value, list | tuple | set | frozenset) else [value]
            if not any(_pattern(str(pattern), self.name).fullmatch(text) for pattern in patterns):
                return False
        literal = _literal(text)
        self.found_values.add(literal)
        if self.force_unique:
            # From now on it is this attribute that counts, also for an item that has an earlier one.
            self.sources, self.value, self.force_unique = [source], literal, False
        return True


@lru_cache(maxsize=4096)
def _pattern(text, name):
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise AssociationError(
            f"the value '{text}' of constraint '{name}' is not a regular expression: {error}",
            hint="put a backslash before characters that stand for themselves",
        ) from error


@lru_cache(maxsize=4096)
def _literal(text):
    return re.escape(text)


@lru_cache(maxsize=4096)
def _read(text):
    """The Python literal that a text reads as, or the text itself."""
    try:
        return literal(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def _elements(value):
    """The elements (list of str) of a value that is a list, or a text that reads as one; else None."""
    value = _read(value) if isinstance(value, str) else value
    if isinstance(value, set | frozenset):
        return sorted(str(element) for element in value)
    return [str(element) for element in value] if isinstance(value, list) else None


def _evaluated(value):
    return str(_read(value) if isinstance(value, str) else value)
