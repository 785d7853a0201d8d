"""A FITS header as it stands in the file: cards are kept as their 80 characters, and read only when asked for.

Headers of other software hold cards that break the standard (``TFRAME = NAN``, ``KEY = 1.0.0``, a text without its
closing quote). They make no file unusable: such a card has the value `UNREADABLE`, and goes back into a saved file as
it came.
"""

import math
import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np

_SIMPLE_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d+)?"
_VALUE = re.compile(
    r" *(?:(?P<text>'(?:[^']|'')*')"
    rf"|(?P<logical>[TF])|(?P<number>{_NUMBER})|(?P<complex>\( *{_NUMBER} *, *{_NUMBER} *\)))?"
    r" *(?:/(?P<comment>.*))?$"
)
COMMENTARY = ("COMMENT", "HISTORY", "")


class _Mark:
    """A value that is none."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name

    def __bool__(self):
        return False

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


UNDEFINED = _Mark("undefined")
"""Value of a card that has a keyword and no value."""
UNREADABLE = _Mark("unreadable")
"""Value of a card that breaks the standard."""


class Card(NamedTuple):
    """One keyword of a header.

    Parameters
    ----------
    keyword : str
        In capitals; of a HIERARCH card what stands before the ``=``.
    value : str, bool, int, float, complex, UNDEFINED or UNREADABLE
        Of COMMENT, HISTORY and cards without a keyword: the text.
    comment : str
        What stands behind the ``/``.
    image : str
        The characters in the file: 80, or a multiple where a long text goes on in CONTINUE cards. Empty for a card that
        was made in memory.
    """

    keyword: str
    value: object
    comment: str = ""
    image: str = ""

    def text(self):
        """Return the characters for a file: as they came, or formatted."""
        return self.image or formatted(self.keyword, self.value, self.comment)


def formatted(keyword, value, comment=""):
    """Return a card as characters, 80 or a multiple of it.

    Parameters
    ----------
    keyword : str
        Up to eight characters; longer ones become HIERARCH cards.
    value : str, bool, int, float, UNDEFINED
        Texts longer than a card go on in CONTINUE cards. Characters that a header cannot hold become ``?``.
    comment : str
        Cut where it does not fit beside a value of one card.
    """
    if keyword in COMMENTARY:
        lines = [str(value)[start : start + 72] for start in range(0, max(len(str(value)), 1), 72)]
        return "".join(f"{keyword:8s}{printable(line)}".ljust(80) for line in lines)
    if value is UNDEFINED:
        return f"{keyword:8s}={'':21s}{f' / {comment}' if comment else ''}"[:80].ljust(80)
    if isinstance(value, str):
        value = printable(value)
    width = max(20, len(value.replace("'", "''")) + 2) if isinstance(value, str) else 20
    room = 80 - 10 - width - 3
    # A text of more than 68 characters has further cards, on which its comment finds room.
    long = isinstance(value, str) and width > 70
    comment = printable(comment) if long else printable(comment)[: max(room, 0)]
    simple = _simple_value(value) if _SIMPLE_KEYWORD.fullmatch(keyword) else None
    if simple is not None:
        return f"{keyword:8s}= {simple}{f' / {comment}' if comment else ''}".ljust(80)
    if long and _SIMPLE_KEYWORD.fullmatch(keyword):
        return _continued(keyword, value, comment)
    from astropy.io import fits

    name = keyword if len(keyword) <= 8 else f"HIERARCH {keyword}"
    return str(fits.Card(name, value, comment))


def _simple_value(value):
    """The value of a card as astropy writes it (FITS standard, section 4.2).

    None for values that need more than one card, and for rarer types.
    """
    if isinstance(value, bool | np.bool_):
        return f"{'T' if value else 'F':>20s}"
    if isinstance(value, int | np.integer):
        text = str(int(value))
    elif isinstance(value, float | np.floating) and math.isfinite(value):
        text = _short_float(str(value).replace("e", "E"))
    elif isinstance(value, str):
        text = value.replace("'", "''")
        quoted = f"'{text:8s}'".ljust(20) if text else "''"
        return quoted if len(text) <= 68 else None
    else:
        return None
    return f"{text:>20s}" if len(text) <= 20 else None


def _continued(keyword, text, comment):
    """The cards of a long text, and those of its comment (FITS standard 4.0, section 4.2.1.2)."""
    parts = _pieces(text.replace("'", "''"), 67)
    cards = [f"{'CONTINUE  ' if number else f'{keyword:8s}= '}'{part}&'" for number, part in enumerate(parts)]
    comments = [f"CONTINUE  '&' / {part}" for part in _pieces(comment, 64)] if comment else []
    if comments:
        comments[-1] = comments[-1].replace("'&'", "''", 1)
    else:
        cards[-1] = f"{cards[-1][:-2]}'"
    return "".join(card.ljust(80) for card in (*cards, *comments))


def _pieces(text, width):
    """Pieces of a text of at most so many characters, cut behind blanks where there are any."""
    pieces, start = [], 0
    while len(text) - start >= width:
        end = text.rfind(" ", start, start + width) + 1
        end = end if end > start else start + width
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]] if start < len(text) or not pieces else pieces


def _short_float(text):
    """Cut the digits of a number to the 20 characters of a card; its exponent stays."""
    digits, mark, exponent = text.partition("E")
    return digits[: 20 - len(mark + exponent)] + mark + exponent


def printable(text):
    """Return a text with ``?`` for every character that a header cannot hold."""
    text = str(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


class Header:
    """The cards of one HDU, in the order of the file.

    Parameters
    ----------
    text : str
        Multiple of 80 characters, without the END card.
    """

    __slots__ = ("_cards", "_positions", "text")

    def __init__(self, text):
        self.text = text
        self._cards = None
        names = text.upper()
        # From the end, so that of several cards of one keyword the first stays.
        self._positions = {names[start : start + 8]: start for start in range(len(text) - 80, -1, -80)}

    @property
    def cards(self):
        """All cards (list of `Card`); CONTINUE cards are part of the card that they continue."""
        if self._cards is None:
            self._cards, start = [], 0
            while start < len(self.text):
                card = _card_at(self.text, start)
                self._cards.append(card)
                start += len(card.image)
        return self._cards

    def card(self, keyword):
        """Return the first card with that keyword, or None."""
        start = self._positions.get(f"{keyword:8}")
        return None if start is None else _card_at(self.text, start)

    def get(self, keyword, default=None):
        """Return the value of the first card with that keyword.

        The default if there is none, or it has no value that can be read.
        """
        card = self.card(keyword)
        if card is None or keyword in COMMENTARY or card.value is UNDEFINED or card.value is UNREADABLE:
            return default
        return card.value

    def __getitem__(self, keyword):
        value = self.get(keyword, UNDEFINED)
        if value is UNDEFINED:
            raise KeyError(keyword)
        return value

    def __iter__(self):
        return (name.rstrip() for name in reversed(self._positions))

    def __contains__(self, keyword):
        return f"{keyword:8}" in self._positions


def _card_at(text, start):
    """Return the card that begins at a position, with the CONTINUE cards that belong to it."""
    card = _card(text[start : start + 80])
    end = start + 80
    if not isinstance(card.value, str) or text[end : end + 8] != "CONTINUE":
        return card
    value, comment = card.value, card.comment
    while value.endswith("&") and text[end : end + 8] == "CONTINUE":
        more, note = _parsed(text[end + 8 : end + 80])
        if not isinstance(more, str):
            break
        value, comment, end = value[:-1] + more, comment + note, end + 80
    return Card(card.keyword, value, comment, text[start:end])


@lru_cache(maxsize=1 << 14)
def _card(image):
    """Return the card of 80 characters.

    Most cards of a product occur in the headers of all its slits: they are understood once.
    """
    keyword = image[:8].rstrip().upper()
    if keyword == "HIERARCH" and "=" in image:
        keyword, _, rest = image[8:].partition("=")
        keyword = keyword.strip().upper()
    elif image[8:9] == "=" and keyword not in COMMENTARY:
        rest = image[9:]
    else:
        return Card(keyword, image[8:].rstrip(), "", image)
    return Card(keyword, *_parsed(rest), image)


def _parsed(text):
    """Return (value, comment) of what stands behind the ``=`` of a card."""
    match = _VALUE.match(text)
    if match is None:
        return UNREADABLE, ""
    comment = (match["comment"] or "").strip()
    if match["text"] is not None:
        return match["text"][1:-1].replace("''", "'").rstrip(), comment
    if match["logical"] is not None:
        return match["logical"] == "T", comment
    if match["complex"] is not None:
        real, _, imaginary = match["complex"].strip("() ").partition(",")
        return complex(_float(real), _float(imaginary)), comment
    if match["number"] is None:
        return UNDEFINED, comment
    number = match["number"]
    return (int(number) if number.lstrip("+-").isdigit() else _float(number)), comment


def _float(text):
    return float(text.upper().replace("D", "E"))
