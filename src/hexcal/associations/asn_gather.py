"""Copying an association together with its members: ``asn_gather``."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from hexcal.errors import InputError, ParameterError, ResourceError, unknown_name
from hexcal.files import gate
from hexcal.files.atomic import atomic
from hexcal.models import association_file

RSYNC = "rsync -urv --no-perms --chmod=ugo=rwX"
"""The copying that is documented. Hexcal does the same by itself: what is newer at the destination stays."""


def asn_gather(association, destination=None, exp_types=None, exclude_types=None, source_folder=None, shellcmd=RSYNC):
    """Copy an association and its members to another folder; returns the path of the copied association.

    Members are named in it without a folder, as they must be: they lie beside it. It is written last, so that it never
    names what has not been copied.

    Parameters
    ----------
    association : path-like
        The association.
    destination : path-like, optional
        Where to; created if missing. Default the present folder.
    exp_types, exclude_types : list of str, optional
        Types of members that are copied, that are left out; the copied association lists only what was copied.
    source_folder : path-like, optional
        Where the members are; default the folder of the association.
    shellcmd : str or None
        Command that copies one file; it is given source and target. With the default, and with None, Hexcal copies: a
        file that is there and newer, or of the same time and size, stays.
    """
    with gate.run():
        return _gathered(Path(association), Path(destination or ""), exp_types, exclude_types, source_folder, shellcmd)


def _gathered(path, destination, exp_types, exclude_types, source_folder, shellcmd):
    content = association_file.read_association(path)
    gathered = _selected(content, exp_types, exclude_types, str(path))
    source = Path(source_folder) if source_folder else path.parent
    names = list(dict.fromkeys(member["expname"] for _, member in association_file.members(gathered)))
    association_file.require_members(names, source, str(path))
    _without_folders(gathered, str(path))
    target = destination / path.name
    if target.exists() and target.samefile(path):
        raise InputError("the destination is the folder of the association", where=str(destination.resolve()))
    _make_folder(destination)
    copy = _copy if shellcmd in (None, RSYNC) else _command(shellcmd)
    for name in names:
        gate.reading(source / name, "member of the association")
    for name in names:
        copied = destination / Path(name).name
        if not (copied.exists() and copied.samefile(source / name)):
            copy(source / name, copied)
    association_file.write_association(target, gathered)
    return target


def _selected(content, wanted, unwanted, where):
    known = {member["exptype"].lower() for _, member in association_file.members(content)}
    for kind in [*(wanted or ()), *(unwanted or ())]:
        if kind.lower() not in known:
            raise unknown_name("type of member", kind, known, where=where, error=InputError)
    taken = (known if wanted is None else {kind.lower() for kind in wanted}) - {kind.lower() for kind in unwanted or ()}
    products = []
    for product in content["products"]:
        members = [dict(member) for member in product["members"] if member["exptype"].lower() in taken]
        if members:
            products.append({**product, "members": members})
    if not products:
        raise InputError("no member is left to be copied", where=where)
    return {**content, "products": products}


def _without_folders(association, where):
    """Name the members by their file names: at the destination they lie side by side."""
    names = {}
    for _, member in association_file.members(association):
        full, bare = member["expname"], Path(member["expname"]).name
        if names.setdefault(bare, full) != full:
            raise InputError(f"two members would have the same file name: {names[bare]} and {full}", where=where)
        member["expname"] = bare


def _make_folder(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(f"the destination cannot be created: {error.strerror}", where=str(folder)) from error


def _copy(source, target):
    here = source.stat()
    if target.exists():
        there = target.stat()
        same = (there.st_mtime_ns, there.st_size) == (here.st_mtime_ns, here.st_size)
        if same or there.st_mtime_ns > here.st_mtime_ns:
            return
    try:
        with open(source, "rb") as stream, atomic(target) as copied:
            shutil.copyfileobj(stream, copied, 1 << 22)
    except PermissionError as error:
        raise InputError("the member cannot be read", where=str(source), hint="check its permissions") from error
    os.utime(target, ns=(here.st_atime_ns, here.st_mtime_ns))


def _command(shellcmd):
    """Return a function that copies with a command of the user's."""
    words = shlex.split(shellcmd)
    if not words or shutil.which(words[0]) is None:
        raise ParameterError(
            f"there is no command '{shellcmd}'",
            where="shellcmd",
            hint="leave it out, and Hexcal copies the files itself",
        )

    def copy(source, target):
        gate.check(target)
        done = subprocess.run([*words, str(source), str(target)], capture_output=True, text=True, check=False)
        if done.returncode:
            last_line = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise ResourceError(
                f"`{shellcmd}` failed with status {done.returncode}",
                where=str(source),
                hint="".join(last_line)[:160] or None,
            )

    return copy
