"""docs/decisions.md has one form, which the pages of the steps are made from."""

import pytest
import site_pages

FORM = """# Decisions

## Stage 1

* **jump: the `|` of a flag**: kept, over
  two lines.
  *Why:* it is a flag.
* **dark: short**: SKIPPED.

## Stage 2

Text that is no decision.

* **flat_field: units**: none.
  *Why:* documents.
"""


def test_items_are_read_with_their_section_and_reason():
    read = site_pages.read_decisions(FORM)
    assert [(row.section, row.what, row.hexcal, row.why) for row in read] == [
        ("Stage 1", "jump: the `|` of a flag", "kept, over two lines.", "it is a flag."),
        ("Stage 1", "dark: short", "SKIPPED.", ""),
        ("Stage 2", "flat_field: units", "none.", "documents."),
    ]


@pytest.mark.parametrize(
    "item",
    [
        "* no subject, *Why:* nothing.",
        "* **subject** without a colon.",
        "* **subject**: text.\n not indented by two.",
        "* **subject**: text.\n| a | row | of a table |",
        "* **subject**: text.\n\n| a | row | of a table |",
    ],
)
def test_an_item_of_another_form_is_refused(item):
    with pytest.raises(ValueError, match="not of the form"):
        site_pages.read_decisions(f"## Stage 1\n\n{item}\n")


def test_all_of_docs_decisions_is_read():
    read = site_pages.read_decisions()
    text = (site_pages.DOCS / "decisions.md").read_text(encoding="utf-8")
    assert len(read) == sum(line.startswith("* ") for line in text.splitlines()) > 500
    assert not [line for line in text.splitlines() if line.startswith("|")]
