"""A model as an ASDF file: its tree with its arrays and tables in it.

What only FITS has, cards and extensions that Hexcal does not know, stands under ``extra_fits``. An
array stands under its attribute, the slits of a product in a list.
"""

import numpy as np

from hexcal.errors import InputError
from hexcal.models.fits_header import UNDEFINED, UNREADABLE, Card
from hexcal.models.fits_writer import is_structural

EXTRA = "extra_fits"


def tree_of(model):
    """Return the tree of the ASDF file that a model becomes: nested dicts, lists, values and arrays.

    Parameters
    ----------
    model : DataModel
        All its arrays are read.

    Raises
    ------
    InputError
        If it holds something that ASDF has no form for: a table with columns of varying length, an extension that is
        neither image nor table.
    """
    tree = _part_tree(model, [spec.hdu.upper() for spec in model.specs.values()])
    parts = model.parts()
    if parts != [model]:
        tree[model.parts_name] = [
            _part_tree(part, [spec.hdu.upper() for spec in part.specs.values()]) for part in parts
        ]
    else:
        parts = []
    extensions = _carried_extensions(model, parts)
    if extensions:
        extra = tree.setdefault(EXTRA, {})
        for name, content in extensions:
            name = _free(name, extra)
            extra[name] = {**extra.get(name, {}), **content}
    return tree


def _part_tree(model, names):
    tree = {name: value for name, value in model.whole_tree().items() if name not in model.specs and name != EXTRA}
    for name in model.specs:
        value = getattr(model, name)
        if value is not None:
            tree[name] = _table(value, name) if value.dtype.names else np.asarray(value)
    extra = dict(model.contents.tree.get(EXTRA, {}))
    for name in ("PRIMARY", *names):
        cards = model.contents.cards.get(name)
        if cards:
            extra[name] = {**extra.get(name, {}), "header": [_listed(card) for card in cards]}
    return {**tree, EXTRA: extra} if extra else tree


def _carried_extensions(model, parts):
    """[(name, content)] of the extensions of the file that are no arrays of the model."""
    from hexcal.models.fits_units import owned_extensions

    if model.contents.source is None:
        return []
    owned = owned_extensions(model)
    carried: list[tuple[str, dict]] = []
    for extension in model.contents.source.extensions:
        if extension.index in owned or (extension.index == 0 and not extension.shape):
            continue
        if extension.kind == "other":
            raise InputError(
                f"the extension {extension.name} is neither an image nor a table: ASDF cannot hold it",
                where=str(model.path),
                hint="save as .fits",
            )
        content: dict = {} if extension.index == 0 else {"header": [_listed(card) for card in _own_cards(extension)]}
        if extension.kind == "table":
            content["data"] = _table(model.contents.source.table(extension), extension.name)
        elif extension.shape:
            content["data"] = model.contents.source.read(extension)
        carried.append(("PRIMARY" if extension.index == 0 else extension.name or "EXTENSION", content))
    return carried


def _own_cards(extension):
    kept = ("EXTNAME", "EXTVER")
    return [
        card
        for card in extension.header.cards
        if card.keyword in kept or not (is_structural(card.keyword) or extension.is_of_storage(card.keyword))
    ]


def _free(name, extra):
    """A name that is not taken: extensions may share one."""
    number = 2
    while name in extra and (name != "PRIMARY" or "data" in extra[name]):
        name, number = f"{name.partition(',')[0]},{number}", number + 1
    return name


def _listed(card):
    """A card as a list of keyword, value and comment; one that breaks the standard as the text that it is."""
    if card.value is UNREADABLE:
        return ["COMMENT", card.image.rstrip(), ""]
    if isinstance(card.value, complex):
        return [card.keyword, str(card.value), card.comment]
    return [card.keyword, None if card.value is UNDEFINED else card.value, card.comment]


def _table(table, name):
    """Return a table as a structured array of native types, as ASDF and numpy know them."""
    columns = {column: np.asarray(table[column]) for column in table.dtype.names}
    for column, values in columns.items():
        if values.dtype.kind == "O":
            raise InputError(
                f"column {column} of {name} has rows of varying length, which ASDF cannot hold",
                hint="save as .fits",
            )
    types = [(column, _column_type(values.dtype), values.shape[1:]) for column, values in columns.items()]
    result = np.zeros(len(table), types)
    for column, values in columns.items():
        result[column] = values
    return result


def _column_type(dtype):
    native = dtype.newbyteorder("=")
    return np.dtype(f"{dtype.kind}1") if dtype.itemsize == 0 else native


def fill(model, tree):
    """Give a new model what an ASDF file holds.

    Parameters
    ----------
    model : DataModel
        Empty; of the class that the file names.
    tree : dict
        As `tree_of` makes it; taken over.
    """
    history = tree.pop("history", [])
    parts = tree.pop(model.parts_name, None) if hasattr(model, "parts_name") else None
    _fill_part(model, tree)
    model.contents.history = list(history)
    if parts is not None:
        setattr(model, model.parts_name, [_fill_part(model.new_part(), part) for part in parts])


def _fill_part(model, tree):
    arrays = {name: tree.pop(name) for name in list(tree) if name in model.specs}
    extra = tree.pop(EXTRA, {})
    known = {"PRIMARY", *(spec.hdu.upper() for spec in model.specs.values())}
    model.contents.tree, model.contents.history, model.contents.is_merged = {"meta": {}, **tree}, [], True
    model.contents.cards = {
        name: [_card(*card) for card in content.get("header", [])] for name, content in extra.items() if name in known
    }
    rest = {name: content for name, content in extra.items() if name not in known or "data" in content}
    if rest:
        model.contents.tree[EXTRA] = rest
    for name, value in arrays.items():
        if value is not None:
            setattr(model, name, np.array(value))
    return model


def extra_units(model):
    """Yield (cards, data) of the extensions that an ASDF file held under ``extra_fits``.

    In the form that `fits_writer.write` takes; the primary one is left out.
    """
    for name, content in model.contents.tree.get(EXTRA, {}).items():
        if name != "PRIMARY":
            yield [_card(*card).text() for card in content.get("header", [])], content.get("data", np.zeros((), "u1"))


def primary_image(model):
    """Return the image that an ASDF file held for the primary HDU, or None."""
    return model.contents.tree.get(EXTRA, {}).get("PRIMARY", {}).get("data")


def _card(keyword, value=None, comment=""):
    return Card(keyword, UNDEFINED if value is None else value, comment or "")
