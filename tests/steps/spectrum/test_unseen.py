"""Light of an aperture that is not seen: its share is known, and wavelengths that lack too much of it are flagged."""

import json
import logging

import numpy as np
import pytest
from extracted_cubes import SHAPE, make_cube, reference
from slits import SHAPE as SLIT
from slits import make_slits

from hexcal import datamodels
from hexcal.models.dqflags import pixel
from hexcal.steps.spectrum.extract_1d import Extract1dStep
from hexcal.steps.spectrum.unseen import unseen_light

WIDTH, CENTRE, SIGNAL = 1.6, 4, 300.0
NO_RINGS = np.zeros(1, int)


def _star(x=16, y=15):
    """A star in each plane of a cube, that grows as the radius of the circle does."""
    rows, columns = np.indices(SHAPE[1:])
    widths = WIDTH * np.interp(2.0 + 0.1 * np.arange(SHAPE[0]), [2, 3], [1, 1.25])[:, None, None]
    return SIGNAL / widths**2 * np.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2) / widths**2)


def _extract(cube, folder, limit=None, **parameters):
    chosen = {"override_extract1d": reference(folder), "override_apcorr": "N/A", **parameters}
    return Extract1dStep.call(cube, unseen_limit=limit, **chosen).spec[0].spec_table


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_planes_that_lack_light_of_a_star_are_flagged_and_no_others(tmp_path, shift, caplog):
    scene = _star(x=16 + shift)
    whole = _extract(make_cube(scene), tmp_path, subtract_background=False)
    data = scene.copy()
    for plane, columns in ((1, 19), (2, 18), (3, 17), (4, 16)):
        data[plane, :, columns + 1 :] = np.nan
    cube = make_cube(data)
    before = cube.data.tobytes()
    with caplog.at_level(logging.INFO):
        table = _extract(cube, tmp_path, limit=0.03, subtract_background=False)
    lost = 1 - table["FLUX"] / whole["FLUX"]
    assert lost[0] == 0 and 0 < lost[1] < 0.02 and (lost[2:5] > 0.045).all(), lost
    assert ((table["DQ"] == pixel.DO_NOT_USE) == (lost > 0.03)).all()
    # The pixels that are summed, and no others.
    assert (table["NPIXELS"][1:5] < 0.97 * whole["NPIXELS"][1:5]).all()
    assert cube.data.tobytes() == before and "3 wavelengths lack more than 3 %" in caplog.text
    assert (_extract(cube, tmp_path, subtract_background=False)["DQ"] == 0).all()


@pytest.mark.parametrize(("columns", "is_flagged"), [(3, True), (5, False)])
def test_a_star_at_the_edge_of_the_field_lacks_what_lies_beside_it(tmp_path, columns, is_flagged):
    """No plane sees the parts beside the field: they are as bright as those on the other side."""
    data = _star(x=28)
    seen = data[:, :, : 28 + columns]
    lost = 1 - np.where(np.arange(SHAPE[2]) < 28 + columns, data, 0).sum() / (SIGNAL * 2 * np.pi * SHAPE[0])
    data[:, :, seen.shape[2] :] = np.nan
    table = _extract(make_cube(data), tmp_path, limit=0.02, subtract_background=False, center_xy=[28.0, 15.0])
    assert (table["DQ"] > 0).all() == (lost > 0.02) == is_flagged
    assert (table["DQ"] > 0).any() == is_flagged


def test_planes_of_which_no_background_is_seen_are_flagged(tmp_path):
    data = _star() + 7.0
    rows, columns = np.indices(SHAPE[1:])
    far = np.hypot(columns - 16, rows - 15)
    data[2, far > 6] = np.nan
    data[3, (far > 6) & (columns < 16)] = np.nan
    table = _extract(make_cube(data), tmp_path, limit=0.01)
    assert list(np.flatnonzero(table["DQ"])) == [2] and table["BACKGROUND"][2] == 0
    assert table["BACKGROUND"][3] == pytest.approx(7, rel=1e-3)


def test_the_background_is_no_light_of_the_source(tmp_path):
    """A circle of which a third, of sky alone, is not seen lacks nothing."""
    data = 0.5 * _star() + 1000.0
    data[2, :, 20:] = np.nan
    data[3, :, 16:] = np.nan
    table = _extract(make_cube(data), tmp_path, limit=0.03)
    assert list(np.flatnonzero(table["DQ"])) == [3]


def test_where_there_is_no_light_the_area_counts():
    seen = np.array([[4.0], [3.0], [0.0]])
    share = unseen_light(np.zeros((3, 1)), seen, np.full((3, 1), 4.0), NO_RINGS)
    assert share == pytest.approx([0, 0.25, 1])


def test_a_source_that_is_faint_at_some_wavelengths_is_no_loss():
    sums = np.array([[8.0, 2.0], [4.0, 1.0], [0.4, 0.1], [4.0, 0.0]])
    seen = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    share = unseen_light(sums, seen, np.ones((4, 2)), np.arange(2))
    assert share == pytest.approx([0, 0, 0, 0.2])


def _slits(integrations=None):
    model = make_slits(("S200A1",), source_type="EXTENDED", value=2.0)
    slit = model.slits[0]
    slit.meta.bunit_data, slit.meta.photometry.pixelarea_steradians = "MJy/sr", 2e-13
    offset = np.arange(SLIT[0])[:, None] - CENTRE
    slit.data[...] = 5.0 + 100 * np.exp(-0.5 * (offset / 0.8) ** 2) * np.linspace(1, 3, SLIT[1])
    return model


def _spectrum(model, folder, limit=None, **values):
    entry = {"id": "ANY", "region_type": "target", "dispaxis": 1, "ystart": 2, "ystop": 6, **values}
    path = folder / "extract1d.json"
    path.write_text(json.dumps({"reftype": "EXTRACT1D", "apertures": [entry]}))
    given = {"override_extract1d": str(path), "override_apcorr": "N/A", "unseen_limit": limit}
    return Extract1dStep.call(model, **given).spec[0].spec_table


@pytest.mark.parametrize("fit", ["poly", "median"])
def test_a_hole_in_the_core_of_a_trace_is_flagged_and_one_in_its_wing_is_not(tmp_path, fit):
    model = _slits()
    data, beside = model.slits[0].data, {"bkg_coeff": [[-0.5], [1.5], [6.5], [8.5]], "bkg_fit": fit}
    data[4, 7] = data[2, 11] = data[5, 15] = np.nan
    data[[0, 1, 7, 8], 20] = np.nan
    data[[0, 1], 21] = np.nan
    table = _spectrum(model, tmp_path, limit=0.05, **beside)
    assert list(np.flatnonzero(table["DQ"])) == [7, 15, 20]
    assert table["NPIXELS"][7] == table["NPIXELS"][11] == 4 and table["NPIXELS"][20] == 5
    assert (_spectrum(model, tmp_path, **beside)["DQ"] == 0).all()


def test_rows_that_no_wavelength_sees_make_the_aperture_smaller(tmp_path):
    model = _slits()
    model.slits[0].data[5:] = np.nan
    model.slits[0].data[4, 9] = np.nan
    table = _spectrum(model, tmp_path, limit=0.05)
    assert list(np.flatnonzero(table["DQ"])) == [9]


def test_a_smoothed_background_is_known_where_its_neighbours_are(tmp_path):
    model, beside = _slits(), {"bkg_coeff": [[-0.5], [1.5]], "bkg_fit": "poly", "bkg_order": 0}
    model.slits[0].data[[0, 1], 20] = np.nan
    assert list(np.flatnonzero(_spectrum(model, tmp_path, limit=0.05, **beside)["DQ"])) == [20]
    assert (_spectrum(model, tmp_path, limit=0.05, smoothing_length=3, **beside)["DQ"] == 0).all()


def test_each_integration_of_a_series_has_its_own_flags(tmp_path):
    slit = _slits().slits[0]
    series = datamodels.MultiSlitModel()
    series.update(_slits(), only="PRIMARY")
    series.meta.exposure.type = "NRS_BRIGHTOBJ"
    slit.data = np.repeat(slit.data[None], 3, axis=0)
    slit.err = slit.var_poisson = slit.var_rnoise = slit.var_flat = np.ones_like(slit.data)
    slit.dq = np.zeros(slit.data.shape, np.uint32)
    slit.data[1, 4, 7] = np.nan
    series.slits = [slit]
    entry = {"id": "ANY", "region_type": "target", "dispaxis": 1, "ystart": 2, "ystop": 6}
    path = tmp_path / "extract1d.json"
    path.write_text(json.dumps({"reftype": "EXTRACT1D", "apertures": [entry]}))
    given = {"override_extract1d": str(path), "override_apcorr": "N/A", "unseen_limit": 0.05}
    tables = [part.spec_table for part in Extract1dStep.call(series, **given).spec]
    assert [list(np.flatnonzero(table["DQ"])) for table in tables] == [[], [7], []]


def test_what_is_flagged_does_not_count_in_the_fit_of_fringes(tmp_path):
    """A torn end of a band, ten times too faint, would bend the continuum."""
    from hexcal.steps.spectrum.spectrum_fringes import add_columns

    wavelength = np.arange(11.55, 13.47, 0.0025)
    fringe = 1 + 0.01 * np.cos(2 * np.pi * 1e4 / wavelength / 2.8)
    columns = {name: np.zeros(len(wavelength)) for name in ("BACKGROUND", "BKGD_ERROR")}
    columns |= {"WAVELENGTH": wavelength, "FLUX": fringe.copy(), "FLUX_ERROR": np.full(len(wavelength), 3e-4)}
    columns |= {"SURF_BRIGHT": fringe.copy(), "DQ": np.zeros(len(wavelength), np.uint32)}
    columns["FLUX"][:25] *= 0.5
    columns["DQ"][:25] = pixel.DO_NOT_USE
    add_columns(columns, "3")
    assert np.abs(columns["RF_FLUX"][25:] - 1).max() < 2e-3
