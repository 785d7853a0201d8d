"""``hexcal demo spectra``: exposures of a spectrograph to spectra near the truth."""

import re

import matplotlib.image
import pytest

from hexcal.cli.main import main


@pytest.mark.parametrize(("mode", "stars"), [("nirspec-fs", 1), ("nirspec-mos", 3), ("miri-lrs", 1)])
def test_spectra_are_near_the_truth(tmp_path, capsys, mode, stars):
    assert main(["demo", "spectra", "--mode", mode, f"--output={tmp_path}"]) == 0
    output = capsys.readouterr().out
    bias = [float(number) for number in re.findall(r"flux (\S+) % \(median\)", output)]
    assert len(bias) == stars and all(abs(number) < 0.5 for number in bias)
    lines = re.findall(r"line at \S+ µm: flux (\S+) %, centre (\S+) steps", output)
    assert len(lines) >= 2 * stars
    assert all(abs(float(flux)) < 3 and abs(float(centre)) < 0.1 for flux, centre in lines)
    assert output.count("$ hexcal run calwebb_spec2") == 1
    assert matplotlib.image.imread(tmp_path / "demo_spectra.png").shape[1] > 1500
    assert "Step extract_1d complete" in (tmp_path / "demo_spectra.log").read_text()


def test_a_mode_that_is_not_known(tmp_path, capsys):
    assert main(["demo", "spectra", "--mode", "nirspec-sf", f"--output={tmp_path}"]) == 1
    assert "did you mean 'nirspec-fs'" in capsys.readouterr().err
