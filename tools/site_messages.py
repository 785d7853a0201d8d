"""The page of all messages.

What each error and each skipped step says, what to do next, and in which file it is written (``make docs``).
"""

import ast
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).resolve().parents[1] / "src"
KINDS = {
    "InputError": "The input",
    "ReferenceError_": "Reference files",
    "ParameterError": "Parameters, options and names",
    "DataUnusable": "Data in which there is nothing to calibrate (exit status 64)",
    "ResourceError": "Disk, memory, network",
    "HookError": "Hooks",
    "AssociationError": "Associations",
    "AssociationNotValidError": "Associations",
    "SkipStep": "Reasons why a step is skipped",
}
"""Class -> section of the page."""
VARIABLE = "…"
"""Stands for a part of a message that depends on the case."""


class Message(NamedTuple):
    """One message of the source."""

    section: str
    text: str
    hint: str
    file: str


def messages(source: Path = SOURCE) -> list[Message]:
    """Return all messages of a source tree, in the order of its files."""
    return [
        message
        for path in sorted(source.rglob("*.py"))
        for message in _of_file(path.read_text(encoding="utf-8"), path.relative_to(source).as_posix())
    ]


def _of_file(text, name):
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        section = KINDS.get(getattr(node.func, "id", getattr(node.func, "attr", "")))
        message = _literal(node.args[0])
        if section and message.strip(f"{VARIABLE} "):
            hint = next((_literal(word.value) for word in node.keywords if word.arg == "hint"), "")
            yield Message(section, message, hint, name)


def _literal(node):
    """Text of an expression as far as it stands in the source; `VARIABLE` for the rest."""
    if isinstance(node, ast.Constant):
        return str(node.value) if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_literal(part) if isinstance(part, ast.Constant) else VARIABLE for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _literal(node.left) + _literal(node.right)
    if isinstance(node, ast.IfExp):
        return " / ".join(filter(None, (_literal(node.body), _literal(node.orelse))))
    return VARIABLE


def page(listed: list[Message]) -> str:
    """Return the page, as Markdown.

    Parameters
    ----------
    listed : list of Message
        From `messages`.
    """
    lines = [
        "# All messages",
        "",
        f"Made from the source. Look for a few fixed words of a message; {VARIABLE} stands for what depends on the "
        "case. The common ones are explained in "
        "[troubleshooting](../guide/troubleshooting.md).",
        "",
    ]
    for section in dict.fromkeys(KINDS.values()):
        rows = [message for message in listed if message.section == section]
        if not rows:
            continue
        lines += [f"## {section}", "", "| message | next | file |", "|---|---|---|"]
        lines += [f"| {_cell(row.text)} | {_cell(row.hint)} | `{row.file}` |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def _cell(text):
    """Text of a table's cell, in which nothing is markup."""
    text = " ".join(text.split())
    for character in "\\|*_`<>[]$~":
        text = text.replace(character, f"\\{character}")
    return text
