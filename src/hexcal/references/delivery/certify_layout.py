"""The layout of a reference file.

Extensions and columns of its type, shapes that agree with the subarray, quality flags that are defined.
"""

import numpy as np

from hexcal.errors import HexcalError
from hexcal.references.delivery.certify_tables import detector_of, known_types, layouts_of, subarray_of

_WINDOW = (
    "META.SUBARRAY.NAME",
    "META.SUBARRAY.XSTART",
    "META.SUBARRAY.XSIZE",
    "META.SUBARRAY.YSTART",
    "META.SUBARRAY.YSIZE",
)
_AXES = ("META.SUBARRAY.FASTAXIS", "META.SUBARRAY.SLOWAXIS")
_DEFINITIONS = ("BIT", "VALUE", "NAME", "DESCRIPTION")
_INTERLEAVED_ROWS = 3200


def check(subject, result):
    """Note what is wrong with the layout of a `Subject` in a `Certificate`."""
    parts = _parts_of(subject, result)
    if not subject.is_fits:
        for part in parts:
            if part.kind == "tree" and not any(name in subject.model.tree for name in part.names):
                _absent(part, result, sorted(subject.model.tree))
        return
    extensions = subject.source.extensions
    if extensions[0].shape:
        result.warn("PRIMARY", f"should have no data, it has an array of shape {extensions[0].shape}")
    for part in parts:
        _part(part, extensions, result)
    _detector(subject, parts, result)
    _flags(subject, result)
    _numbers(subject, result)


def _parts_of(subject, result):
    """Return the parts of the layout that holds: that of DATAMODL, else the only one of its kind of file, else none."""
    if not subject.reference_type or not known_types(subject.tables):
        return []
    layouts = layouts_of(subject.tables, subject.reference_type, subject.instrument)
    model = subject.text("META.MODEL_TYPE")
    if model in layouts:
        return layouts[model]
    kind = {"table", "image", "detector"} if subject.is_fits else {"tree"}
    fitting = [parts for parts in layouts.values() if {part.kind for part in parts} <= kind]
    if len(fitting) > 1:
        # A file of an older delivery does not name its model: the layout of which it has most is taken.
        fitting.sort(key=lambda parts: -_agreement(parts, subject))
        return fitting[0] if _agreement(fitting[0], subject) > _agreement(fitting[1], subject) else []
    if subject.reference_type not in known_types(subject.tables):
        result.warn(
            "REFTYPE", f"nothing is documented about the layout of a {subject.reference_type}: it was not checked"
        )
    return fitting[0] if fitting else []


def _agreement(parts, subject):
    """How many columns, dimensions and parts of a layout a file has."""
    count = 0
    for part in parts:
        extension = _find(part, subject.source.extensions) if subject.is_fits else None
        if extension is not None:
            count += 1 + len(set(part.columns) & set(columns_of(extension))) + (len(extension.shape) in part.dimensions)
            count -= len(set(part.columns) ^ set(columns_of(extension))) if part.columns else 0
    return count


def _find(part, extensions):
    return next((extension for extension in extensions if extension.name.upper() in part.names), None)


def columns_of(extension):
    """Return the names of a table's columns, upper case; none for an image."""
    header = extension.header
    return [
        str(header[f"TTYPE{n}"]).strip().upper()
        for n in range(1, header.get("TFIELDS", 0) + 1)
        if f"TTYPE{n}" in header
    ]


def is_table(extension):
    """Whether an extension is a table."""
    return str(extension.header.get("XTENSION", "")).strip() in ("BINTABLE", "TABLE")


def _absent(part, result, names):
    text = f"is {'required' if part.need == 'yes' else 'usual'} for this type; found: {', '.join(names) or 'nothing'}"
    if part.need != "may":
        result.add("error" if part.need == "yes" else "warning", " or ".join(part.names), text)


def _part(part, extensions, result):
    present = _find(part, extensions)
    if present is None:
        _absent(part, result, [extension.name for extension in extensions[1:] if extension.name])
        return
    if (part.kind == "table") != is_table(present):
        result.error(present.name, f"must be {'a table' if part.kind == 'table' else 'an image'}")
    elif part.kind == "table":
        columns = columns_of(present)
        absent = [name for name in part.columns if name not in columns]
        if absent:
            result.error(present.name, f"must have the columns {', '.join(absent)}; it has {', '.join(columns)}")
        if not present.header.get("NAXIS2"):
            result.error(present.name, "has no rows")
    else:
        if part.dimensions and len(present.shape) not in part.dimensions:
            wanted = " or ".join(map(str, part.dimensions))
            result.error(present.name, f"must have {wanted} dimensions, its shape is {present.shape}")
        kind = "int" if present.physical_dtype.kind in "ui" else "float"
        if part.values and kind != part.values:
            result.warn(present.name, f"should hold {part.values} values, they are {present.physical_dtype}")


# ---- pixels of a detector


def _detector(subject, parts, result):
    pixels = [part for part in parts if part.kind == "detector"]
    images = [
        candidate
        for part in pixels
        if (candidate := _find(part, subject.source.extensions)) is not None and len(candidate.shape) >= 2
    ]
    if not images:
        return
    shapes = {image.name: image.shape[-2:] for image in images}
    if len(set(shapes.values())) > 1:
        result.error(
            ", ".join(shapes), f"must be of the same size, they are {', '.join(f'{n} {s}' for n, s in shapes.items())}"
        )
    absent = [subject.header.keyword_of(name) for name in (*_WINDOW, *_AXES) if subject.value(name) is None]
    if absent:
        result.error(", ".join(absent), "required for an image of the detector, the file has none")
    _window(subject, images[0], result)


def _window(subject, image, result):
    try:
        x, nx, y, ny = (int(subject.value(name)) for name in _WINDOW[1:])
    except (TypeError, ValueError):
        return
    name = subject.text("META.SUBARRAY.NAME").upper()
    rows, columns = image.shape[-2:]
    interleaved = "IRS2" in str(subject.header.rule_value("META.EXPOSURE.READPATT") or "") and _INTERLEAVED_ROWS in (
        rows,
        columns,
    )
    if (rows, columns) != (ny, nx) and not interleaved:
        result.error(
            "SUBSIZE1, SUBSIZE2", f"must be the size of {image.name}, {columns} x {rows}; they are {nx} x {ny}"
        )
    detector = detector_of(subject.tables, subject.detector)
    if detector is None:
        return
    width, height = int(detector["columns"]), int(detector["rows"])
    if x < 1 or y < 1 or x + nx - 1 > width or y + ny - 1 > height:
        result.error(
            "SUBSTRT1, SUBSTRT2",
            f"the window from x={x}, y={y} of {nx} x {ny} must lie on {subject.detector}, {width} x {height}",
        )
    known = subarray_of(subject.tables, subject.detector, name)
    if known is not None:
        expected = tuple(int(known[key]) for key in ("xstart", "xsize", "ystart", "ysize"))
        if expected != (x, nx, y, ny):
            result.warn(
                "SUBARRAY",
                f"{name} of {subject.detector} begins at x={expected[0]}, y={expected[2]} and is {expected[1]} x "
                f"{expected[3]}; "
                f"the file has x={x}, y={y}, {nx} x {ny}",
            )


# ---- quality flags


def _flags(subject, result):
    source = subject.source
    table = next((extension for extension in source.extensions if extension.name.upper() == "DQ_DEF"), None)
    if table is None:
        return
    columns = columns_of(table)
    absent = [name for name in _DEFINITIONS if name not in columns]
    if absent:
        result.error("DQ_DEF", f"must have the columns {', '.join(_DEFINITIONS)}; it has {', '.join(columns)}")
        return
    rows = source.table(table)
    by_name = {name.upper(): name for name in rows.dtype.names}
    bits, values = (np.asarray(rows[by_name[name]]).astype(np.int64) for name in ("BIT", "VALUE"))
    names = [_name(text) for text in rows[by_name["NAME"]]]
    for bit, value, name in zip(bits, values, names, strict=True):
        if value and not (0 <= bit < 32 and value == 1 << int(bit)):
            result.error("DQ_DEF", f"VALUE of {name} must be 2**BIT, it is {value} with BIT {bit}")
    used = [value for value in values.tolist() if value]
    if len(set(used)) < len(used):
        result.error("DQ_DEF", f"each VALUE must stand for one flag, {len(used) - len(set(used))} are given twice")
    _meanings(names, result)
    for extension in source.extensions:
        if (
            extension.name.upper() == "DQ"
            and not is_table(extension)
            and extension.shape
            and extension.physical_dtype.kind in "ui"
        ):
            _undefined(source, extension, sum(set(used)), result)


def _name(text):
    return (text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)).strip().upper()


def _meanings(names, result):
    from hexcal.models.dqflags import is_known

    unknown = [name for name in names if not is_known(name)]
    if unknown:
        result.warn("DQ_DEF", f"these flags are not in the master list, and are not used: {', '.join(unknown)}")


def _undefined(source, extension, defined, result):
    others = 0
    for plane in planes(source, extension):
        others |= int(np.bitwise_or.reduce(plane.astype(np.uint32), axis=None)) & ~defined
    if others:
        bits = [bit for bit in range(32) if others >> bit & 1]
        result.warn(
            f"DQ{f',{extension.version}' if extension.version > 1 else ''}",
            f"has bits that DQ_DEF does not define: {bits}",
        )


# ---- numbers


def planes(source, extension):
    """Yield an image in parts.

    Of more than two dimensions one after the other along the first, so that a large one is never read at once.
    """
    if len(extension.shape) <= 2:
        yield source.read(extension)
    else:
        for number in range(extension.shape[0]):
            yield source.read(extension, index=np.s_[number])


_NOT_KNOWN = ("NO_SAT_CHECK", "NO_LIN_CORR", "NO_GAIN_VALUE", "NO_FLAT_FIELD", "UNRELIABLE_BIAS", "UNRELIABLE_DARK")


def _said_not_to_be_known(subject, extension):
    """Where the flags say that there is no value, bool (ny, nx); False where there are no such flags."""
    from hexcal.models.dqflags import pixel

    model = subject.model
    if "dq" not in model.specs or not model.has("dq") or extension.name == "DQ":
        return np.False_
    try:
        flags = model.dq
    except HexcalError:
        # Flags that are not defined well are found by a check of their own.
        return np.False_
    if flags.ndim != 2 or flags.shape != tuple(extension.shape[-2:]):
        return np.False_
    return (flags & np.uint32(np.bitwise_or.reduce([pixel[name] for name in _NOT_KNOWN]))) != 0


def _numbers(subject, result):
    for extension in subject.source.extensions[1:]:
        if is_table(extension) or not extension.shape or extension.physical_dtype.kind != "f":
            continue
        known = _said_not_to_be_known(subject, extension)
        invalid = sum(
            int(np.count_nonzero(~np.isfinite(plane) & ~known)) for plane in planes(subject.source, extension)
        )
        total = int(np.prod(extension.shape))
        if total and (invalid == total or bool(np.all(known))):
            result.error(extension.name, "has no finite value")
        elif invalid:
            result.warn(extension.name, f"{invalid} of {total} values are not finite ({100 * invalid / total:.2g} %)")
