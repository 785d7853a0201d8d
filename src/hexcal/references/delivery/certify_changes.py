"""What has changed from one reference file to the next.

Keywords, extensions, statistics of arrays, quality flags, tables, trees.
"""

import numpy as np

from hexcal.models.dqflags import pixel, translate
from hexcal.references.delivery.certify_layout import columns_of, is_table, planes

# Different in every file, or not the file's own content.
_UNTOLD = {
    "DATE",
    "FILENAME",
    "CHECKSUM",
    "DATASUM",
    "HISTORY",
    "COMMENT",
    "",
    "CONTINUE",
    "EXTEND",
    "NAXIS",
    "SIMPLE",
    "BITPIX",
}
_MOST_VALUES = 1 << 22


def changes(old, new):
    """Return what has changed from one file to another.

    Parameters
    ----------
    old, new : Subject
        Both open.

    Returns
    -------
    list of str
        One line per keyword, array, table or entry that differs; empty if none does.
    """
    if old.is_fits != new.is_fits:
        return [f"format: {old.name} -> {new.name}"]
    if not new.is_fits:
        return _entries(old.model.tree, new.model.tree, "")
    lines = _keywords(old.source.primary, new.source.primary)
    before, after = _extensions(old), _extensions(new)
    for key in dict.fromkeys([*before, *after]):
        name = key[0] if key[1] == 1 else f"{key[0]},{key[1]}"
        if key not in after:
            lines.append(f"{name}: is no longer there")
        elif key not in before:
            lines.append(f"{name}: is new")
        elif key[0] != "ASDF":
            lines += _extension(name, old.source, before[key], new.source, after[key])
    return lines


def _keywords(old, new):
    names = [name for name in dict.fromkeys([*old, *new]) if name not in _UNTOLD]
    return [
        f"{name}: {_shown(old.get(name))} -> {_shown(new.get(name))}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def _shown(value):
    if value is None:
        return "absent"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _extensions(subject):
    return {(extension.name, extension.version): extension for extension in subject.source.extensions[1:]}


def _extension(name, old_source, old, new_source, new):
    if is_table(old) != is_table(new):
        return [f"{name}: {'table' if is_table(old) else 'image'} -> {'table' if is_table(new) else 'image'}"]
    if is_table(old):
        return _table(name, old_source.table(old), new_source.table(new), columns_of(old), columns_of(new))
    if old.shape != new.shape or old.physical_dtype != new.physical_dtype:
        was, becomes = (f"{extension.shape} {extension.physical_dtype}" for extension in (old, new))
        lines = [f"{name}: {was} -> {becomes}"]
    else:
        count = _different(old_source, old, new_source, new)
        if not count:
            return []
        lines = [f"{name}: {count} of {int(np.prod(new.shape))} values differ"]
    if name.split(",")[0] == "DQ" and new.physical_dtype.kind in "ui" and old.physical_dtype.kind in "ui":
        return lines + _flags(name, _counts(old_source, old), _counts(new_source, new))
    was, becomes = _statistics(old_source, old), _statistics(new_source, new)
    return lines + [f"{name}: {key} {was[key]:.6g} -> {becomes[key]:.6g}" for key in was if was[key] != becomes[key]]


def _different(old_source, old, new_source, new):
    count = 0
    for before, after in zip(planes(old_source, old), planes(new_source, new), strict=True):
        differs = before != after
        if before.dtype.kind == "f":
            differs &= ~(np.isnan(before) & np.isnan(after))
        count += int(np.count_nonzero(differs))
    return count


def _statistics(source, extension):
    """Median, spread, least, greatest, and the number of values that are not finite.

    The spread is half the distance of the percentiles 16 and 84.
    """
    # Of a large array every n-th value is enough for the median and the spread; least, greatest and count are of all.
    step = int(np.prod(extension.shape)) // _MOST_VALUES + 1
    parts, least, greatest, invalid = [], np.inf, -np.inf, 0
    for plane in planes(source, extension):
        values = np.asarray(plane, np.float64).ravel()
        finite = values[np.isfinite(values)]
        invalid += values.size - finite.size
        if finite.size:
            least, greatest = min(least, float(finite.min())), max(greatest, float(finite.max()))
            parts.append(finite[::step])
    if not parts:
        return {"not finite": invalid}
    low, median, high = np.percentile(np.concatenate(parts), (15.865, 50, 84.135))
    spread = (high - low) / 2
    return {"median": median, "spread": spread, "least": least, "greatest": greatest, "not finite": invalid}


def _counts(source, extension):
    """Number of pixels per flag, by name, through the file's own DQ_DEF."""
    table = next((candidate for candidate in source.extensions if candidate.name.upper() == "DQ_DEF"), None)
    definitions = source.table(table) if table is not None else None
    counts = dict.fromkeys(pixel, 0)
    for plane in planes(source, extension):
        flags = translate(plane, definitions)
        for name, value in pixel.items():
            counts[name] += (
                int(np.count_nonzero(flags & np.uint32(value))) if value else int(np.count_nonzero(flags == 0))
            )
    return counts


def _flags(name, old, new):
    return [f"{name}: {flag} {old[flag]} -> {new[flag]} pixels" for flag in old if old[flag] != new[flag]]


def _table(name, old, new, old_columns, new_columns):
    lines = []
    if len(old) != len(new):
        lines.append(f"{name}: {len(old)} -> {len(new)} rows")
    for column in dict.fromkeys([*old_columns, *new_columns]):
        if column not in new_columns:
            lines.append(f"{name}.{column}: is no longer there")
        elif column not in old_columns:
            lines.append(f"{name}.{column}: is new")
        elif len(old) == len(new):
            before, after = (
                rows[rows.dtype.names[names.index(column)]] for rows, names in ((old, old_columns), (new, new_columns))
            )
            if before.shape != after.shape:
                lines.append(f"{name}.{column}: shape {before.shape} -> {after.shape}")
            elif not _equal(before, after):
                lines.append(f"{name}.{column}: values differ")
    return lines


def _equal(before, after):
    kinds = {np.asarray(value).dtype.kind for value in (before, after)}
    return bool(np.array_equal(before, after, equal_nan=kinds <= set("fc")))


# ---- trees


def _entries(old, new, where):
    lines = []
    for key in dict.fromkeys([*old, *new]):
        path = f"{where}.{key}" if where else str(key)
        if path in ("meta.date", "meta.filename"):
            continue
        if key not in new:
            lines.append(f"{path}: is no longer there")
        elif key not in old:
            lines.append(f"{path}: is new")
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            lines += _entries(old[key], new[key], path)
        else:
            lines += _entry(old[key], new[key], path)
    return lines


def _entry(old, new, path):
    plain = str | int | float | bool | None
    if isinstance(old, plain) and isinstance(new, plain):
        return [] if old == new or (old != old and new != new) else [f"{path}: {_shown(old)} -> {_shown(new)}"]
    return [] if _same(old, new) else [f"{path}: {_kind(old)} -> {_kind(new)}"]


def _same(before, after):
    """Whether two entries of a tree are the same.

    Lists and tables element by element, transforms by their parts and parameters.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        return len(before) == len(after) and all(_same(a, b) for a, b in zip(before, after, strict=True))
    if hasattr(before, "param_names") and hasattr(after, "param_names"):
        parameters = (np.asarray(getattr(model, "parameters", ())) for model in (before, after))
        return repr(before) == repr(after) and _equal(*parameters)
    if hasattr(before, "shape") and hasattr(after, "shape"):
        return _equal(np.asarray(before), np.asarray(after))
    return type(before) is type(after) and str(before) == str(after)


def _kind(value):
    if hasattr(value, "shape") and not hasattr(value, "param_names"):
        return f"array {tuple(value.shape)}"
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, list | tuple | dict) else type(value).__name__
