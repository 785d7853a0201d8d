"""What a model may hold, as a JSON schema.

Made from the keyword dictionary and the layout of the class, and read to extend both.
"""

import numpy as np

from hexcal.errors import ParameterError
from hexcal.models.layout import Array, Table, whole
from hexcal.observatories import Keyword

_JSON_TYPE = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_OWN_TYPE = {json: own for own, json in _JSON_TYPE.items()}
_DATATYPE = {
    "f4": "float32", "f8": "float64", "u1": "uint8", "u2": "uint16", "u4": "uint32",
    "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64",
}  # fmt: skip


class SchemaResult(list):
    """Pairs of (path, description) that a search in a schema has found."""

    def __repr__(self):
        return "\n".join(f"{path}\n    {title}" for path, title in self) or "No results found."


def rows_of(model):
    """Yield the rows of the keyword dictionary that hold for the class of a model."""
    for row in model.keywords:
        if not row.models or model.model_type in row.models:
            yield row


def of_model(model):
    """Return the JSON schema of a model (dict)."""
    properties = {spec.name: _array_schema(spec) for spec in model.specs.values()}
    root = {"type": "object", "properties": properties}
    for row in rows_of(model):
        entry = {"title": row.comment, "type": _JSON_TYPE.get(row.type, row.type)}
        if row.keyword:
            entry.update(fits_keyword=row.keyword, fits_hdu=row.hdu)
        if row.allowed:
            entry["enum"] = list(row.allowed)
        _place(root, row.path.split("."), entry)
    return root


def _place(node, names, entry):
    name, *below = names
    if name == "items":
        node["type"] = "array"
        node.pop("properties", None)
        if below:
            _place(node.setdefault("items", {"type": "object", "properties": {}}), below, entry)
        else:
            node["items"] = entry
        return
    properties = node.setdefault("properties", {})
    if below:
        _place(properties.setdefault(name, {"type": "object"}), below, entry)
    else:
        properties[name] = entry


def _array_schema(spec):
    if isinstance(spec, Table):
        columns = [
            {"name": name, "datatype": _datatype(kind), **({"shape": list(shape[0])} if shape and shape[0] else {})}
            for name, kind, *shape in spec.columns
        ]
        return {"title": f"table {spec.hdu}", "fits_hdu": spec.hdu, "datatype": columns}
    entry = {"title": f"array {spec.hdu}", "fits_hdu": spec.hdu, "datatype": _datatype(spec.dtype)}
    if spec.ndim:
        entry["max_ndim" if len(spec.ndim) > 1 else "ndim"] = max(spec.ndim)
    if spec.fill is not None:
        entry["default"] = spec.fill
    return entry


def _datatype(kind):
    kind = np.dtype(kind)
    return ["ascii", kind.itemsize] if kind.kind == "S" else _DATATYPE[kind.str[1:]]


def search(model, text):
    """Return the paths and descriptions that contain a text (SchemaResult)."""
    wanted = text.casefold()
    pairs = [(spec.name, f"{spec.hdu} of the file") for spec in model.specs.values()]
    pairs += [(row.path, row.comment) for row in rows_of(model)]
    return SchemaResult(
        sorted({(path, title) for path, title in pairs if wanted in path.casefold() or wanted in title.casefold()})
    )


def declarations(schema):
    """Read a JSON schema.

    Parameters
    ----------
    schema : dict
        Nested ``properties``, also inside ``allOf``.

    Returns
    -------
    keywords : list of Keyword
        Of its metadata.
    arrays : list of Array and Table
        Of its arrays.

    Raises
    ------
    ParameterError
        If an entry is not understood.
    """
    keywords, arrays = [], []
    for path, entry in _leaves(schema, ""):
        if "datatype" in entry and "fits_keyword" not in entry:
            arrays.append(_array(path, entry))
        else:
            keywords.append(_keyword(path, entry))
    return keywords, arrays


def _leaves(schema, path):
    if not isinstance(schema, dict):
        raise ParameterError(f"a schema must be a mapping, found {type(schema).__name__}", where=path or "schema")
    for part in schema.get("allOf", ()):
        yield from _leaves(part, path)
    for name, entry in schema.get("properties", {}).items():
        yield from _leaves(entry, f"{path}.{name}" if path else name)
    if path and not {"properties", "allOf"} & set(schema):
        yield path, schema


def _keyword(path, entry):
    keyword = str(entry.get("fits_keyword", "")).upper()
    hdu = entry.get("fits_hdu", "PRIMARY") if keyword else ""
    kind = _OWN_TYPE.get(entry.get("type"), "")
    return Keyword(path, keyword, hdu, kind, tuple(entry.get("enum", ())), entry.get("title", ""), "", ())


def _array(path, entry):
    if "." in path or "fits_hdu" not in entry:
        raise ParameterError("an array needs `fits_hdu`, and a name at the top of the model", where=f"schema of {path}")
    datatype = entry["datatype"]
    if isinstance(datatype, list) and datatype and isinstance(datatype[0], dict):
        columns = tuple((column["name"], _numpy_type(column["datatype"], path)) for column in datatype)
        return Table(path, entry["fits_hdu"], columns)
    ndim = (entry["ndim"],) if "ndim" in entry else tuple(range(1, entry.get("max_ndim", 0) + 1))
    fill = entry.get("default")
    return Array(path, entry["fits_hdu"], _numpy_type(datatype, path), ndim, fill, whole if fill is not None else None)


def _numpy_type(datatype, path):
    if isinstance(datatype, list):
        return f"S{datatype[1]}"
    own = {long: short for short, long in _DATATYPE.items()}
    if datatype not in own:
        raise ParameterError(f"the datatype {datatype!r} is unknown", where=f"schema of {path}", hint=", ".join(own))
    return own[datatype]
