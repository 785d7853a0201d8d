"""cube_build, least_coverage: voxels of which only a part is seen hold what lies beside them, and may be left empty."""

import cubes
import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from hexcal.models.dqflags import pixel
from hexcal.step import CubeBuildStep
from hexcal.steps.spectrum import ifu_planes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return cubes.write_references(tmp_path_factory.mktemp("cubes"))


@pytest.fixture(scope="module")
def exposure(folder):
    """Brightness that rises steeply across the slices, and does not change with wavelength."""
    model = cubes.exposure(folder)
    for plane in ifu_planes.slice_planes(model):
        model.data[plane.rows, plane.columns] = 10.0 * plane.number
    return model


def build(model, folder, **parameters):
    return CubeBuildStep.call(model, references=str(folder), channel="1", **parameters)


def _without_a_slice(exposure):
    """The exposure, one inner slice of which ends in the middle of the band."""
    planes = list(ifu_planes.slice_planes(exposure, (1,)))
    torn, slices = exposure.copy(), planes[len(planes) // 2]
    red = ifu_planes.pixels_of(slices).wavelength
    wavelength = slices.locate(slices.columns + 0.0, slices.rows + 0.0)[2]
    beyond = wavelength > np.median(red)
    torn.dq[slices.rows[beyond], slices.columns[beyond]] |= pixel.DO_NOT_USE
    return torn


def test_beside_a_slice_that_ends_the_others_do_not_fill_in(exposure, folder):
    torn = _without_a_slice(exposure)
    # A spaxel is a mean over the slices that it lies in: of those that are left, where one is missing.
    whole = build(exposure, folder)
    filled, cut = build(torn, folder), build(torn, folder, least_coverage=0.9)
    wrong, right = (np.nanmax(np.abs(cube.data - whole.data)) for cube in (filled, cut))
    assert wrong > 2 and right < 0.2 * wrong, (wrong, right)
    empty = np.isnan(cut.data)
    assert (empty & np.isfinite(filled.data)).sum() > 50
    assert np.isnan(cut.err[empty]).all() and (cut.weightmap[empty] == 0).all()
    assert (cut.dq[empty] & pixel.DO_NOT_USE > 0).all()


def test_voxels_that_are_seen_as_a_whole_stay_as_they_are(exposure, folder):
    whole, cut = build(exposure, folder), build(exposure, folder, least_coverage=0.9)
    kept = np.isfinite(cut.data)
    assert np.array_equal(cut.data[kept], whole.data[kept]) and np.array_equal(cut.err[kept], whole.err[kept])
    # Only those at the edges of the field and at the ends of the band go.
    filled = np.isfinite(whole.data)
    inner = binary_erosion(filled, np.ones((3, 3, 3)))
    assert inner.sum() > 40 and kept[inner].all() and kept.sum() < filled.sum()


@pytest.mark.parametrize("parameters", [{"weighting": "emsm"}, {"weighting": "msm"}, {"coord_system": "internal_cal"}])
def test_weights_that_are_no_volumes_have_no_coverage(exposure, folder, parameters):
    one, two = (build(exposure, folder, least_coverage=least, **parameters) for least in (0.0, 0.9))
    assert np.array_equal(one.data, two.data, equal_nan=True)


def test_two_exposures_of_one_half_each_cover_a_voxel(exposure, folder):
    """Coverage is that of all exposures together, in each plane of a cube whose planes are of different depth."""
    one, two = exposure.copy(), exposure.copy()
    one.dq[:, ::2] |= pixel.DO_NOT_USE
    two.dq[:, 1::2] |= pixel.DO_NOT_USE
    whole = build(exposure, folder, least_coverage=0.9, output_type="multi", linear_wave=False)
    both = build([one, two], folder, least_coverage=0.9, output_type="multi", linear_wave=False)
    alone = build(one, folder, least_coverage=0.9, output_type="multi", linear_wave=False)
    assert np.isfinite(alone.data).sum() < 0.7 * np.isfinite(whole.data).sum()
    assert np.isfinite(both.data).sum() > 0.99 * np.isfinite(whole.data).sum()


def test_how_voxels_vary_together_is_noted_for_what_is_left(exposure, folder):
    cut = build(_without_a_slice(exposure), folder, least_coverage=0.9, covariance=True)
    kept = np.isfinite(cut.data)
    assert np.isfinite(cut.covar_factor[kept]).all() and (cut.covar_factor[kept] >= 1).all()
