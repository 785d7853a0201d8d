"""Between a model's metadata tree and FITS header cards: known keywords by the dictionary, unknown ones carried along untouched."""

import math

import numpy as np

from hexcal.models import asdf_tree
from hexcal.models.fits_writer import is_structural
from hexcal.models.layout import Array

_HISTORY = ("HISTORY", "COMMENT", "")


def read_cards(model):
    """Fill a model's tree, history and unknown cards from the headers of its file."""
    keywords = model.keywords
    wanted = {spec.hdu.upper(): spec.hdu for spec in model._layout.values()}
    for extension in model._source.extensions:
        if extension.index == 0:
            if model._container is not None:
                continue
            hdu, name = "PRIMARY", "PRIMARY"
        elif extension.version == model._version and extension.name in wanted:
            hdu, name = wanted[extension.name], extension.name
        else:
            continue
        _read_header(model, extension.header, hdu, name, keywords)


def _read_header(model, header, hdu, name, keywords):
    extra = model._extra_cards.setdefault(name, [])
    written = set(keywords.of_hdu(hdu, model.model_type))
    if hdu == "PRIMARY":
        model._history.extend(str(text) for text in header.get("HISTORY", []))
    for card in header.cards:
        if card.keyword in _HISTORY:
            if card.keyword == "COMMENT":
                extra.append((card.keyword, card.value, ""))
            continue
        if is_structural(card.keyword):
            continue
        entry = keywords.of_card(card.keyword, hdu, model.model_type)
        if entry is None or (entry.keyword == card.keyword and entry not in written):
            # Unknown, or known only for other models: it goes back as it came.
            extra.append((card.keyword, card.value, card.comment))
        if entry is not None and not _undefined(card.value):
            model._assign(entry.path, _typed(card.value, entry.type))


def _undefined(value):
    from astropy.io.fits.card import Undefined

    return isinstance(value, Undefined)


def _typed(value, kind):
    """A value as the dictionary's type where that loses nothing: headers hold 10 for 10.0, and 1345 for '01345' of other software."""
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind == "int" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def units(model):
    """Yield (header, data) of every HDU of the file that `model` becomes.

    The primary array comes first; extensions that Hexcal does not know follow as they were read, byte for byte; the ASDF extension is last.
    """
    model._merge_asdf()
    yield _header(model, "PRIMARY", "PRIMARY"), None
    written = {"PRIMARY", "ASDF"}
    for version, part in enumerate(model.parts(), 1):
        for spec in part._layout.values():
            yield from _known_unit(part, spec, version)
            written.add(spec.hdu.upper())
    if model._source is not None:
        for extension in model._source.extensions:
            if extension.name not in written and extension.name not in model._removed:
                yield _carried(model, extension)
    yield _asdf_unit(model)


def _known_unit(model, spec, version):
    value, extension = model._arrays.get(spec.name), model._extension(spec)
    if value is None and spec.name in model._arrays:
        return
    if value is None and extension is None:
        if getattr(spec, "fill", None) is None or model.shape is None:
            return
        # A documented array that nothing has touched is written without ever being in memory.
        value = np.broadcast_to(np.array(spec.fill, spec.dtype), spec.shape_of(model.shape))
    elif value is None:
        if not isinstance(spec, Array) or not extension.shape or extension.physical_dtype == np.dtype(spec.dtype):
            yield _untouched(model, spec, extension, version)
            return
        value = getattr(model, spec.name)
    header = _header(model, spec.hdu, spec.hdu.upper())
    header.insert(0, ("EXTNAME", spec.hdu, "extension name"))
    header.append(("EXTVER", version, "extension value"))
    yield header, value


def _untouched(model, spec, extension, version):
    """A known extension whose data nobody has read: its bytes are those of the file; its keywords may have changed."""
    from astropy.io import fits

    not_kept = ("EXTVER", "CHECKSUM", "DATASUM")
    kept = [card for card in extension.header.cards if is_structural(card.keyword) and card.keyword not in not_kept]
    header = fits.Header(kept)
    header.extend(_header(model, spec.hdu, spec.hdu.upper()), unique=False, end=True)
    header["EXTVER"] = (version, "extension value")
    return header, model._source.raw_bytes(extension) if extension.size else None


def _carried(model, extension):
    header = extension.header.copy()
    if extension.index == 0:
        return header, None
    return header, model._source.raw_bytes(extension) if extension.size else None


def _asdf_unit(model):
    """The ASDF extension: a table of one row and one column of bytes, laid out here, since astropy's table machinery takes a tenth of a second to load."""
    from astropy.io import fits

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
    return fits.Header(cards), content + b"\0" * (-len(content) % 2880)


def _asdf_content(model):
    content = {name: value for name, value in model._tree.items() if name not in model._layout}
    parts = model.parts()
    if parts != [model]:
        content[model.parts_name] = [_asdf_content(part) for part in parts if part._merge_asdf() is not None]
    return content


def _header(model, hdu, name):
    """Header cards of one HDU: known keywords in the dictionary's order under their section titles, then the unknown ones."""
    from astropy.io import fits

    header = fits.Header()
    section = ""
    for entry in model.keywords.of_hdu(hdu, model.model_type):
        value = model._lookup(entry.path)
        if value is None or isinstance(value, dict) or not isinstance(value, str | int | float | bool | np.generic):
            continue
        if isinstance(value, float) and not math.isfinite(value):
            continue
        if entry.section and entry.section != section:
            section = entry.section
            for title in ("", section, ""):
                header.append(("", title), end=True)
        header.append(_card(entry.keyword, value, entry.comment), end=True)
    for keyword, value, comment in model._extra_cards.get(name, ()):
        entry = model.keywords.of_card(keyword, hdu, model.model_type)
        if entry is not None and not _undefined(value):
            value = model._lookup(entry.path)
        if value is not None:
            header.append(_card(keyword, value, comment), end=True)
    if hdu == "PRIMARY":
        for text in model.history:
            header.add_history(_ascii(text))
        header.insert(0, ("SIMPLE", True, "conforms to FITS standard"))
        header.insert(1, ("BITPIX", 8, "array data type"))
        header.insert(2, ("NAXIS", 0, "number of array dimensions"))
        header.insert(3, ("EXTEND", True))
    return header


def _card(keyword, value, comment):
    from astropy.io import fits

    if isinstance(value, str):
        value = _ascii(value)
    room = 80 - 10 - max(20, len(value) + 2 if isinstance(value, str) else 20) - 3
    return fits.Card(keyword, value, comment[: max(room, 0)] if comment else "")


def _ascii(text):
    return str(text).encode("ascii", "replace").decode()
