"""The grammar of ``imtypes``: which kinds of exposures, and how many of each, go into one file.

``D``, ``F``: one dark, one flat; ``DD``, ``D2``: two; ``DDFF``; ``D+``: all that go together; ``D5+``: at least five;
``lamp_off:2,flat:2``: other kinds by name.
"""

import re
from typing import NamedTuple

from hexcal.errors import ParameterError

LETTERS = {"D": "dark", "F": "flat"}
_TOKEN = re.compile(r"(?P<letter>[DF])(?P<count>\d*)(?P<more>\+?)")
_WORD = re.compile(r"(?P<kind>[a-z][a-z0-9_]*)(?::(?P<count>\d+))?(?P<more>\+?)")


class Count(NamedTuple):
    """How many exposures of a kind go into a file."""

    least: int
    most: int | None
    """None: all that go together."""


def parsed(text: str, where: str | None = None) -> dict[str, Count]:
    """Return how many exposures of each kind a pattern asks for.

    Raises
    ------
    ParameterError
        If it is not a pattern.
    """
    text = text.strip()
    counts: dict[str, Count] = {}
    words = text.split(",")
    if len(words) > 1 or (text and text[0].islower()):
        tokens = [(_WORD.fullmatch(word.strip()), word) for word in words]
    else:
        tokens = [(match, match[0]) for match in _TOKEN.finditer(text)]
        if "".join(token for _, token in tokens) != text or not tokens:
            raise _refused(text, where)
    for match, _ in tokens:
        if match is None:
            raise _refused(text, where)
        groups = match.groupdict()
        kind = LETTERS.get(groups.get("letter") or "", groups.get("kind") or "")
        number = int(groups["count"] or 1)
        if number == 0:
            raise _refused(text, where)
        before = counts.get(kind, Count(0, 0))
        most = None if groups["more"] or before.most is None else before.most + number
        counts[kind] = Count(before.least + number, most)
    return counts


def _refused(text, where):
    return ParameterError(
        f"imtypes must be a pattern such as D, F, DD, DDFF, D+, D5+ or lamp_off:2,flat:2; got {text!r}",
        where=where,
        hint="D is a dark, F a flat, + means all that go together",
    )
