"""Between a model's metadata tree and FITS header cards.

Known keywords by the dictionary, unknown ones carried along untouched.
"""

import math
import warnings
from functools import lru_cache

import numpy as np

from hexcal.models.fits_header import COMMENTARY, UNDEFINED, UNREADABLE, Card, formatted, printable
from hexcal.models.fits_writer import is_structural

_TRUTH = {"T": True, "TRUE": True, "F": False, "FALSE": False}


def read_cards(model):
    """Fill a model's tree, history and unknown cards from the headers of its file."""
    keywords, source = model.keywords, model.contents.source
    if model.contents.container is None:
        _read_header(model, source.extensions[0], "PRIMARY", "PRIMARY", keywords)
    for spec in model.specs.values():
        extension = source.of(spec, model.contents.version)
        if extension is not None and extension.index:
            _read_header(model, extension, spec.hdu, spec.hdu.upper(), keywords)
    if _lossy_texts(model.contents.tree):
        model.whole_tree()


def _read_header(model, extension, hdu, name, keywords):
    extra = model.contents.cards.setdefault(name, [])
    written, titles = _written(keywords, hdu, model.model_type)
    for card in extension.header.cards:
        if card.keyword in COMMENTARY:
            _read_commentary(model, card, hdu, extra, titles)
            continue
        if is_structural(card.keyword) and not (hdu == "PRIMARY" and card.keyword in ("EXTNAME", "EXTVER")):
            continue
        entry = keywords.of_card(card.keyword, hdu, model.model_type)
        readable = card.value is not UNDEFINED and card.value is not UNREADABLE
        if entry is None or not readable or (entry.keyword == card.keyword and id(entry) not in written):
            # Unknown, or known only for other models, or not readable: it goes back as it came.
            extra.append(card)
        if entry is not None and readable:
            model.set_unchecked(entry.path, typed(card.value, entry.type))
        elif entry is not None and card.value is UNREADABLE:
            warnings.warn(
                f"{model.contents.source.path}: the card {card.image.strip()!r} breaks the FITS standard; "
                f"{entry.path} is taken as not set",
                UserWarning,
                stacklevel=2,
            )


@lru_cache(maxsize=256)
def _written(keywords, hdu, model_type):
    """Return the identities of the dictionary's rows that are written to an HDU, and their sections.

    Two frozensets; of the sections their titles.
    """
    rows = keywords.of_hdu(hdu, model_type)
    return frozenset(map(id, rows)), frozenset(row.section for row in rows)


def _read_commentary(model, card, hdu, extra, titles):
    text = card.value.strip()
    if card.keyword == "HISTORY" and hdu == "PRIMARY":
        model.contents.history.append(card.value)
    elif card.keyword or (text and text not in titles):
        # Titles of sections are written anew.
        extra.append(card)


def typed(value, kind):
    """Return a value as the dictionary's type where that loses nothing.

    Headers hold 10 for 10.0, and the texts 'F' and '5' of other software.

    Parameters
    ----------
    value : str, bool, int or float
        Of a card.
    kind : str
        "str", "bool", "int" or "float".

    Returns
    -------
    object
        The value itself where it is not of the type: it can be looked at, and `DataModel.check_header` refuses it.
    """
    if isinstance(value, str) and kind != "str":
        return _from_text(value.strip(), kind, value)
    if kind == "bool" and value in (0, 1):
        return bool(value)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind == "int" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _from_text(text, kind, otherwise):
    if kind == "bool":
        return _TRUTH.get(text.upper(), otherwise)
    try:
        return typed(float(text), kind) if kind == "float" or not text.lstrip("+-").isdigit() else int(text)
    except ValueError:
        return otherwise


def header_cards(model, hdu, name):
    """Return the cards of one HDU as characters (list of str).

    Known keywords in the dictionary's order under their section titles, then the unknown ones.

    Parameters
    ----------
    model : DataModel
        Whose metadata.
    hdu : str
        As the keyword dictionary names it.
    name : str
        Under which the unknown cards are kept.
    """
    cards, section, written = [], "", set()
    stored, branches = _stored_header(model, hdu), {"": model.metadata_tree()}
    for entry in model.keywords.of_hdu(hdu, model.model_type):
        value = _branch_of(entry.path, branches).get(entry.path.rpartition(".")[2])
        if not is_card_value(value):
            continue
        if entry.section and entry.section != section:
            section = entry.section
            cards += [formatted("", title) for title in ("", section, "")]
        former = stored.card(entry.keyword) if stored is not None else None
        if former is not None and _is_as_it_was(former.value, value):
            cards.append(former.image)
        else:
            cards.append(formatted(entry.keyword, _native(value), entry.comment))
        written.add(entry.keyword)
    for card in model.contents.cards.get(name, ()):
        if card.keyword not in written or card.keyword in COMMENTARY or _is_second(stored, card):
            cards += _extra_card(model, card, hdu)
    if hdu == "PRIMARY":
        cards += [formatted("HISTORY", line) for text in model.history for line in history_lines(text)]
    return cards


def _branch_of(path, branches):
    """The nested dict that a path is in, empty where there is none; `branches` has those that were looked for."""
    above = path.rpartition(".")[0]
    if above not in branches:
        branch = _branch_of(above, branches).get(above.rpartition(".")[2])
        branches[above] = branch if isinstance(branch, dict) else {}
    return branches[above]


def _is_as_it_was(former, value):
    """Whether the card of the file still says it.

    The same value of the same type, or digits that a float would lose.
    """
    same_type = type(former) is type(value) or (type(former) is int and isinstance(value, float) and abs(former) > 1e15)
    return same_type and former == value


def _is_second(stored, card):
    """Whether a card that cannot be read stands beside another of its keyword in the file, which can."""
    first = stored.card(card.keyword) if stored is not None and card.value is UNREADABLE else None
    return first is not None and first.value is not UNREADABLE


def _stored_header(model, hdu):
    """The header that the model was read from.

    What is as it was goes back with the comments and the digits that it had.
    """
    if model.contents.source is None:
        return None
    spec = next((spec for spec in model.specs.values() if spec.hdu == hdu), None)
    if hdu == "PRIMARY":
        extension = model.contents.source.extensions[0]
    else:
        extension = None if spec is None else model.contents.source.of(spec, model.contents.version)
    return extension.header if extension is not None else None


def _extra_card(model, card, hdu):
    """A card that goes back as it came, unless the value that it stands for was changed."""
    entry = model.keywords.of_card(card.keyword, hdu, model.model_type)
    if entry is None or card.value is UNDEFINED or card.value is UNREADABLE or card.keyword in COMMENTARY:
        return [card.text()]
    value = model.value_at(entry.path)
    if not is_card_value(value):
        return []
    return [
        card.text() if typed(card.value, entry.type) == value else formatted(card.keyword, _native(value), card.comment)
    ]


def is_card_value(value):
    """Whether a value can stand on a card."""
    if isinstance(value, float | np.floating):
        return math.isfinite(value)
    return isinstance(value, str | int | bool | np.generic)


def _native(value):
    return value.item() if isinstance(value, np.generic) else value


def history_lines(text):
    """Return a text of the history as the lines of HISTORY cards (list of str)."""
    lines = [printable(line) for line in str(text).splitlines()] or [""]
    return [line[start : start + 72].rstrip() for line in lines for start in range(0, max(len(line), 1), 72)]


def restore_texts(model, recorded):
    """Put back what the ASDF extension knows better than the header.

    Texts with characters that a card cannot hold, and history texts as they were.

    Parameters
    ----------
    model : DataModel
        With the tree and history of its header.
    recorded : dict
        Content of the ASDF extension.
    """
    for path in _lossy_texts(model.contents.tree):
        former, latter = _at(recorded, path), _at(model.contents.tree, path)
        if isinstance(former, str) and printable(former).rstrip() == latter:
            model.set_unchecked(".".join(path), former)
    lines = [line for text in recorded.get("history", ()) for line in history_lines(text)]
    if lines and [line.rstrip() for line in model.contents.history[: len(lines)]] == lines:
        model.contents.history[: len(lines)] = recorded["history"]


def _lossy_texts(tree):
    """Paths of the texts that may have held characters which a card cannot hold."""
    return [path for path, value in _leaves(tree) if isinstance(value, str) and "?" in value]


def _leaves(tree, above=()):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value


def _at(tree, path):
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


__all__ = ["Card", "header_cards", "history_lines", "is_card_value", "read_cards", "restore_texts", "typed"]
