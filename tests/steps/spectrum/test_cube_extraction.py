"""Extraction from cubes: circles, annuli, whole cubes."""

import asdf
import numpy as np
import pytest
from extracted_cubes import AREA, SHAPE, make_cube, reference

from hexcal import datamodels
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


@pytest.mark.req("X1D-42", "X1D-38")
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


@pytest.mark.req("X1D-36", "X1D-60")
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
    none = extract(cube, path, apcorr, subtract_background=False, apply_apcorr=False).spec[0].spec_table
    assert np.array_equal(none["FLUX"], plain["FLUX"])
    # Without effect, as in other instruments than MIRI; so the radius of the correction stays, too.
    narrow = extract(cube, path, apcorr, subtract_background=False, ifu_rscale=1.0).spec[0].spec_table
    assert np.array_equal(narrow["FLUX"], scaled["FLUX"])


def test_a_plane_without_data_has_no_flux_and_a_wrong_reference_says_what_it_lacks(tmp_path):
    data = np.full(SHAPE, 3.0)
    data[2] = np.nan
    table = extract(make_cube(data), reference(tmp_path)).spec[0].spec_table
    assert np.isnan(table["FLUX"][2]) and table["DQ"][2] == 1 and table["NPIXELS"][2] == 0
    path = tmp_path / "bad.asdf"
    asdf.AsdfFile({"data": {"wavelength": np.ones(3)}}).write_to(path)
    with pytest.raises(ReferenceError_, match="radius"):
        extract(make_cube(data), str(path))


@pytest.mark.req("X1D-35")
def test_the_centre_may_be_given_and_does_not_matter_for_extended_sources(tmp_path):
    scene = np.broadcast_to(100 * profile() + 7, SHAPE).copy()
    path = reference(tmp_path)
    part = extract(make_cube(scene), path, center_xy=[10, 12], ifu_autocen=True).spec[0]
    assert (part.extraction_x, part.extraction_y) == (10, 12)
    assert part.spec_table["FLUX"][0] < extract(make_cube(scene), path).spec[0].spec_table["FLUX"][0]
    one, two = (
        extract(make_cube(scene, "EXTENDED"), path, center_xy=place).spec[0].spec_table for place in (None, [3, 4])
    )
    assert np.array_equal(one["FLUX"], two["FLUX"])


@pytest.mark.req("X1D-31")
def test_the_annulus_is_clipped_by_as_many_standard_deviations_as_asked_for(tmp_path):
    scene = np.random.default_rng(1).normal(7, 0.1, SHAPE)
    scene[:, 15, 25] = 9.0
    path = reference(tmp_path)
    levels = [
        extract(make_cube(scene), path, bkg_sigma_clip=clip, clipped_area="left_out").spec[0].spec_table["BACKGROUND"]
        for clip in (3.0, 1000.0)
    ]
    assert np.abs(levels[0] - 7).max() < 0.05 and (levels[1] - levels[0] > 0.005).all()


@pytest.mark.req("X1D-45")
def test_errors_are_those_of_the_spaxels_alone_and_parts_are_not_told_apart(tmp_path):
    cube = make_cube(np.full(SHAPE, 3.0))
    table = extract(cube, reference(tmp_path), subtract_background=False).spec[0].spec_table
    assert np.allclose(table["FLUX_ERROR"], np.sqrt(table["NPIXELS"] * 0.25) * AREA * 1e6)
    assert not any(table[f"{kind}_VAR_{part}"].any() for kind in ("FLUX", "SB", "BKGD") for part in PARTS)


PARTS = ("POISSON", "RNOISE", "FLAT")


@pytest.mark.req("X1D-54")
def test_the_reference_says_how_overlaps_are_found_and_whether_the_annulus_is_subtracted(tmp_path):
    cube = make_cube(np.full(SHAPE, 3.0))
    table = extract(cube, reference(tmp_path)).spec[0].spec_table
    assert np.allclose(table["FLUX"], 0, atol=1e-9) and np.allclose(table["BACKGROUND"], 3)
    table = extract(cube, reference(tmp_path, subtract_background=False, method="center")).spec[0].spec_table
    assert (table["FLUX"] > 0).all() and (table["BACKGROUND"] == 0).all()
    assert (table["NPIXELS"] == np.round(table["NPIXELS"])).all()
    parts = extract(cube, reference(tmp_path, method="subsample", subpixels=2)).spec[0].spec_table["NPIXELS"]
    centres = extract(cube, reference(tmp_path, method="center")).spec[0].spec_table["NPIXELS"]
    assert np.allclose(parts * 4, np.round(parts * 4)) and not np.allclose(parts, centres)


def images(image, name="ANY"):
    model = datamodels.MultiExtract1dImageModel()
    part = model.new_part()
    part.data = image.astype(np.float32)
    part.set_meta("name", name)
    model.images = [part]
    return model


@pytest.mark.req("X1D-62", "X1D-63")
@pytest.mark.parametrize("is_flat", [True, False])
def test_a_reference_image_may_stand_for_circle_and_annulus(is_flat):
    image = np.zeros(SHAPE)
    image[:, 14:17, 15:18], image[:, 5, :20] = 1, -1
    scene = np.full(SHAPE, 7.0)
    scene[:, 15, 16] += 90
    # Rows and columns that the image lacks do not count.
    image = image[:, :, :30]
    result = extract(make_cube(scene), images(image[0] if is_flat else image))
    table = result.spec[0].spec_table
    assert np.allclose(table["SURF_BRIGHT"], 10) and np.allclose(table["BACKGROUND"], 7)
    assert (table["NPIXELS"] == 9).all() and np.allclose(table["FLUX"], 90 * AREA * 1e6)
    assert np.allclose(table["SB_ERROR"], np.sqrt(9 * 0.25 + 20 * 0.25 * (9 / 20) ** 2) / 9)
    assert (result.spec[0].extraction_x, result.spec[0].extraction_y) == (16, 15)


def test_a_reference_image_that_does_not_fit_says_so():
    with pytest.raises(ReferenceError_, match="those of the cube"):
        extract(make_cube(np.ones(SHAPE)), images(np.ones((3, *SHAPE[1:]))))
    with pytest.raises(ReferenceError_, match="no image for NRS_IFU"):
        extract(make_cube(np.ones(SHAPE)), images(np.ones(SHAPE), "S200A1"))
