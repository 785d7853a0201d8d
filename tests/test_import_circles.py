"""No module imports, at the top of its file, one that needs it to be imported."""

import ast
import re
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src"


def modules():
    """Module -> file of all modules of Hexcal."""
    named = {path: ".".join(path.relative_to(SRC).with_suffix("").parts) for path in (SRC / "hexcal").rglob("*.py")}
    return {name.removesuffix(".__init__"): path for path, name in named.items()}


def imported(path, known, within=False):
    """Modules that a file imports where it is loaded, and, if `within`, in functions; not for type checkers only."""
    statements = [ast.parse(path.read_text(encoding="utf-8"))]
    while statements:
        node = statements.pop()
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for name in node.names:
                part = f"{node.module}.{name.name}"
                yield from (module for module in ([part] if part in known else [node.module]) if module in known)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            statements += node.orelse
        elif within or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.expr):
            statements += ast.iter_child_nodes(node)


def circle_in(graph):
    """A chain of modules that leads back to its first; empty if there is none."""
    done = set()

    def search(name, way):
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for other in sorted(graph[name]):
                if circle := search(other, [*way, name]):
                    return circle
            done.add(name)
        return []

    return next((circle for name in sorted(graph) if (circle := search(name, []))), [])


def test_imports_at_the_top_of_files_form_no_circle():
    known = modules()
    graph = {name: set(imported(path, known)) - {name} for name, path in known.items()}
    assert len(graph) > 700 and "hexcal.core.parameters" in graph["hexcal.core.step"]
    assert circle_in(graph) == []


@pytest.mark.parametrize(
    "part", [r"core\.", r"associations\.", r"models\.(container|member|open|single)$", r"workflow\."]
)
def test_nor_do_those_within_functions(part):
    known = {name: path for name, path in modules().items() if re.match(rf"hexcal\.{part}", name)}
    graph = {name: set(imported(path, known, within=True)) - {name} for name, path in known.items()}
    assert any(graph.values()) and circle_in(graph) == []


def test_a_circle_is_noticed():
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
