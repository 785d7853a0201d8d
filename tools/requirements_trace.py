"""Which rows of docs/requirements are shown by passing tests (``make trace``).

A test names the rows that it shows: ``@pytest.mark.req("JUMP-03")``. With HEXCAL_TRACE set, ``tests/conftest.py``
records them during a run; this program counts the record against the sheets. A row is shown when a test that names it
passed and none that names it failed; rows whose tests were all skipped (for want of data, say) are not shown, and are
listed.
"""

import argparse
import json
import re
import sys
import textwrap
from collections import Counter
from pathlib import Path

SHEETS = Path(__file__).resolve().parents[1] / "docs" / "requirements"

# `| JUMP-03 | text | lines |`, with a dagger after the id where the row is borrowed from another part of the documents
_ROW = re.compile(r"^\| *([A-Z][A-Z0-9]*-\d+[a-z]?)(?: †)? *\|")


def read_rows(folder=SHEETS):
    """Return the ids of all rows, in order, each with the name of its sheet.

    Parameters
    ----------
    folder : path-like, optional
        Folder of the sheets, ``*.md``.

    Returns
    -------
    dict
        Row id -> sheet.

    Raises
    ------
    ValueError
        If an id occurs twice.
    """
    rows = {}
    for sheet in sorted(Path(folder).glob("*.md")):
        for number, line in enumerate(sheet.read_text(encoding="utf-8").splitlines(), start=1):
            match = _ROW.match(line)
            if not match:
                continue
            if match[1] in rows:
                raise ValueError(
                    f"requirement {match[1]} occurs twice: {rows[match[1]]} and {sheet.stem}, line {number}"
                )
            rows[match[1]] = sheet.stem
    return rows


def shown_rows(record):
    """Return the ids that passing tests show and no failing test contradicts, from a record of a run."""
    return set(record["passed"]) - set(record["failed"])


def skipped_rows(record):
    """Return the ids that nothing but skipped tests name."""
    return set(record["skipped"]) - set(record["passed"]) - set(record["failed"])


def table(rows, shown):
    """Return the count per sheet and area, and the total, as text.

    Parameters
    ----------
    rows : dict
        Row id -> sheet, from `read_rows`.
    shown : set of str
        From `shown_rows`.
    """
    lines = []
    for sheet in dict.fromkeys(rows.values()):
        ids = [row for row, place in rows.items() if place == sheet]
        of_area = Counter(area_of(row) for row in ids)
        shown_of_area = Counter(area_of(row) for row in ids if row in shown)
        cells = [f"{area}\N{NO-BREAK SPACE}{shown_of_area[area]}/{total}" for area, total in of_area.items()]
        lines.append(f"{sheet:26s}{sum(shown_of_area.values()):5d} of {len(ids):5d}")
        lines += [
            line.replace("\N{NO-BREAK SPACE}", " ")
            for line in textwrap.wrap("   ".join(cells), 100, initial_indent="    ", subsequent_indent="    ")
        ]
    lines.append(f"{'total':26s}{len(shown & set(rows)):5d} of {len(rows):5d}")
    return "\n".join(lines)


def area_of(row):
    """Return the area of a row: its id without the number."""
    return row.rpartition("-")[0]


def main():
    """Print the table for a recorded run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("record", type=Path, help="JSON file that pytest wrote with HEXCAL_TRACE=FILE")
    record = parser.parse_args().record
    if not record.is_file():
        sys.exit(f"{record} is required: run the tests with HEXCAL_TRACE={record}, or `make trace`")
    outcomes = json.loads(record.read_text(encoding="utf-8"))
    rows = read_rows()
    print(table(rows, shown_rows(outcomes)))
    skipped = [row for row in rows if row in skipped_rows(outcomes)]
    if skipped:
        print(f"not shown, since all their tests were skipped: {len(skipped)}")
        print(textwrap.fill(" ".join(skipped), 100, initial_indent="    ", subsequent_indent="    "))


if __name__ == "__main__":
    main()
