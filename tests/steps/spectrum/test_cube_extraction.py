"""Extraction from cubes: circles, annuli, whole cubes."""

import asdf
import numpy as np
import pytest
from extracted_cubes import AREA, SHAPE, make_cube, reference

from hexcal.errors import ReferenceError_
from hexcal.steps.spectrum.extract_1d import Extract1dStep


def extract(cube, path, apcorr="N/A", **parameters):
    return Extract1dStep.call(cube, override_extract1d=path, override_apcorr=apcorr, **parameters)


def profile(width=1.2):
    y, x = np.indices(SHAPE[1:])
    return np.exp(-0.5 * ((x - 16) ** 2 + (y - 15) ** 2) / width**2)


@pytest.mark.req("X1D-43")
def test_the_circle_grows_with_wavelength_and_its_area_is_exact(tmp_path):
    table = extract(make_cube(np.full(SHAPE, 3.0)), reference(tmp_path), subtract_background=False).spec[0].spec_table
    radius = np.interp(table["WAVELENGTH"], [2, 3], [4, 5])
    assert np.allclose(table["WAVELENGTH"], 2.0 + 0.1 * np.arange(SHAPE[0]))
    assert np.allclose(table["NPIXELS"], np.pi * radius**2, rtol=1e-6)
    assert np.allclose(table["FLUX"], 3 * np.pi * radius**2 * AREA * 1e6, rtol=1e-6)
    assert np.allclose(table["SURF_BRIGHT"], 3) and np.allclose(
        table["FLUX_ERROR"], 0.5 * np.sqrt(table["NPIXELS"]) * AREA * 1e6
    )


@pytest.mark.req("X1D-44")
@pytest.mark.parametrize("method", ["exact", "center", "subsample"])
def test_overlaps_are_those_of_photutils(tmp_path, method):
    from photutils.aperture import CircularAnnulus, CircularAperture

    rng = np.random.default_rng(3)
    data = rng.normal(2, 0.1, SHAPE).astype(np.float32)
    name = {"subsample": "subpixel"}.get(method, method)
    place = (14.3, 16.8)
    result = extract(make_cube(data), reference(tmp_path, method=method), center_xy=list(place), bkg_sigma_clip=50.0)
    table = result.spec[0].spec_table
    for plane, radius in ((0, 4.0), (5, 4.5)):
        circle = CircularAperture(place, radius).to_mask(method=name, subpixels=10).to_image(SHAPE[1:])
        beside = CircularAnnulus(place, 7, 11).to_mask(method=name, subpixels=10).to_image(SHAPE[1:])
        level = (data[plane] * beside).sum() / beside.sum()
        assert table["NPIXELS"][plane] == pytest.approx(circle.sum(), rel=1e-9)
        assert table["BACKGROUND"][plane] == pytest.approx(level, rel=1e-6)
        net = (data[plane] * circle).sum() - level * circle.sum()
        assert table["FLUX"][plane] == pytest.approx(net * AREA * 1e6, rel=1e-5)


def test_a_star_on_a_background_comes_back_and_clipped_spaxels_may_leave_the_area(tmp_path):
    scene = np.broadcast_to(100 * profile() + 7, SHAPE).copy()
    total = 100 * 2 * np.pi * 1.2**2
    path = reference(tmp_path)
    table = extract(make_cube(scene), path, bkg_sigma_clip=100.0).spec[0].spec_table
    # Of a Gaussian, 1 - exp(-r^2 / 2 s^2) lies within r.
    inside = 1 - np.exp(-0.5 * (np.interp(table["WAVELENGTH"], [2, 3], [4, 5]) / 1.2) ** 2)
    assert np.allclose(table["FLUX"], total * inside * AREA * 1e6, rtol=3e-3)
    scene[:, 15, 25] = 1e5
    kept = extract(make_cube(scene), path).spec[0].spec_table
    left_out = extract(make_cube(scene), path, clipped_area="left_out").spec[0].spec_table
    assert np.allclose(left_out["BACKGROUND"], 7, rtol=1e-3)
    assert (kept["BACKGROUND"] < left_out["BACKGROUND"]).all()


@pytest.mark.req("X1D-08")
def test_all_of_the_cube_is_summed_for_an_extended_source_whatever_the_reference_says(tmp_path):
    data = np.full(SHAPE, 2.0, np.float32)
    data[:, :3] = np.nan
    part = extract(make_cube(data, "EXTENDED"), reference(tmp_path)).spec[0]
    table = part.spec_table
    assert (part.extraction_x, part.extraction_y) == ((SHAPE[2] - 1) / 2, (SHAPE[1] - 1) / 2)
    n = (SHAPE[1] - 3) * SHAPE[2]
    assert (table["NPIXELS"] == n).all() and np.allclose(table["FLUX"], 2 * n * AREA * 1e6)
    assert (table["BACKGROUND"] == 0).all() and np.allclose(table["SURF_BRIGHT"], 2)


@pytest.mark.req("X1D-42")
def test_the_circle_is_at_the_target_the_parameter_or_the_brightest_source(tmp_path):
    scene = np.broadcast_to(100 * profile() + 7, SHAPE).copy()
    path = reference(tmp_path)
    part = extract(make_cube(scene), path).spec[0]
    assert (part.extraction_x, part.extraction_y) == (16, 15)
    cube = make_cube(scene)
    cube.meta.target.ra = None
    part = extract(cube, path).spec[0]
    assert (part.extraction_x, part.extraction_y) == (SHAPE[2] / 2, SHAPE[1] / 2)
    part = extract(make_cube(np.roll(scene, (3, -4), (1, 2))), path, ifu_autocen=True).spec[0]
    assert (part.extraction_x, part.extraction_y) == (pytest.approx(12, abs=0.1), pytest.approx(18, abs=0.1))


@pytest.mark.req("X1D-40")
@pytest.mark.req("X1D-41")
def test_radius_and_kind_of_source_may_be_set_for_mrs_only(tmp_path, caplog):
    data, path = np.full(SHAPE, 2.0), reference(tmp_path)
    mrs = make_cube(data, "EXTENDED", "MIRI", "MIR_MRS")
    table = extract(mrs, path, ifu_set_srctype="POINT", ifu_rscale=1.0).spec[0].spec_table
    assert table["NPIXELS"][0] == pytest.approx(np.pi * 2**2, rel=1e-6)
    table = extract(make_cube(data), path, ifu_set_srctype="EXTENDED", ifu_rscale=1.0).spec[0].spec_table
    assert table["NPIXELS"][0] == pytest.approx(np.pi * 4**2, rel=1e-6)
    assert "MIRI MRS only" in caplog.text


def test_errors_may_be_scaled_for_the_covariance_and_the_radius_chooses_the_correction(tmp_path):
    radii = np.array([[0.2, 0.2], [0.6, 0.6]])
    table = {"wavelength": np.array([2.0, 3.0]), "radius": radii, "apcorr": 1 + radii, "apcorr_err": radii}
    table |= {"filter": "CLEAR", "grating": "PRISM"}
    path, apcorr = reference(tmp_path), str(tmp_path / "apcorr.asdf")
    asdf.AsdfFile({"meta": {"reftype": "apcorr"}, "apcorr_table": [table]}).write_to(apcorr)
    cube = make_cube(np.full(SHAPE, 3.0))
    plain = extract(cube, path, subtract_background=False).spec[0].spec_table
    scaled = extract(cube, path, apcorr, subtract_background=False, ifu_covar_scale=1.5).spec[0].spec_table
    factor = 1 + np.interp(plain["WAVELENGTH"], [2, 3], [0.4, 0.5])
    assert np.allclose(scaled["FLUX"], plain["FLUX"] * factor)
    assert np.allclose(scaled["FLUX_ERROR"], plain["FLUX_ERROR"] * factor * 1.5)


def test_a_plane_without_data_has_no_flux_and_a_wrong_reference_says_what_it_lacks(tmp_path):
    data = np.full(SHAPE, 3.0)
    data[2] = np.nan
    table = extract(make_cube(data), reference(tmp_path)).spec[0].spec_table
    assert np.isnan(table["FLUX"][2]) and table["DQ"][2] == 1 and table["NPIXELS"][2] == 0
    path = tmp_path / "bad.asdf"
    asdf.AsdfFile({"data": {"wavelength": np.ones(3)}}).write_to(path)
    with pytest.raises(ReferenceError_, match="radius"):
        extract(make_cube(data), str(path))
