"""What a notebook shows of a model.

What it is, its arrays and steps, and a picture with the first row at the bottom.
"""

import base64
import io
import re

import numpy as np
import pytest
from exposures import write_uncal
from matplotlib import image

from hexcal import datamodels
from hexcal.models.notebook import png_of


def _picture(html):
    data = re.search(r'src="data:image/png;base64,([^"]+)"', html)
    return None if data is None else image.imread(io.BytesIO(base64.b64decode(data[1])))


def test_an_exposure_shows_mode_arrays_steps_and_a_picture_without_reading_the_ramp(tmp_path):
    ramp = datamodels.RampModel(write_uncal(tmp_path, (2, 5, 16, 24)))
    ramp.meta.cal_step.jump = "COMPLETE"
    html = ramp._repr_html_()
    assert "RampModel(2, 5, 16, 24) from jw00001001001_02101_00001_nrca1_uncal.fits" in html
    assert "JWST NIRCAM NRCA1 F200W CLEAR" in html
    assert "<code>data</code>" in html
    assert "(2, 5, 16, 24)" in html
    assert re.search("steps done.*jump", html)
    assert 'alt="data[0, 4]"' in html
    assert _picture(html).shape[:2] == (16, 24)
    assert ramp.loaded() == []


def test_a_star_is_in_the_picture_where_it_is_in_the_image():
    plane = np.random.default_rng(1).normal(0, 1, (20, 30))
    plane[3:5, 7:9] = 100
    colours = image.imread(io.BytesIO(png_of(plane)))[..., :3].sum(axis=-1)
    brightest = colours[20 - 5 : 20 - 3, 7:9]
    assert np.all(brightest == colours.max())
    assert brightest.size == (colours == colours.max()).sum()


@pytest.mark.parametrize("value", [0.0, 5.0, np.nan, np.inf])
def test_an_image_of_one_value_has_a_picture(value):
    assert image.imread(io.BytesIO(png_of(np.full((8, 9), value)))).shape[:2] == (8, 9)


def test_the_picture_of_a_large_image_is_small():
    picture = image.imread(io.BytesIO(png_of(np.zeros((2048, 1000)), side=200)))
    assert max(picture.shape[:2]) <= 200


def test_values_that_would_be_markup_are_shown_as_they_are():
    model = datamodels.ImageModel((4, 4))
    model.meta.filename = "<b>x</b>.fits"
    html = model._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;x" in html


def test_a_model_without_an_image_has_no_picture():
    assert _picture(datamodels.DataModel()._repr_html_()) is None


def test_a_product_of_many_slits_says_how_many():
    model = datamodels.MultiSlitModel()
    model.slits = [datamodels.SlitModel((4, 5)), datamodels.SlitModel((4, 6))]
    assert re.search("parts.*2", model._repr_html_())


def test_a_container_lists_its_members_without_opening_them(tmp_path):
    names = [f"jw0000100100{n}_02101_00001_nrca1_uncal.fits" for n in range(3)]
    container = datamodels.ModelContainer([write_uncal(tmp_path, (1, 2, 4, 4), name=name) for name in names])
    html = container._repr_html_()
    assert all(name in html for name in names)
    assert all(member.model is None for member in container._members)


def test_a_long_list_of_members_is_cut():
    container = datamodels.ModelContainer([datamodels.ImageModel((2, 2)) for _ in range(20)])
    assert "... and 8 more" in container._repr_html_()
