"""Groups of exposures in a YAML file, which can be edited and used instead of those that the rules give."""

from pathlib import Path
from typing import Any

import yaml

from hexcal.errors import InputError
from hexcal.files.atomic import atomic
from hexcal.reffiles.grouping import AGREE, Group


def write(path: Any, tasks: list[Any]) -> None:
    """Write the groups of a plan: label -> list of lists of files."""
    tree = {
        task.maker.label: [[str(member.path) for member in item.group.members] for item in task.groups]
        for task in tasks
    }
    text = "# Groups of exposures: each list gives one individual reference file. Edit, and use with --groups FILE.\n"
    with atomic(Path(path)) as stream:
        stream.write((text + yaml.safe_dump(tree, sort_keys=False)).encode())


def read(path: Any) -> dict[str, list[list[str]]]:
    """Read groups that were written by `write`, and edited.

    Raises
    ------
    InputError
        If the file is absent, or is no list of lists of files by label.
    """
    try:
        tree = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the groups cannot be read: {error.strerror}", where=str(path)) from error
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {error}", where=str(path)) from error
    good = isinstance(tree, dict) and all(
        isinstance(groups, list) and all(isinstance(group, list) and group for group in groups)
        for groups in tree.values()
    )
    if not good:
        raise InputError(
            "groups must be `label: [[file, file], [file, file]]`",
            where=str(path),
            hint="hexcal reffiles plan ... --write-groups FILE writes such a file",
        )
    return tree


def groups_of(given: list[list[str]], inputs: list[Any]) -> tuple[list[Group], list[tuple[Any, str]]]:
    """Return groups of files, and what they do not use; members that do not agree are noted.

    Raises
    ------
    InputError
        If a file is not one of the inputs.
    """
    known = {item.path.resolve(): item for item in inputs}
    groups, used = [], set()
    for names in given:
        absent = next((name for name in names if Path(name).resolve() not in known), None)
        if absent is not None:
            raise InputError(
                "a file of the groups is not among the inputs that can be used", where=str(absent),
                hint="name it among the inputs too; `hexcal reffiles plan` says why a file is not used",
            )  # fmt: skip
        members = [known[Path(name).resolve()] for name in names]
        used.update(member.path for member in members)
        differing = [key for key in AGREE if len({member.value(key) for member in members}) > 1]
        note = (f"the members differ in {', '.join(differing)}",) if differing else ()
        groups.append(Group(tuple(sorted(members, key=lambda item: (item.kind, item.mjd, item.path.name))), note))
    return groups, [(item, "in no group of the file") for item in inputs if item.path not in used]
