"""The rules of one type of reference of one instrument: an .rmap, ready to choose."""

from typing import NamedTuple

from hexcal.errors import ReferenceError_
from hexcal.references.conditioning import NOT_APPLICABLE
from hexcal.references.mapping_file import Call
from hexcal.references.ordered_selectors import ORDERED
from hexcal.references.relevance import Expression
from hexcal.references.selectors import Match, NoMatch

FILE, NONE_NEEDED, OMITTED, NOT_FOUND = "file", "n/a", "omit", "not found"

# Where a mapping gives none: a reference for the full frame serves every subarray that has none of its own.
_SUBSTITUTIONS = {"META.SUBARRAY.NAME": {"GENERIC": "N/A"}, "SUBARRAY": {"GENERIC": "N/A"}}


class Choice(NamedTuple):
    """What the rules say about one type of reference.

    Parameters
    ----------
    status : str
        ``"file"``, ``"n/a"`` (the type does not apply to the exposure), ``"omit"`` (not to be spoken of), ``"not
        found"``.
    name : str or None
        Name of the file.
    reason : str
        Why there is none.
    """

    status: str
    name: str | None = None
    reason: str = ""

    def __str__(self):
        if self.status == FILE:
            return self.name
        return "N/A" if self.status == NONE_NEEDED else f"NOT FOUND: {self.reason}"


def choice_of(name):
    """Return the `Choice` for the result of a rule: a file, N/A or OMIT."""
    folded = name.upper()
    if folded == NOT_APPLICABLE:
        return Choice(NONE_NEEDED)
    return Choice(OMITTED) if folded == "OMIT" else Choice(FILE, name)


class Rules:
    """The rules of one .rmap.

    Parameters
    ----------
    mapping : MappingFile
        As read.

    Raises
    ------
    ReferenceError_
        If the header and the rules do not agree, or a rule is not well formed.
    """

    def __init__(self, mapping):
        self.mapping = mapping
        header = mapping.header
        try:
            self.groups = _groups(header.get("parkey", ()))
            names = [name for group in self.groups for name in group]
            self.parameters = tuple(dict.fromkeys([*names, *_names(header.get("extra_keys", ()))]))
            self._omit = self._condition("rmap_omit")
            self._relevant = self._condition("rmap_relevance")
            self._irrelevant_unless = {
                name.upper(): Expression(text, self.parameters)
                for name, text in (header.get("parkey_relevance") or {}).items()
            }
            substitutions = header.get("substitutions") or _SUBSTITUTIONS
            self._substitutions = {name.upper(): table for name, table in substitutions.items()}
            self.selector = self._built(mapping.selector, self.groups)
        except (ValueError, TypeError, AttributeError) as error:
            raise ReferenceError_(
                f"the mapping is corrupt: {error}", where=mapping.path, hint="fetch it again"
            ) from error

    def _condition(self, name):
        text = self.mapping.header.get(name) or "ALWAYS"
        return None if text.strip().upper() == "ALWAYS" else Expression(text, self.parameters)

    def _built(self, node, groups):
        if not isinstance(node, Call):
            return node
        if not groups:
            raise ValueError(f"{node.selector} has no group of parameters in parkey")
        rules = [(key, self._built(below, groups[1:])) for key, below in node.rules]
        if node.selector == "Match":
            return Match(rules, groups[0], self._substitutions)
        return ORDERED[node.selector](rules, groups[0])

    def choose(self, values):
        """Return the `Choice` for conditioned header values.

        Parameters
        ----------
        values : dict of str to str
            Parameter (upper case) -> value in the spelling of `conditioning.condition`; those of `parameters` are read.
        """
        try:
            return self.search(values)
        except NoMatch as error:
            if str(self.mapping.header.get("reffile_required", "")).upper() == "NO":
                return Choice(NONE_NEEDED)
            return Choice(NOT_FOUND, None, str(error))

    def search(self, values):
        """As `choose`, but raise NoMatch where no rule applies."""
        if self._omit is not None and self._omit(values):
            return Choice(OMITTED)
        if self._relevant is not None and not self._relevant(values):
            return Choice(NONE_NEEDED)
        return choice_of(self.selector.choose(self.relevant(values)))

    def relevant(self, values):
        """Return the values, those that do not matter for this exposure (parkey_relevance) as N/A."""
        if not self._irrelevant_unless:
            return values
        hidden = {name: NOT_APPLICABLE for name, matters in self._irrelevant_unless.items() if not matters(values)}
        return {**values, **hidden}


def _names(names):
    return [name.upper() for name in ((names,) if isinstance(names, str) else names)]


def _groups(parkey):
    """Return the groups of parameters, one per level of selectors; a parkey of plain names is one group."""
    if isinstance(parkey, str):
        parkey = (parkey,)
    if parkey and all(isinstance(name, str) for name in parkey):
        parkey = (parkey,)
    return [tuple(_names(group)) for group in parkey]
