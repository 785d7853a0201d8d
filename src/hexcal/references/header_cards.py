"""The header of an exposure for choosing references: primary header cards, read with nothing but the standard library.

Anything unusual (compressed, not FITS, no END) is left to the data models.
"""

import re

from hexcal.errors import InputError
from hexcal.models.bounds import require_regular

_BLOCK = 2880
_MOST_BLOCKS = 400
_STRING = re.compile(r"'((?:[^']|'')*)'")


def read_header(path):
    """Return the values of an exposure's header.

    Parameters
    ----------
    path : str
        A FITS file, or any other file that Hexcal opens as a model.

    Returns
    -------
    mapping
        FITS keyword -> value (str, int, float, bool) for FITS; for others an object whose ``get`` takes names of
        parameters (``META.INSTRUMENT.NAME``).

    Raises
    ------
    InputError
        If the file is missing or not readable.
    """
    require_regular(path, "an exposure")
    try:
        with open(path, "rb") as stream:
            cards = _cards(stream)
    except FileNotFoundError as error:
        raise InputError("the file does not exist", where=path) from error
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=path) from error
    return cards if cards is not None else _of_model(path)


def _cards(stream):
    """Return the cards of the primary header as a dict, or None if they are not of the plain kind."""
    values, last = {}, None
    for _ in range(_MOST_BLOCKS):
        block = stream.read(_BLOCK)
        if len(block) < _BLOCK or (not values and not block.startswith(b"SIMPLE  =")):
            return None
        try:
            text = block.decode("ascii")
        except UnicodeDecodeError:
            return None
        for start in range(0, _BLOCK, 80):
            keyword = text[start : start + 8].rstrip()
            if keyword == "END":
                return values
            name, given = _divided(text[start : start + 80])
            if name:
                value, last = _value(given), name
                if value is not None:
                    values.setdefault(name, value)
            elif keyword == "CONTINUE" and str(values.get(last, "")).endswith("&"):
                # A long text: the card before ends with & and goes on here.
                values[last] = (values[last][:-1] + str(_value(text[start + 10 : start + 80]) or "")).rstrip()
    return None


def _divided(card):
    """Return keyword and value of a card as texts; "" and "" for one that has no value (COMMENT, CONTINUE)."""
    if card[8:10] == "= ":
        return card[:8].rstrip(), card[10:]
    if card.startswith("HIERARCH ") and "=" in card:
        # Keywords longer than eight letters, by the convention that ESO registered.
        name, _, value = card[9:].partition("=")
        return name.strip().upper(), value
    return "", ""


def _value(text):
    text = text.strip()
    if text.startswith("'"):
        match = _STRING.match(text)
        return match.group(1).replace("''", "'").rstrip() if match else None
    text = text.partition("/")[0].strip()
    if text in ("T", "F"):
        return text == "T"
    for kind in (int, float):
        try:
            return kind(text.replace("D", "E") if kind is float else text)
        except ValueError:
            continue
    # Blank (no value), or a complex number: nothing that a reference is chosen by.
    return None


def _of_model(path):
    import hexcal.models.open as models

    model = models.open(path)
    return ModelHeader(model)


class ModelHeader:
    """The header of an open data model, by names of parameters.

    Parameters
    ----------
    model : DataModel
        Open.
    """

    def __init__(self, model):
        self._model = model

    def get(self, parameter, default=None):
        """Return the value of a parameter (``META.INSTRUMENT.NAME``), or the default."""
        if parameter == "TELESCOP":
            parameter = "META.TELESCOPE"
        if not parameter.startswith("META."):
            return default
        value = self._model.get_meta(parameter.lower())
        return value if isinstance(value, str | int | float | bool) else default
