"""A file, a list of files or an association, taken as an association of stage 2 or of stage 3."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from hexcal import observatories
from hexcal.core.inputs import path_of
from hexcal.core.names import without_suffix
from hexcal.errors import InputError
from hexcal.models import association_file

_HEADER = {"asn_type": "None", "asn_id": "a3001", "asn_pool": "singleton", "program": "noprogram"}
"""What an association must say and a list of files does not tell: the values of the original."""


def level2(files: Any) -> dict[str, Any]:
    """Return an association with a product for each file, which is its only science member.

    Parameters
    ----------
    files : path-like, list of path-like, or Mapping
        A file, several, or an association (its file or itself), which is returned as it is.
    """
    return _association(files, "DMSLevel2bBase", [[name] for name in _names(files)])


def level3(files: Any) -> dict[str, Any]:
    """Return an association with one product, named after the first file, of which all files are science members.

    Parameters
    ----------
    files : path-like, list of path-like, or Mapping
        As for `level2`.
    """
    return _association(files, "DMS_Level3_Base", [_names(files)])


def _association(files, rule, members_of_products) -> Any:
    if isinstance(files, Mapping):
        return dict(files)
    if isinstance(files, str | PathLike) and Path(files).suffix in association_file.SUFFIXES:
        return association_file.read_association(files)
    products = [
        {
            "name": without_suffix(Path(names[0]).stem, observatories.suffixes()),
            "members": [{"expname": name, "exptype": "science"} for name in names],
        }
        for names in members_of_products
    ]
    return {**_HEADER, "asn_rule": rule, "products": products}


def _names(files):
    """The names of the members (list of str)."""
    if isinstance(files, Mapping):
        return []
    names = [path_of(item) for item in ([files] if isinstance(files, str | PathLike) else files)]
    if not names:
        raise InputError("an association needs at least one file, the list is empty")
    if None in names:
        raise InputError(
            "an association names files; this list has a model that is in memory only", hint="save the model first"
        )
    return names
