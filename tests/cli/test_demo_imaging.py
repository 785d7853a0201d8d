"""``hexcal demo imaging``: raw ramps to a mosaic and its catalogue."""

import re

import matplotlib.image

from hexcal.cli.main import main


def test_a_mosaic_and_its_catalogue_are_near_the_truth(tmp_path, capsys):
    assert main(["demo", "imaging", "--exposures=3", "--groups=5", f"--output={tmp_path}"]) == 0
    output = capsys.readouterr().out
    numbers = re.search(r"positions (\S+), (\S+) mas .* scatter (\S+), (\S+) mas", output)
    assert numbers and all(abs(float(number)) < 5 for number in numbers.groups())
    flux = re.search(r"their fluxes: (\S+) % \(median\), scatter (\S+) %", output)
    assert flux and abs(float(flux[1])) < 2 and float(flux[2]) < 5
    rows, true = map(int, re.search(r"(\d+) sources in the catalogue, (\d+) of them", output).groups())
    assert true >= 0.85 * rows >= 10
    assert output.count("$ hexcal run calwebb_") == 3
    assert matplotlib.image.imread(tmp_path / "demo_imaging.png").shape[1] > 1500
    for pattern in ("*_rate.fits", "*_cal.fits", "*_crf.fits"):
        assert len(list(tmp_path.glob(pattern))) == 3, pattern
    assert "Step tweakreg complete" in (tmp_path / "demo_imaging.log").read_text()
