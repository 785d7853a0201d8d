"""The ASDF side of a file: the extension named ASDF in a FITS product, and stand-alone ASDF (and JSON) reference files."""

import io
import json
import warnings
from pathlib import Path

import numpy as np

from hexcal.errors import InputError
from hexcal.models.fits_writer import atomic

# Written anew by every save, or describing the FITS file that the tree came from.
_NOT_METADATA = {"asdf_library", "history", "_fits_hash"}


def from_bytes(content, where):
    """Read the content of an ASDF extension.

    Parameters
    ----------
    content : bytes
        The ASDF file that the extension holds.
    where : str
        File name for messages.

    Returns
    -------
    dict
        The tree without arrays that only point back at the FITS extensions, and without the bookkeeping of the ASDF library; ``history`` holds a
        list of texts.
    """
    return _tree(io.BytesIO(content), where)


def from_file(path):
    """Read a stand-alone ASDF or JSON file as a dict."""
    path = Path(path)
    if path.suffix == ".json":
        try:
            return json.loads(path.read_text())
        except ValueError as error:
            raise InputError(f"not readable as JSON: {error}", where=str(path)) from error
    return _tree(path, str(path))


def _tree(source, where):
    import asdf

    with warnings.catch_warnings():
        # Files carry tags of many library versions; an unknown one leaves plain dicts and lists, which is all that is needed here.
        warnings.simplefilter("ignore")
        try:
            with asdf.open(source, memmap=False, lazy_load=False, ignore_unrecognized_tag=True, ignore_missing_extensions=True) as content:
                tree = dict(content.tree)
        except (ValueError, OSError, TypeError, KeyError, AttributeError, asdf.exceptions.ValidationError) as error:
            raise InputError(f"not readable as ASDF: {str(error).splitlines()[0]}", where=where) from error
    history = [entry["description"] for entry in (tree.get("history") or {}).get("entries", [])] if isinstance(tree.get("history"), dict) else []
    tree = {name: value for name, value in tree.items() if name not in _NOT_METADATA}
    tree["history"] = history
    return tree


def to_bytes(tree, history=()):
    """Return an ASDF file with that tree, as bytes for the ASDF extension."""
    buffer = io.BytesIO()
    _file(tree, history).write_to(buffer, all_array_compression=None)
    return buffer.getvalue()


def to_file(path, tree, history=()):
    """Write a stand-alone ASDF file, atomically."""
    with atomic(path) as stream:
        stream.write(to_bytes(tree, history))


def _file(tree, history):
    import asdf

    result = asdf.AsdfFile(plain(tree))
    for entry in history:
        result.add_history_entry(str(entry))
    return result


def plain(value):
    """Replace numpy scalars by Python ones, so that a tree can be written by any serialiser; arrays and library objects stay."""
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    return value
