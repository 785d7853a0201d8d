"""A real exposure with neutral references, against the official slopes (made in 2020 with calibrated references)."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal.cli.main import main


@pytest.fixture(scope="module")
def official(real_data):
    files = [real_data / "stage1" / f"miri_sub64_{suffix}.fits" for suffix in ("uncal", "rateints")]
    for path in files:
        if not path.is_file():
            pytest.skip(f"{path} is not here")
    return files


@pytest.mark.parametrize(("rscd_groups", "ratio"), [(0, (1.1, 1.35)), (3, (1.02, 1.1))])
def test_slopes_of_a_miri_ground_test(official, rscd_groups, ratio, tmp_path):
    uncal, rateints = official
    references, output = tmp_path / "references", tmp_path / "out"
    assert (
        main(
            [
                "simulate",
                "references",
                "--like",
                str(uncal),
                "--output",
                str(references),
                "--rscd-groups",
                str(rscd_groups),
            ]
        )
        == 0
    )
    assert main(["run", "calwebb_detector1", str(uncal), f"--references={references}", f"--output_dir={output}"]) == 0
    (found,) = output.glob("*rateints.fits")
    with fits.open(found) as ours, fits.open(rateints) as theirs:
        mine, true = ours["SCI"].data, theirs["SCI"].data
        good = (ours["DQ"].data == 0) & (theirs["DQ"].data == 0) & np.isfinite(mine) & np.isfinite(true)
    assert good.sum() > 15000
    correlation = np.corrcoef(mine[good], true[good])[0, 1]
    medians = np.median(mine[good]) / np.median(true[good])
    print(f"{good.sum()} values, correlation {correlation:.5f}, ratio of medians {medians:.4f}")
    assert correlation >= 0.99
    # With the first three groups left out, as the official reference says, what remains is the non-linearity, not
    # corrected here.
    assert ratio[0] < medians < ratio[1]
