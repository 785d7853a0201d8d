"""Simulated frames and cubes of IRIS: the truth is recovered with the references that belong to them."""

import numpy as np
import pytest
from astropy.io import fits

from hexcal import datamodels
from hexcal.cli.main import main
from hexcal.errors import ParameterError
from hexcal.simulate.iris import IrisMode, simulate_cube, simulate_frame


def test_truth_is_recovered_with_the_references():
    """Dark and flat from the references: the residuals over ERR have mean 0 and width 1."""
    scene = np.linspace(1, 200, 256 * 256, dtype="f4").reshape(256, 256)
    simulation = simulate_frame(IrisMode(size=256), scene, seed=3)
    flat, dark = simulation.references["flat"].data, simulation.references["dark"].data
    good = simulation.references["mask"].dq == 0
    assert 0.99 < good.mean() < 1
    pulls = ((simulation.frame.data - dark) / flat - simulation.truth)[good] / (simulation.frame.err / flat)[good]
    assert abs(pulls.mean()) < 0.02
    assert abs(pulls.std() - 1) < 0.01
    assert flat.min() > 0.5


def test_bad_pixels():
    simulation = simulate_frame(IrisMode(size=256), np.full((256, 256), 100, "f4"), seed=3)
    dq = simulation.references["mask"].dq
    dead, hot = dq & 1024 != 0, dq & 2048 != 0
    assert 20 < dead.sum() < 120
    assert 20 < hot.sum() < 120
    assert abs(simulation.frame.data[dead].mean()) < 0.5
    assert (simulation.references["dark"].data[hot] == 20).all()
    assert (simulation.references["flat"].data[dead] == 1).all()


def test_a_subarray_has_the_same_pixels():
    whole, part = (
        simulate_frame(IrisMode(size=64), seed=5),
        simulate_frame(IrisMode(size=64, subarray=(9, 5, 20, 30)), seed=5),
    )
    for kind in whole.references:
        model = part.references[kind]
        np.testing.assert_array_equal(getattr(model, model.primary), getattr(whole.references[kind], model.primary))
    assert part.frame.shape == (30, 20)
    assert part.frame.subarray == (9, 5, 20, 30)
    assert (part.frame.meta.subarray.name, part.frame.meta.subarray.id) == ("CUSTOM", 1)
    assert (whole.frame.meta.subarray.name, whole.frame.meta.subarray.id) == ("FULL", 0)


def test_the_same_seed_gives_the_same_frame():
    one, two, other = (simulate_frame(IrisMode(size=32), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.frame.data, two.frame.data)
    assert (one.frame.data != other.frame.data).any()


def test_cube():
    cube, truth = simulate_cube(IrisMode(detector="IFU", filter="H", size=32), 40, seed=1)
    assert cube.shape == truth.shape == (40, 32, 32)
    pulls = (cube.data - truth) / cube.err
    assert abs(pulls.mean()) < 0.02
    assert abs(pulls.std() - 1) < 0.02
    assert cube.wavelength[0] == pytest.approx(cube.meta.instrument.wave_min)
    assert cube.meta.wcsinfo.crval3 + 39 * cube.meta.wcsinfo.cdelt3 == pytest.approx(cube.meta.instrument.wave_max)
    # The line lies in mid band, on the object and not on the star.
    assert 18 <= truth[:, 13, 22].argmax() <= 21
    assert truth[:, 19, 10].argmax() < 5


@pytest.mark.parametrize(
    ("mode", "match"),
    [
        ({"subarray": (1, 1, 65, 1)}, "must lie on the detector of 64 x 64"),
        ({"subarray": (0, 1, 4, 4)}, "must lie on the detector"),
        ({"exposure_time": 0}, "exposure time must be positive"),
        ({"filter": "F200W"}, "only the filters Y, J, H, K"),
        ({"detector": "NRCA1"}, "unknown value 'NRCA1'"),
    ],
)
def test_frames_that_cannot_be_taken(mode, match):
    with pytest.raises(ParameterError, match=match):
        simulate_frame(IrisMode(**{"size": 64, **mode}))


def test_scenes_and_cubes_that_cannot_be():
    with pytest.raises(ParameterError, match=r"shape \(8, 8\) of the frame, got \(3, 3\)"):
        simulate_frame(IrisMode(size=8), np.ones((3, 3)))
    with pytest.raises(ParameterError, match="at least two wavelengths"):
        simulate_cube(n_wavelengths=1)


def test_the_command(tmp_path, capsys):
    words = ["simulate", "iris", "--size", "48", "--output", str(tmp_path / "iris"), "--cube", "5", "--filter", "h"]
    assert main([*words, "--date", "2025-01-01T02:00:00+02:00"]) == 0
    told = capsys.readouterr().out
    made = sorted(str(path.relative_to(tmp_path / "iris")) for path in (tmp_path / "iris").rglob("*.fits"))
    assert made == [
        "raw_science_frame_sci.fits",
        "reduced_science_cube_sci.fits",
        "references/dark.fits",
        "references/flat.fits",
        "references/mask.fits",
        "truth.fits",
    ]
    assert all(name in told for name in made)
    header = fits.getheader(tmp_path / "iris" / "raw_science_frame_sci.fits")
    assert (header["DATE-OBS"], header["TIME-OBS"], header["FILTER"]) == ("2025-01-01", "00:00:00.000", "H")
    assert type(datamodels.open(tmp_path / "iris" / made[1])).__name__ == "IRISCubeModel"
    assert main(words) == 1
    assert "exist already" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--subarray", "1,2"], "four whole numbers"),
        (["--subarray", "1,2,a,b"], "four whole numbers"),
        (["--date", "today"], "must be a date and time"),
        (["--seed", "-1"], "must be at least 0"),
        (["--detectr", "IRIS1"], "did you mean '--detector'"),
    ],
)
def test_the_command_with_wrong_words(tmp_path, capsys, words, match):
    assert main(["simulate", "iris", "--size", "16", "--output", str(tmp_path / "iris"), *words]) == 1
    assert match in capsys.readouterr().err
    assert not (tmp_path / "iris").exists()
