"""What a new reference file changes."""

import json

import numpy as np
import pytest
from astropy.io import fits
from exposures import write_references, write_uncal

from hexcal.cli.main import main
from hexcal.reffiles.compare import compare


@pytest.fixture
def files(tmp_path):
    """References, a raw exposure, and a superbias that is 3 DN higher with one bad pixel more."""
    refs = write_references(tmp_path / "refs")
    raw = write_uncal(tmp_path)
    new = tmp_path / "new.fits"
    with fits.open(refs / "superbias.fits") as hdus:
        hdus["DQ"].data[2, 3] = 1
        hdus["SCI"].data[...] += 3
        hdus.writeto(new)
    return new, refs / "superbias.fits", raw, refs


@pytest.mark.req("RFF-129")
def test_a_change_is_told_in_the_file_and_in_the_rates(files):
    new, old, raw, refs = files
    change = compare(new, old, raw, refs)
    assert change.reference_type == "superbias" and not change.is_none
    assert any(text.startswith("SCI: 384 of 384 values differ, by up to 3") for text in change.reference)
    assert change.flags == {"DO_NOT_USE": [1, 0]}
    assert change.pictures and change.products["ERR"]["median_ratio"] == 1
    # A bias that is too high by the same everywhere changes no slope.
    assert abs(change.rate["median_change_in_errors"]) < 1e-3 and change.products["DQ"]["flagged_now"] == 1


@pytest.mark.req("RFF-129")
def test_the_same_file_makes_no_difference(files, capfd):
    _, old, raw, refs = files
    assert main(["reffiles", "compare", str(old), str(old), "--exposure", str(raw), "--references", str(refs)]) == 0
    assert capfd.readouterr().out.strip().splitlines()[-1] == "no difference"


def test_the_command_as_json(files, capfd):
    new, old, _, refs = files
    assert main(["reffiles", "compare", str(new), str(old), "--json"]) == 1
    assert json.loads(capfd.readouterr().out)["flags"] == {"DO_NOT_USE": [1, 0]}
    assert main(["reffiles", "compare", str(new), str(refs / "gain.fits")]) == 1
    assert "are of types superbias and gain" in capfd.readouterr().err
    assert np.isfinite(fits.getdata(old, "SCI")).all()
