"""Templates of pools are filled in row by row."""

import importlib.util
from pathlib import Path

import pytest

_PATH = Path(__file__).parents[2] / "parity" / "pool_templates.py"
_SPEC = importlib.util.spec_from_file_location("parity_pool_templates", _PATH)
assert _SPEC and _SPEC.loader
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
expand, is_template = _MODULE.expand, _MODULE.is_template

HEADER = "filename|program|detector|obs_num|asn_candidate\n"
ROW = (
    "@!fmt_fname(next(expnum))|99009|NRS1|{}|@!fmt_cand([(obsnum.value, 'OBSERVATION'), (acid.value + 1, 'mosaic')])\n"
)


def test_counters_candidates_and_names():
    text = HEADER + ROW.format("@!next(obsnum)") + ROW.format("@!obsnum.value")
    assert is_template(text) and not is_template(HEADER)
    candidates = "[('o001', 'OBSERVATION'), ('c1001', 'mosaic')]"
    assert expand(text).splitlines() == [
        HEADER.strip(),
        f"jw99009001001_02101_00001_nrs1_uncal.fits|99009|NRS1|1|{candidates}",
        f"jw99009001001_02101_00002_nrs1_uncal.fits|99009|NRS1|1|{candidates}",
    ]


def test_rows_that_only_set_a_counter_are_left_out():
    text = HEADER + "set acid|||@!acid.set(acid.value + 2)|\n" + ROW.format("@!next(obsnum)")
    assert "c1003" in expand(text) and "set acid" not in expand(text)


def test_nothing_else_is_understood():
    with pytest.raises(ValueError, match="not understood"):
        expand(HEADER + "@!open('file')|1|x|1|null\n")
