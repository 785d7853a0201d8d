"""Association files: which files belong together, and in what role each of them goes in.

How associations are made is the business of `hexcal.associations`; here they are only read, checked for what opening
their members needs, and written.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from hexcal.errors import InputError
from hexcal.files import gate
from hexcal.files.atomic import atomic
from hexcal.models import bounds
from hexcal.models.association_check import check
from hexcal.models.association_text import FORMATS, from_json, from_yaml
from hexcal.models.fits_source import require_file

_log = logging.getLogger("hexcal.models")
SUFFIXES = (".json", ".yaml", ".yml")


def is_association(content):
    """Whether a mapping is an association: something with products."""
    return isinstance(content, Mapping) and "products" in content


def read_text(path):
    """Return the content of a JSON or YAML file.

    Parameters
    ----------
    path : path-like
        ``.yaml`` and ``.yml`` are YAML, anything else is JSON. An association in a JSON file that only YAML can read (a
        comma too many) is read as that, with a warning.

    Raises
    ------
    InputError
        If the file is missing, or is neither; with the line.
    """
    path = Path(path)
    bounds.require_regular(path, "the file of an association")
    require_file(path)
    gate.reading(path)
    try:
        text = bounds.read_bytes(path, "the file of an association").decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"not a text in UTF-8 (byte {error.start})", where=str(path)) from error
    if path.suffix in (".yaml", ".yml"):
        return from_yaml(text, str(path))
    try:
        return from_json(text, str(path))
    except InputError as error:
        tree = _as_yaml(text)
        if not is_association(tree):
            raise
        _log.warning("%s: %s; it was read as YAML, which allows it", path, error.message)
        return tree


def _as_yaml(text):
    """What a text holds as YAML; None if it is none."""
    try:
        return from_yaml(text)
    except InputError:
        return None


def read_association(path):
    """Return the association in a file, checked.

    Parameters
    ----------
    path : path-like
        JSON or YAML.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        If the file is missing or not readable, or is not an association (see `check`).
    """
    content = read_text(path)
    if not is_association(content):
        raise InputError(
            "an association is an object with `products`",
            where=str(path),
            hint=f"found: {', '.join(map(str, list(content)[:6]))}" if isinstance(content, dict) else None,
        )
    check(content, str(path))
    for name, role in member_files(content, Path(path).parent):
        gate.reading(name, role)
    return content


def members(association):
    """Yield (product, member) for every member of an association."""
    for product in association["products"]:
        for member in product["members"]:
            yield product, member


def member_files(association, folder):
    """Yield (path, role) for each member of an association; after one that is an association itself, its members too.

    Parameters
    ----------
    association : Mapping
        With "products".
    folder : path-like
        Where its members are.

    Yields
    ------
    (pathlib.Path, str)
        Members need not exist. The role is for messages: "science member of the association".
    """
    pending, known = [(association, Path(folder))], set()
    while pending:
        content, beside = pending.pop(0)
        for _, member in members(content):
            path = beside / member["expname"]
            if path in known:
                continue
            known.add(path)
            yield path, f"{member['exptype'].lower()} member of the association"
            if path.suffix in SUFFIXES and path.is_file():
                inner = read_text(path)
                if is_association(inner):
                    check(inner, str(path))
                    pending.append((inner, path.parent))


def require_members(names, folder, where):
    """Raise InputError if files are not there.

    Parameters
    ----------
    names : list of str
        As the association names them.
    folder : path-like
        Where they should be.
    where : str
        The association, for the message.
    """
    absent = [name for name in dict.fromkeys(names) if not Path(folder, name).is_file()]
    if not absent:
        return
    some = ", ".join(absent[:3]) + (f" and {len(absent) - 3} more" if len(absent) > 3 else "")
    raise InputError(
        f"{len(absent)} of {len(set(names))} members are missing: {some}",
        where=f"{where}; looked in {Path(folder).resolve()}",
        hint="members must be in the folder of the association",
    )


def write_association(path, association):
    """Write an association, atomically: YAML if the file is named so, else JSON.

    Parameters
    ----------
    path : path-like
        The file; replaced if it is there.
    association : Mapping
        What is written.

    Raises
    ------
    ResourceError
        If the folder is missing or not writable, or the disk is full; nothing is left behind.
    """
    path = Path(path)
    form = FORMATS["yaml" if path.suffix in (".yaml", ".yml") else "json"]
    write_text(path, form.dump(association)[1])


def write_text(path, text):
    """Write a text, atomically."""
    with atomic(path) as stream:
        stream.write(text.encode("utf-8"))
