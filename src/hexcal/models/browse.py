"""Showing and searching a tree of nested dicts: what `DataModel.info` and `DataModel.search` do."""

import re
from typing import Any

import numpy as np


def tree_lines(tree, title, max_rows=24, max_cols=120, show_values=True):
    """Return a tree as lines of text, branches drawn with lines.

    Parameters
    ----------
    tree : dict
        Nested.
    title : str
        Of the root.
    max_rows, max_cols : int or None
        Most lines, and characters of a line.
    show_values : bool
        Show the values of leaves.
    """
    lines = [f"root ({title})", *_branch(tree, "", show_values)]
    if max_rows is not None and len(lines) > max_rows:
        left_out = len(lines) - max_rows
        lines = [*lines[:max_rows], f"... {left_out} more lines: info(max_rows=None) shows all"]
    return lines if max_cols is None else [line[:max_cols] for line in lines]


def _branch(tree, indent, show_values):
    pairs = list(tree.items()) if isinstance(tree, dict) else [(f"[{n}]", item) for n, item in enumerate(tree)]
    for number, (name, value) in enumerate(pairs, 1):
        corner, below = ("└─", "  ") if number == len(pairs) else ("├─", "│ ")
        yield f"{indent}{corner}{name} {_told(value, show_values)}"
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
            yield from _branch(value, indent + below, show_values)


def _told(value, show_values):
    if isinstance(value, np.ndarray):
        if value.dtype.names:
            return f"(table): {len(value)} rows, columns {', '.join(value.dtype.names)}"
        return f"(array): {value.dtype} {value.shape}"
    kind = f"({type(value).__name__})"
    return kind if isinstance(value, dict) or not show_values else f"{kind}: {' '.join(str(value).split())}"


class SearchResult:
    """What a search has found.

    Attributes
    ----------
    paths : list of str
        Dotted paths.
    nodes : list
        The values at these paths.
    """

    def __init__(self, pairs):
        self.paths = [path for path, _ in pairs]
        self.nodes = [node for _, node in pairs]

    @property
    def node(self):
        """The value, if exactly one was found; else None."""
        return self.nodes[0] if len(self.nodes) == 1 else None

    @property
    def path(self):
        """The path, if exactly one was found; else None."""
        return self.paths[0] if len(self.paths) == 1 else None

    def __len__(self):
        return len(self.paths)

    def __repr__(self):
        lines = [f"{path} {_told(node, show_values=True)}" for path, node in zip(self.paths, self.nodes, strict=True)]
        return "\n".join(lines) or "No results found."


def search(tree, key=None, type_=None, value=None, filter_=None):
    """Search a nested dict; see `Interface.search`."""
    tests: list[Any] = []
    if key is not None:
        tests.append(lambda name, node: re.search(key, name) is not None)
    if type_ is not None:
        tests.append(
            lambda name, node: type(node).__name__ == type_ if isinstance(type_, str) else isinstance(node, type_)
        )
    if value is not None:
        tests.append(lambda name, node: _equal(node, value))
    if filter_ is not None:
        tests.append(lambda name, node: bool(filter_(node)))
    matching = [(path, node) for path, name, node in _nodes(tree) if all(test(name, node) for test in tests)]
    return SearchResult(matching)


def _equal(node, value):
    if isinstance(value, str):
        return isinstance(node, str) and re.search(value, node) is not None
    if isinstance(node, np.ndarray) or isinstance(value, np.ndarray):
        return isinstance(node, np.ndarray) and isinstance(value, np.ndarray) and np.array_equal(node, value)
    return type(node) is type(value) and node == value


def _nodes(tree, above=""):
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for name, node in pairs:
        path = f"{above}.{name}" if above else str(name)
        yield path, str(name), node
        if isinstance(node, dict | list):
            yield from _nodes(node, path)
