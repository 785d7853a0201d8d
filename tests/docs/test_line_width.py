"""No line of the code, of the documentation or of a table in it is wider than 120 characters."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "tools", "parity", "benchmarks", "docs")
KINDS = {".md", ".py", ".pyi", ".toml"}
COPIES = (ROOT / "docs" / "requirements", ROOT / "docs" / "steps", ROOT / "docs" / "developer" / "messages.md")
"""The sheets of requirements are kept as they were handed over; the others are made by the build."""
WIDTH = 120


def own_files():
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    return [path for path in files if path.suffix in KINDS and not any(path.is_relative_to(copy) for copy in COPIES)]


def can_be_shorter(line):
    """Whether more than one word, say a link, stands in a line, beside its indentation and the mark of a list."""
    return len(line.strip().lstrip("*-| ").split()) > 1


def test_no_line_is_too_wide():
    files = own_files()
    assert len(files) > 1000
    wide = [
        f"{path.relative_to(ROOT)}:{number}: {len(line)} characters"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > WIDTH and can_be_shorter(line)
    ]
    assert wide == []
