"""Modules that hold rules: those of an observatory, and files of the user."""

import importlib
import importlib.util
import os
import sys
import zlib
from pathlib import Path

from hexcal.associations.exceptions import AssociationError
from hexcal.errors import ParameterError, unknown_name
from hexcal.files import gate

__all__ = ["libpath", "of_file", "of_observatory"]

_KNOWN = {}


def libpath(filepath):
    """Return the full path (str) of a file in the library of the associations room."""
    return str(Path(__file__).parent / "lib" / filepath)


def of_observatory(name, release=None):
    """Return the modules with the rules of an observatory (list of module), of a release where they have releases."""
    from hexcal.observatories import get

    observatory = get(name)
    if not observatory.association_rules:
        raise AssociationError(
            f"the observatory '{observatory.name}' brings no association rules",
            hint="give rules of your own: --ignore-default -r FILE",
        )
    modules = _of_release(observatory, release) if release is not None else _of_profile(observatory)
    return [_imported(module, observatory) for module in modules]


def _of_profile(observatory):
    """The rules of the release whose profile the environment chooses, else the default ones."""
    from hexcal.core import profiles

    profile = profiles.chosen(None)
    if profile is not None:
        profiles.entries(profile)
    return dict(observatory.association_releases).get(profile, observatory.association_rules)


def _of_release(observatory, release):
    from hexcal.core.profiles import DOCUMENTED, RECOMMENDED

    if release in (DOCUMENTED, RECOMMENDED):
        return observatory.association_rules
    releases = dict(observatory.association_releases)
    if not releases:
        raise ParameterError(
            f"the association rules of the observatory '{observatory.name}' have no releases, "
            f"so {release} cannot be chosen",
            where="--rules-of",
            hint="leave it out",
        )
    if release not in releases:
        raise unknown_name(
            f"release of the association rules of {observatory.name}", release, releases, where="--rules-of"
        )
    return releases[release]


def _imported(module, observatory):
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise AssociationError(
            f"the association rules of the observatory '{observatory.name}' cannot be imported: {error}",
            where=f"module {module}",
            hint="install its package again, or give rules of your own: --ignore-default -r FILE",
        ) from error


def of_file(path):
    """Return the module that a Python file defines, run again only when it has changed.

    AssociationError says what fails.
    """
    path = Path(os.path.abspath(path))
    gate.reading(path, "file of rules")
    try:
        state = (path.stat().st_mtime_ns, path.stat().st_size)
    except OSError as error:
        raise AssociationError(
            f"the rules file cannot be read: {error.strerror}", where=str(path), hint="check the name"
        ) from error
    known = _KNOWN.get(path)
    if known is None or known[0] != state:
        known = _KNOWN[path] = (state, _run(path))
    return known[1]


def _run(path):
    # Files of the same name in different folders are different modules.
    name = f"{path.stem}_{zlib.crc32(bytes(path)):08x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise AssociationError("a rules file must be a Python file, with the ending .py", where=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception | SystemExit):
            raise
        raise AssociationError(
            f"the rules file failed: {type(error).__name__}: {getattr(error, 'msg', None) or error}",
            where=f"{path}{_line(error, path)}",
            hint=_hint(error),
        ) from error
    return module


def _line(error, path):
    """Where in the file it failed, as far as that is known."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}" if error.filename == str(path) else ""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return "" if line is None else f", line {line}"


def _hint(error):
    if isinstance(error, ImportError) and (error.name or "").split(".")[0] == "jwst":
        return "import from 'hexcal.associations' what is now imported from 'jwst.associations'"
    return "correct the file"
