"""The HDUs of the FITS file that a model becomes: what was changed anew, everything else as it was stored."""

from functools import partial

import numpy as np

from hexcal.models import asdf_product, asdf_tree, exact
from hexcal.models.fits_cards import header_cards
from hexcal.models.fits_header import formatted
from hexcal.models.fits_writer import Columns, Stored, is_structural
from hexcal.models.layout import Table
from hexcal.models.streamed import Streamed, StreamedTable

_PRIMARY_START = (
    ("SIMPLE", True, "conforms to FITS standard"),
    ("BITPIX", 8, "array data type"),
    ("NAXIS", 0, "number of array dimensions"),
)

_EMPTY = [
    formatted("XTENSION", "IMAGE", "Image extension"),
    *(formatted(*card) for card in _PRIMARY_START[1:]),
    formatted("PCOUNT", 0, "number of parameters"),
    formatted("GCOUNT", 1, "number of groups"),
]
"""An HDU that keeps the place of an array that there is not."""


def units(model):
    """Yield (cards, data) of every HDU of the file that `model` becomes, as `fits_writer.write` takes them.

    The primary array comes first; extensions that Hexcal does not know follow as they were read, byte for byte; the
    ASDF extension is last. NEXTEND in the primary header says how many follow it, so that a file that is cut between
    two of them is noticed.
    """
    model.whole_tree()
    owned = owned_extensions(model)
    plan = list(_plan(model, owned))
    yield _primary_unit(model, owned, len(plan))
    for make in plan:
        yield make()


def owned_extensions(model):
    """Return the indices of the extensions that are arrays and tables of the model or of its parts.

    A set of int.

    Parameters
    ----------
    model : DataModel
        They are written by what it says of them; all others as they were read.
    """
    source = model.contents.source
    if source is None:
        return set()
    part_class, count = getattr(model, "part_class", None), 1
    specs = list(model.specs.values())
    if part_class is not None:
        specs += part_class.specs.values()
        count = model.number_of_parts()
    versions = range(1, count + 1) if part_class is not None else [model.contents.version]
    extensions = [source.of(spec, version) for spec in specs for version in versions]
    extensions.append(source.find("ASDF"))
    return {extension.index for extension in extensions if extension is not None}


def _plan(model, owned):
    """Yield functions that make the HDUs behind the primary one, in order."""
    parts = model.parts()
    own = [] if parts == [model] else [(1, model)]
    for version, part in [*own, *enumerate(parts, 1)]:
        yield from _plan_of_part(part, version)
    if model.contents.source is not None:
        for extension in model.contents.source.extensions[1:]:
            if extension.index not in owned:
                yield partial(_carried, model, extension)
    for unit in asdf_product.extra_units(model):
        yield partial(tuple, unit)
    yield partial(_asdf_unit, model)


def _plan_of_part(part, version):
    """The arrays and tables of a part: those whose HDU is a number first, each in its place."""
    specs = [spec for spec in part.specs.values() if spec.hdu != "PRIMARY"]
    numbered = {int(spec.hdu): spec for spec in specs if spec.hdu.isdigit()}
    present = [number for number, spec in numbered.items() if _is_there(part, spec)]
    for number in range(1, max(present, default=0) + 1):
        if number in present:
            yield partial(_known_unit, part, numbered[number], version)
        else:
            yield lambda: (_EMPTY, Stored(b""))
    for spec in specs:
        if not spec.hdu.isdigit() and _is_there(part, spec):
            yield partial(_known_unit, part, spec, version)


def _is_there(model, spec):
    if model.contents.arrays.get(spec.name) is not None:
        return True
    if spec.name in model.contents.arrays:
        return False
    if model.contents.extension(spec) is not None:
        return True
    is_filled = getattr(spec, "fill", None) is not None and model.shape is not None
    return is_filled and not _is_of_product(model)


def _is_of_product(model):
    """Whether a model is what its file holds, as the class that it is: then it has the planes of the file, no others.

    A raw exposure that was opened as a ramp is not, and a model whose values were all made anew.
    """
    source = model.contents.source
    if source is None or source.of(model.specs[model.primary], model.contents.version) is None:
        return False
    whole = model if model.contents.container is None else model.contents.container
    return str(source.primary.get("DATAMODL", "")).strip() == whole.model_type


def _primary_unit(model, owned, count):
    """The primary HDU; an image that it held, and that is no array of the model, stays in it."""
    start, data = [formatted(*card) for card in _PRIMARY_START], None
    source = model.contents.source
    stored = None if source is None else source.extensions[0]
    names = ("EXTEND", "NEXTEND", "EXTNAME", "EXTVER", "CHECKSUM", "DATASUM")
    cards = header_cards(model, "PRIMARY", "PRIMARY")
    own = next((spec for spec in model.specs.values() if spec.hdu == "PRIMARY" and _is_there(model, spec)), None)
    if own is not None:
        start, data = [], _value_of(model, own)
    elif source is not None and stored is not None and stored.shape and stored.index not in owned:
        start = [
            card.text() for card in stored.header.cards if is_structural(card.keyword) and card.keyword not in names
        ]
        data = Stored(source.raw_bytes(stored))
    elif (image := asdf_product.primary_image(model)) is not None:
        start, data = [], image
    elif stored is not None and stored.shape:
        cards = [card for card in cards if not card.startswith(("EXTNAME ", "EXTVER "))]
    start += [formatted("EXTEND", True), formatted("NEXTEND", count, "number of extensions")]
    return [*start, *cards], data


def _known_unit(model, spec, version):
    value, extension = model.contents.arrays.get(spec.name), model.contents.extension(spec)
    if extension is not None and _as_stored(model, spec, extension, value):
        return _untouched(model, spec, extension, version)
    cards = _own_cards(model, spec, extension)
    if not spec.hdu.isdigit():
        name = _name_of(model, spec)
        cards = [formatted("EXTNAME", name, "extension name"), *cards, formatted("EXTVER", version, "extension value")]
    return cards, _value_of(model, spec)


def _value_of(model, spec):
    value, extension = model.contents.arrays.get(spec.name), model.contents.extension(spec)
    if value is None and extension is None:
        # A documented array that nothing has touched is written without ever being in memory.
        return np.broadcast_to(np.array(spec.fill, spec.dtype), spec.shape_of(model.shape))
    if isinstance(spec, Table) and (type(value) is np.ndarray or isinstance(value, StreamedTable)):
        return Columns(value, dict(spec.units))
    return getattr(model, spec.name) if extension is None else _with_all_digits(model, spec, extension)


def _name_of(model, spec):
    """EXTNAME of an array: the spelling of the file that the model was read from."""
    if not spec.other_hdus or model.contents.source is None:
        return spec.hdu
    stored = model.contents.source.of(spec, model.contents.version)
    return next((name for name in spec.hdus if stored is not None and name.upper() == stored.name), spec.hdu)


def _with_all_digits(model, spec, extension):
    """An array to be written.

    As the file has it, where the type of the class holds fewer digits and nobody has changed it.
    """
    value = getattr(model, spec.name)
    if isinstance(spec, Table) or isinstance(value, Streamed) or not extension.is_image or value is None:
        return value
    if not exact.rounds(extension.physical_dtype, np.dtype(spec.dtype)) or value.shape != extension.shape:
        return value
    former = model.read_stored(spec, extension)
    return model.contents.source.read(extension) if np.array_equal(value, former, equal_nan=True) else value


def _as_stored(model, spec, extension, value):
    """Whether the data unit goes out as it was stored.

    Nobody has changed it, and the type of the class is that of the file or would lose something.
    """
    if extension.index == 0 or model.contents.window is not None or isinstance(value, Streamed):
        return False
    if isinstance(spec, Table):
        return value is None or (
            extension.kind == "table" and _same_table(value, model.contents.source.table(extension))
        )
    if not extension.is_image or not extension.shape:
        return value is None
    stored, own = extension.physical_dtype, np.dtype(spec.dtype)
    loses = (exact.loses(stored, own) or exact.rounds(stored, own)) and not exact.same_bits(stored, own)
    if value is None:
        return loses or stored == own
    if not loses or value.shape != extension.shape:
        return False
    return np.array_equal(value, model.read_stored(spec, extension), equal_nan=value.dtype.kind == "f")


def _same_table(table, other):
    if table.dtype.names != other.dtype.names or len(table) != len(other):
        return False
    return all(_same_column(table[name], other[name]) for name in table.dtype.names)


def _same_column(column, other):
    column, other = np.asarray(column), np.asarray(other)
    if column.dtype == object:
        return all(np.array_equal(value, another) for value, another in zip(column, other, strict=True))
    return column.dtype == other.dtype and np.array_equal(column, other, equal_nan=column.dtype.kind in "fc")


def _own_cards(model, spec, extension):
    """Cards of an array that is written anew: not those that say how it was compressed."""
    cards = header_cards(model, spec.hdu, spec.hdu.upper())
    if extension is None or extension.kind != "compressed":
        return cards
    return [card for card in cards if not extension.is_of_storage(card[:8].strip())]


def _untouched(model, spec, extension, version):
    """A known extension whose data nobody has changed: its bytes are those of the file.

    Its keywords may have changed.
    """
    not_kept = ("EXTVER", "CHECKSUM", "DATASUM")
    kept = [
        card.text() for card in extension.header.cards if is_structural(card.keyword) and card.keyword not in not_kept
    ]
    cards = [*kept, *header_cards(model, spec.hdu, spec.hdu.upper())]
    if not spec.hdu.isdigit():
        cards.append(formatted("EXTVER", version, "extension value"))
    return cards, Stored(model.contents.source.raw_bytes(extension))


def _carried(model, extension):
    return [card.text() for card in extension.header.cards], Stored(model.contents.source.raw_bytes(extension))


def _asdf_unit(model):
    """The ASDF extension.

    A table of one row and one column of bytes, laid out here, since astropy's table machinery takes a tenth of a second
    to load.
    """
    content = asdf_tree.to_bytes(_asdf_content(model), model.history)
    cards = [
        ("XTENSION", "BINTABLE", "binary table extension"),
        ("BITPIX", 8, "array data type"),
        ("NAXIS", 2, "number of array dimensions"),
        ("NAXIS1", len(content), "length of dimension 1"),
        ("NAXIS2", 1, "length of dimension 2"),
        ("PCOUNT", 0, "number of group parameters"),
        ("GCOUNT", 1, "number of groups"),
        ("TFIELDS", 1, "number of table fields"),
        ("TTYPE1", "ASDF_METADATA", ""),
        ("TFORM1", f"{len(content)}B", ""),
        ("EXTNAME", "ASDF", "extension name"),
    ]
    return [formatted(*card) for card in cards], Stored(content + b"\0" * (-len(content) % 2880))


def _asdf_content(model):
    content = {
        name: value for name, value in model.contents.tree.items() if name not in (*model.specs, asdf_product.EXTRA)
    }
    parts = model.parts()
    if parts != [model]:
        whole = content.get("meta") or {}
        content[model.parts_name] = [_part_content(part, whole) for part in parts if part.whole_tree() is not None]
    return content


_ASKED_OF_SLITS = {"exposure": ("type",), "instrument": ("name", "detector", "filter", "grating")}
"""Metadata that the original asks each slit for: its extract_1d stops where a slit has none."""


def _part_content(part, whole):
    """What is recorded of a part.

    Among it is what the original asks of each slit: its class, when it sorts sources, and the type of exposure and
    the instrument, which are those of the whole file.
    """
    content = _asdf_content(part)
    meta = {**(content.get("meta") or {}), "model_type": part.model_type}
    if part.model_type == "SlitModel":
        for name, keys in _ASKED_OF_SLITS.items():
            branch = whole.get(name) or {}
            meta[name] = {**{key: branch[key] for key in keys if key in branch}, **(meta.get(name) or {})}
    return {**content, "meta": meta}
