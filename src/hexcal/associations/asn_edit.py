"""Adding members to an association and removing them: what ``asn_edit`` does."""

import copy
from pathlib import Path

from hexcal import observatories
from hexcal.core.names import without_suffix
from hexcal.errors import InputError, nearest
from hexcal.files import gate
from hexcal.models import association_file


def add(association, names, exptype="science"):
    """Return a copy of an association with further members of one role in every product; none may be there yet."""
    edited = copy.deepcopy(dict(association))
    for product in edited["products"]:
        present = {(member["expname"], member["exptype"].lower()) for member in product["members"]}
        for name in dict.fromkeys(names):
            if (name, exptype.lower()) in present:
                raise InputError(
                    f"{name} is already a member of type '{exptype}'",
                    where=f"product {product.get('name', '')}".strip(),
                )
            product["members"].append({"expname": name, "exptype": exptype})
    return edited


def remove(association, names, ignore_suffix=False):
    """Return an association (dict) without some members, given by bare file name.

    Products that lose their last member go as well.

    With `ignore_suffix`, ``x_rate.fits`` also means ``x_cal.fits``. Raises InputError if a name is not a member, or no
    member would be left.
    """
    shape = _stem if ignore_suffix else _bare
    unwanted = {shape(name): name for name in names}
    present = {shape(member["expname"]): member["expname"] for _, member in association_file.members(association)}
    unknown = [name for key, name in unwanted.items() if key not in present]
    if unknown:
        guess = nearest(unknown[0], present.values())
        raise InputError(
            f"not a member of the association: {', '.join(unknown[:3])}",
            hint=f"did you mean '{guess}'?" if guess else "nothing was removed",
        )
    edited = copy.deepcopy(dict(association))
    for product in edited["products"]:
        product["members"] = [member for member in product["members"] if shape(member["expname"]) not in unwanted]
    edited["products"] = [product for product in edited["products"] if product["members"]]
    if not edited["products"]:
        raise InputError("no member would be left", hint="nothing was removed")
    return edited


def _bare(name):
    return Path(name).name


def _stem(name):
    return without_suffix(Path(name).stem, observatories.suffixes())


def edit(path, names, *, remove_them=False, exptype="science", ignore_suffix=False, output=None):
    """Add members to the association in a file, or remove them; returns the path written.

    Parameters
    ----------
    path : path-like
        The association; unchanged on an error.
    names : list of path-like
        Files. Those to be added must exist, as given or beside the association.
    remove_them : bool
        Remove instead of add; with `ignore_suffix` see `remove`.
    exptype : str
        Role of added members.
    output : path-like, optional
        Where the result is written; default the same file.
    """
    with gate.run():
        return _edited(Path(path), names, remove_them, exptype, ignore_suffix, output)


def _edited(path, names, remove_them, exptype, ignore_suffix, output):
    association = association_file.read_association(path)
    bare = [Path(name).name for name in names]
    if remove_them:
        edited = remove(association, bare, ignore_suffix)
    else:
        _require_files(names, path.parent)
        edited = add(association, bare, exptype)
    for name in names:
        gate.reading(name, "member of the association")
        gate.reading(path.parent / Path(name).name, "member of the association")
    gate.edits(path)
    target = Path(output or path)
    association_file.write_association(target, edited)
    return target


def _require_files(names, folder):
    absent = [str(name) for name in names if not Path(name).is_file() and not (folder / Path(name).name).is_file()]
    if absent:
        raise InputError(
            f"a member to be added must exist: {', '.join(absent[:3])}",
            where=f"looked here and in {folder.resolve()}",
            hint="nothing was added",
        )
