"""pyproject.toml declares what Hexcal imports, and nothing else; the lock holds a version of each."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
USERS_EXTRAS = ("server", "workflow")
BY_PLUG_IN = {"asdf-astropy"}
"""Packages that nothing imports: they bring converters, which asdf finds by itself."""


def normal(name):
    """The name of a distribution as packages are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(requirements):
    return {normal(re.split(r"[^\w.-]", text)[0]) for text in requirements}


def modules_of(tree):
    """Names of the modules that a file imports, also by ``import_module`` with a fixed name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("import_module", "importlib.import_module"):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def imported():
    """Distribution -> the files that import it (dict)."""
    distributions, files = packages_distributions(), {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for module in modules_of(ast.parse(path.read_text(encoding="utf-8"))):
            package = module.partition(".")[0]
            if package != "hexcal" and package not in sys.stdlib_module_names:
                distribution = normal(distributions.get(package, [package])[0])
                files.setdefault(distribution, set()).add(str(path.relative_to(ROOT)))
    return files


def declared():
    extras = PROJECT["optional-dependencies"]
    return names_of([*PROJECT["dependencies"], *(text for name in USERS_EXTRAS for text in extras[name])])


def test_whatever_is_imported_is_declared():
    assert {name: files for name, files in imported().items() if name not in declared()} == {}


def test_whatever_is_declared_is_imported():
    assert declared() - imported().keys() == BY_PLUG_IN


def test_the_lock_has_a_version_of_every_dependency():
    locked = names_of(line for line in (ROOT / "requirements-dev.lock").read_text().splitlines() if line[:1] != "#")
    wanted = {
        *PROJECT["dependencies"],
        *(text for texts in PROJECT["optional-dependencies"].values() for text in texts),
    }
    assert names_of(wanted) - locked == {"hexcal"}
