"""Pictures: a PNG is written, whatever the image holds."""

import matplotlib.image
import numpy as np
import pytest

from hexcal.errors import ResourceError
from hexcal.report.picture import compare_with_truth, round_ticks


def _images(shape=(60, 80)):
    rng = np.random.default_rng(1)
    return rng.normal(1, 0.1, shape).astype("f4"), np.full(shape, 0.1, "f4"), rng.normal(0, 1, shape)


def test_a_picture_of_flagged_and_good_pixels(tmp_path):
    rate, err, pull = _images()
    rate[:5] = pull[:5] = np.nan
    path = compare_with_truth(tmp_path / "a.png", rate, err, pull, [("all", pull[np.isfinite(pull)])], "title")
    image = matplotlib.image.imread(path)
    assert image.shape[1] > 1500
    assert image[..., :3].std() > 0.1


def test_an_image_without_any_good_pixel(tmp_path):
    rate, err, pull = _images()
    compare_with_truth(tmp_path / "a.png", rate * np.nan, err, pull * np.nan, [], "title")
    assert (tmp_path / "a.png").stat().st_size > 10000


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ResourceError, match="does not exist"):
        compare_with_truth(tmp_path / "no" / "a.png", *_images(), [], "title")


def test_round_ticks():
    assert round_ticks(-0.5, 30, 0.1).tolist() == [-0.5, -0.2, 0, 0.2, 0.5, 1, 2, 5, 10, 20]
    assert round_ticks(0.7, 12, 0.1).tolist() == [1, 2, 5, 10]
