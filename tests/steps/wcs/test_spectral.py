"""The door to the coordinates of spectra: slits and slices, from stored WCSs."""

import gwcs
import numpy as np
import pytest
from astropy.modeling import models
from scipy import ndimage

from hexcal import datamodels
from hexcal.errors import InputError
from hexcal.models.wcs import models as described
from hexcal.models.wcs.description import Wcs
from hexcal.models.wcs.frames import plane_frame, sky_frame
from hexcal.steps.wcs import spectral, spectral_parts


@pytest.fixture
def flight_slit(real_data):
    return datamodels.open(real_data / "products/mos/jw01345062001_03101_00001_nrs2_phot.138.1345_933.fits")


def test_a_slit_of_flight_as_gwcs_sees_it(flight_slit):
    found = spectral.slit_coordinates(flight_slit)
    y, x = np.mgrid[:25, :341].astype(float)
    expected = flight_slit.meta.wcs(x, y, with_bounding_box=True)
    for values, true in zip(found, expected, strict=True):
        assert values.dtype == np.float64 and np.array_equal(np.isnan(values), np.isnan(true))
        assert np.nanmax(np.abs(values - true)) < 1e-9
    sees = np.isfinite(flight_slit.wavelength)
    assert np.abs(found.wavelength - flight_slit.wavelength)[sees].max() < 1e-2, "wavelengths after wavecorr"


def test_rows_and_the_second_time(flight_slit):
    whole = spectral.slit_coordinates(flight_slit)
    assert spectral.slit_coordinates(flight_slit).ra is whole.ra
    rows = spectral.slit_coordinates(flight_slit, rows=(3, 7))
    assert all(np.array_equal(part, all_[3:7], equal_nan=True) for part, all_ in zip(rows, whole, strict=True))


def test_through_the_slit_and_back(flight_slit):
    sky = spectral.slit_coordinates(flight_slit)
    slit_x, slit_y, wavelength = spectral.slit_plane(flight_slit)
    sees = np.isfinite(sky.ra)
    y, x = np.nonzero(sees)
    # The way back of the reference files is a fit of its own: good to some hundredths of a pixel.
    back = flight_slit.meta.wcs.get_transform("slit_frame", "detector")
    x_back, y_back, *_ = back(slit_x[sees], slit_y[sees], wavelength[sees] * 1e-6)
    assert np.abs(x_back - x).max() < 0.05 and np.abs(y_back - y).max() < 0.05
    back = spectral.sky_to_slit(flight_slit, sky.ra[sees], sky.dec[sees], wavelength[sees])
    assert np.abs(back[0] - slit_x[sees]).max() < 1e-3 and np.abs(back[1] - slit_y[sees]).max() < 1e-3
    assert 0.5 < np.nanmin(wavelength) < np.nanmax(wavelength) < 5.5


def test_a_changed_wcs_is_evaluated_anew(flight_slit):
    before = spectral.slit_coordinates(flight_slit).ra
    steps = [(step.frame, step.transform) for step in flight_slit.meta.wcs.pipeline]
    moved = models.Shift(0.25) & models.Identity(2)
    steps[-2] = (steps[-2][0], steps[-2][1] | moved)
    other = gwcs.WCS(steps)
    other.bounding_box = flight_slit.meta.wcs.bounding_box
    flight_slit.meta.wcs = other
    assert np.nanmax(np.abs(spectral.slit_coordinates(flight_slit).ra - before - 0.25)) < 1e-9


def _slices_of_miri(shape=(6, 8)):
    """Three slices of two channels: alpha is the column, beta the slice, the wavelength the row."""
    labels = np.zeros(shape, int)
    labels[1:5, 0:3], labels[1:6, 4:6], labels[0:2, 6:8] = 101, 102, 203
    to_slice = {
        label: models.Mapping((0, 0, 1)) | models.Identity(1) & models.Const1D(beta) & models.Linear1D(0.1, 5.0)
        for label, beta in ((101, -0.3), (102, 0.4), (203, 0.5))
    }
    selector = gwcs.selector.RegionsSelector(
        ("x", "y"), ("alpha", "beta", "lam"), to_slice, gwcs.selector.LabelMapperArray(labels), np.nan
    )
    to_sky = models.Scale(1e-4) & models.Scale(1e-4) & models.Identity(1)
    return labels, gwcs.WCS([("detector", selector), ("alpha_beta", to_sky), ("world", None)])


def test_windows_of_slices_are_those_of_scipy():
    labels = np.random.default_rng(1).integers(-2, 40, (30, 20))
    labels[np.random.default_rng(2).random(labels.shape) < 0.9] = 0
    windows = enumerate(ndimage.find_objects(labels), start=1)
    expected = {number: window for number, window in windows if window is not None}
    found = spectral_parts._labelled(labels)
    assert list(found) == list(expected) and len(found) > 20
    for number, (row, column, member) in found.items():
        window = expected[number]
        assert (row, column) == (window[0].start, window[1].start)
        np.testing.assert_array_equal(member, labels[window] == number)
    assert spectral_parts._labelled(np.zeros((3, 4), int)) == {}


def test_slices_of_miri():
    labels, wcs = _slices_of_miri()
    model = datamodels.IFUImageModel(labels.shape)
    model.meta.wcs = wcs
    slices = spectral.ifu_slices(model)
    assert [(part.channel, part.number, part.row0, part.col0) for part in slices] == [
        (1, 1, 1, 0),
        (1, 2, 1, 4),
        (2, 3, 0, 6),
    ]
    assert np.array_equal(slices[1].along, np.tile([4.0, 5.0], (5, 1)))
    assert slices[1].wavelength[:, 0] == pytest.approx(5.0 + 0.1 * np.arange(1, 6))
    assert np.array_equal(slices[1].across, np.full((5, 2), 0.4)) and np.array_equal(
        slices[1].dec, np.full((5, 2), 4e-5)
    )
    ra, dec, wavelength, number = spectral.ifu_coordinates(model)
    assert np.array_equal(number, np.where(labels > 0, labels % 100, -1))
    assert all(np.array_equal(np.isfinite(plane), labels > 0) for plane in (ra, dec, wavelength))


@pytest.mark.parametrize("door", [spectral.slit_coordinates, spectral.slit_plane, spectral.ifu_slices])
def test_without_a_wcs(door):
    with pytest.raises(InputError, match="a WCS is required, there is none"):
        door(datamodels.SlitModel((4, 5)))


def test_the_wcs_of_an_image_is_refused():
    model = datamodels.ImageModel((4, 5))
    model.meta.wcs = Wcs(
        [(plane_frame("detector", ("x", "y"), "pix"), described.Identity(2)), (sky_frame("world"), None)]
    )
    with pytest.raises(InputError, match="WCS of a slit is required"):
        spectral.slit_coordinates(model)
    with pytest.raises(InputError, match="integral-field exposure is required"):
        spectral.ifu_slices(model)
