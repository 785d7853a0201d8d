"""Associations made from a list of files: the user says what belongs together."""

from pathlib import Path

from hexcal import observatories
from hexcal.errors import InputError, ParameterError


def add_each(association, items, *, product_name=None, acid=None, meta=None, with_exptype=False):
    """Add a product for each file to an association, in place: a stage 2 association.

    The parameters are those of `add_together`; a product name is refused, since each product is named after its file. A
    file whose type is not "science" becomes a member of every product.
    """
    if product_name:
        raise ParameterError(
            "a stage 2 association has a product for each file, named after it",
            where="product_name",
            hint="leave out --product-name; with it: -r DMS_Level3_Base",
        )
    members = _members(items, with_exptype)
    companions = [member for member in members if member["exptype"] != "science"]
    science = [member for member in members if member["exptype"] == "science"]
    if not science:
        raise InputError("an association needs at least one file of type 'science'")
    _entries(association, acid, meta)
    association["products"] = [
        {"name": _product_name(member["expname"]), "members": [member, *(dict(other) for other in companions)]}
        for member in science
    ]


def add_together(association, items, *, product_name=None, acid=None, meta=None, with_exptype=False):
    """Add one product of all files: a stage 3 association.

    Parameters
    ----------
    association : MutableMapping
        Changed in place.
    items : list of path-like, or of (path-like, str)
        Files.
    product_name : str
        What names of products begin with.
    acid : str, optional
        Candidate id for ``asn_id``.
    meta : dict, optional
        Further entries of the association.
    with_exptype : bool
        Whether each item is a pair of file and type.
    """
    members = _members(items, with_exptype)
    if not product_name:
        raise ParameterError(
            "a stage 3 association needs the name of its product",
            where="product_name",
            hint="--product-name NAME; or a stage 2 association, a product for each file: -r DMSLevel2bBase",
        )
    _entries(association, acid, meta)
    association["products"] = [{"name": product_name, "members": members}]


def _entries(association, acid, meta):
    if acid:
        association["asn_id"] = acid
    for name, value in (meta or {}).items():
        association[name] = value


def _members(items, with_exptype):
    if not items:
        raise InputError("an association needs at least one file")
    members = []
    for item in items:
        path, exptype = _pair(item) if with_exptype else (item, "science")
        if not isinstance(path, str | Path) or not str(path).strip():
            raise InputError(f"an association is made of file names, got {path!r}")
        members.append({"expname": str(path), "exptype": exptype})
    return members


def _pair(item):
    if not isinstance(item, tuple | list) or len(item) != 2 or not isinstance(item[1], str):
        raise InputError(f"with_exptype: each item is a pair (file, type), got {item!r}")
    return item


def _product_name(name):
    # Imported here: reading an association must not wait for the parameters of steps.
    from hexcal.core.names import without_suffix

    return without_suffix(str(Path(name).with_suffix("")), observatories.suffixes())
