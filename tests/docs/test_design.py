"""docs/design.md leads to files that exist, and to what it says stands in them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = (ROOT / "src" / "hexcal", ROOT, ROOT / "src")
TEXT = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
SHORT_WAYS = TEXT[: TEXT.index("## The way of the data")]
"""How to find the file of anything, and the ten questions."""
MADE = {"developer/contributing.md", "developer/messages.md"}
"""Pages that the build of the documentation makes."""


def file_of(name):
    """Path of a file that the text names, below one of the places; None if there is none."""
    return next((place / name for place in PLACES if (place / name).is_file()), None)


def test_every_file_that_it_names_exists():
    names = re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|tsv|md))`", TEXT)
    assert len(names) > 40
    assert [name for name in names if file_of(name) is None] == []


def test_every_folder_that_it_names_exists():
    names = [name for name in re.findall(r"`([\w./-]+/[\w.-]*)`", TEXT) if "." not in name and name != "N/A"]
    assert len(names) > 5
    assert [name for name in names if not any((place / name).is_dir() for place in PLACES)] == []


def test_every_page_that_it_links_to_exists():
    pages = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", TEXT)} - {""} - MADE
    assert {page for page in pages if not (ROOT / "docs" / page).is_file()} == set()


def test_what_is_said_to_stand_in_a_file_stands_there():
    pairs = re.findall(r"`(\w+)` (?:in|of) `([\w./-]+\.py)`", SHORT_WAYS)
    pairs += [(name, path) for path, name in re.findall(r"`([\w./-]+\.py)` \(`(\w+)`\)", SHORT_WAYS)]
    assert len(pairs) >= 6
    for name, path in pairs:
        file = file_of(path)
        assert file is not None, path
        assert re.search(rf"\b{name}\b", file.read_text(encoding="utf-8")), f"{path} has no {name}"


def test_ten_questions_are_answered():
    questions = re.findall(r"^(?:How|What|Where|Which) .*\?\n: ", SHORT_WAYS, re.MULTILINE)
    assert len(questions) == 10
