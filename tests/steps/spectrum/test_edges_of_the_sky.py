"""Spectra and cubes where right ascensions pass from 360 to 0 degrees, and beside a pole."""

import cubes
import miri_spectra as miri
import numpy as np
import pytest
from sky_projections import tangent_plane

from hexcal.step import AssignWcsStep, CubeBuildStep
from hexcal.steps.flux import pathloss_curves
from hexcal.steps.image import output_wcs
from hexcal.steps.spectrum import slit_grid, targ_centroid


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return cubes.write_references(tmp_path_factory.mktemp("cubes"))


def build(folder, **pointing):
    exposure = cubes.exposure(folder, lambda *_: 10.0, **pointing)
    exposure.data[np.isfinite(exposure.data)] = 10.0
    return lambda **parameters: CubeBuildStep.call(exposure, references=str(folder), channel="1", **parameters)


def test_cubes_at_ra_zero_have_the_shape_of_those_elsewhere(folder):
    elsewhere, there = build(folder, ra_ref=100.0), build(folder, ra_ref=360 - 1e-5)
    for system in ("skyalign", "ifualign"):
        one, other = elsewhere(coord_system=system), there(coord_system=system)
        assert one.shape == other.shape
        assert np.isfinite(one.data).sum() == pytest.approx(np.isfinite(other.data).sum(), rel=0.02)
        assert one.meta.wcsinfo.pc1_2 == pytest.approx(other.meta.wcsinfo.pc1_2, abs=1e-6)


def test_s_region_of_a_cube_has_right_ascensions_from_0_to_360(folder):
    for ra in (0.0, 359.9999):
        words = build(folder, ra_ref=ra)().meta.wcsinfo.s_region.split()
        assert all(0 <= float(word) < 360 for word in words[2::2])


def test_a_cube_that_holds_the_pole_holds_all_pixels(folder):
    elsewhere, there = build(folder, dec_ref=0.0)(), build(folder, dec_ref=90 - 1e-4)()
    assert np.isfinite(there.data).sum() > 0.9 * np.isfinite(elsewhere.data).sum()
    assert there.data[0].size < 2 * elsewhere.data[0].size


def test_scales_across_ra_zero_are_those_elsewhere():
    class Image:
        class meta:
            wcs = tangent_plane(ra=0.0, dec=-27.79, scale=0.11 / 3600, centre=(10.0, 10.0), shape=(20, 20))

    assert targ_centroid._pixel_scale(Image, 10.0, 10.0) == pytest.approx(0.11, rel=1e-6)


def test_the_place_in_the_lrs_slit_across_ra_zero_is_that_elsewhere(tmp_path):
    folder = miri.write_lrs_references(tmp_path)
    scales = []
    for ra in 100.0, *np.arange(-1e-4, 1e-4, 1e-5):
        model = AssignWcsStep.call(miri.lrs_exposure(ra_ref=ra % 360), references=str(folder))
        model.meta.wcs = _without_alpha_beta(model.meta.wcs)
        scales.append(pathloss_curves._place_in_lrs_slit(model, ra, model.meta.wcsinfo.dec_ref)[1])
    np.testing.assert_allclose(scales, scales[0], rtol=1e-6)


def _without_alpha_beta(wcs):
    import gwcs

    whole = gwcs.WCS([(wcs.input_frame, wcs.forward_transform), (wcs.output_frame, None)])
    whole.bounding_box = wcs.bounding_box
    return whole


def test_dithers_beside_a_pole_are_not_too_far_apart():
    # 4 arcsec at Dec 89.9: 0.6 degrees of RA
    ra, dec, wavelength = np.array([0.0, 0.64]), np.full(2, 89.9), np.ones(2)
    slit_grid._require_one_field((ra, dec, wavelength))


def test_the_orientation_of_an_image_across_ra_zero_is_that_elsewhere():
    shape, found = (20, 20), []
    for ra in (100.0, 0.0):
        # East of the middle pixel, and so across RA 0, is the next one to the left.
        wcs = tangent_plane(ra, 60.0, scale=0.11 / 3600, centre=(10.0, 9.5), shape=shape)
        image = output_wcs._as_on_sky((wcs, shape))
        found.append((image.angle, image.parity))
    assert found[0] == (pytest.approx(0, abs=1e-3), -1) == found[1]
