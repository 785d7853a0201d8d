"""straylight of MIRI MRS: light put into an image by the documents' formula is taken out again; pedestal; showers."""

import asdf
import miri_spectra as miri
import numpy as np
import pytest

from hexcal import datamodels
from hexcal.core import bands
from hexcal.errors import InputError, ReferenceError_
from hexcal.kernels import cross_artifact
from hexcal.models.dqflags import pixel
from hexcal.step import StraylightStep
from hexcal.steps.flux import showers, straylight

SHAPE = (1024, 1032)
CHANNEL_1 = (100.0, 4e-4, 10.0, 25.0, 2e-3, 1e-3)
CHANNEL_2 = (60.0, 2e-4, 0.0, 0.0, 0.0, 0.0)
COLUMNS = ("yrow", "lor_fwhm", "lor_scale", "gau_fwhm", "gau_xoff", "gau_scale1", "gau_scale2")


def formula(parameters, distance):
    """The documents' kernel at distances from a pixel."""
    width, scale, gauss_width, dx, a_1, a_2 = parameters
    gamma = width / 2
    total = scale * gamma**2 / (gamma**2 + distance**2)
    if gauss_width:
        s = gauss_width / (2 * np.sqrt(2 * np.log(2)))
        for centre in (dx, -dx):
            total = total + a_1 * np.exp(-((distance - centre) ** 2) / (2 * s**2))
            total = total + a_2 * np.exp(-((distance - 2 * centre) ** 2) / (8 * s**2))
    return total


def write_references(folder, ny=SHAPE[0], **tables):
    model = datamodels.MirMrsXArtCorrModel()
    for name, parameters in tables.items():
        rows = [(y, *parameters) for y in reversed(range(ny))]
        setattr(
            model, f"{name}_table", np.array(rows, [(column, "i2" if column == "yrow" else "f4") for column in COLUMNS])
        )
    model.update({"meta": {"telescope": "JWST", "reftype": "MRSXARTCORR", "instrument": {"name": "MIRI"}}})
    model.save(folder / "mrsxartcorr.fits")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_references(tmp_path_factory.mktemp("xart"), ch1a=CHANNEL_1, ch2a=CHANNEL_2)


def spread(image):
    """The light that all pixels of an image spread along their rows, by matrices."""
    distance = np.arange(SHAPE[1])[:, None] - np.arange(SHAPE[1])[None]
    left, right = image.copy(), image.copy()
    left[:, 516:], right[:, :516] = 0, 0
    return left @ formula(CHANNEL_1, distance).T + right @ formula(CHANNEL_2, distance).T


def scene():
    image = np.zeros(SHAPE)
    image[:, 200], image[:, 203], image[:, 800] = 3000.0, 500.0, 1000.0
    image[400:420] *= 3
    return image


@pytest.mark.req("STRAY-01", "STRAY-04", "STRAY-05", "STRAY-06", "STRAY-08", "STRAY-09", "STRAY-10")
def test_what_is_subtracted_is_the_documents_kernel(folder):
    image = scene()
    light = spread(image)
    result = StraylightStep.call(miri.mrs_exposure((image).astype("f4")), references=str(folder))
    expected = image - light
    expected -= np.median(expected[50:-50, 503:516])
    lit = np.s_[:, 4:-4]
    assert np.abs(result.data - expected)[lit].max() < 2e-3  # float32 steps of 9000 DN/s
    assert np.array_equal(result.data[:, :4], image[:, :4])
    assert result.meta.cal_step.straylight == "COMPLETE"
    assert np.array_equal(result.err, np.ones(SHAPE)) and not result.dq.any()


@pytest.mark.req("STRAY-03")
def test_the_dark_between_the_channels_is_zero_afterwards(folder):
    rng = np.random.default_rng(2)
    image = rng.normal(0.3, 0.1, SHAPE).astype("f4")
    image[100:140, 508] = 50.0
    image[200, 505:510] = np.nan
    result = StraylightStep.call(miri.mrs_exposure(image), references=str(folder))
    assert abs(np.nanmedian(result.data[50:-50, 503:516])) < 0.002


def test_bad_pixels_spread_no_light(folder):
    image = np.zeros(SHAPE, "f4")
    image[100, 300], image[110, 300], image[120, 300], image[130, 300] = 1e5, np.nan, 1e5, -1e5
    exposure = miri.mrs_exposure(image)
    exposure.dq[100, 300] = pixel.DO_NOT_USE
    result = StraylightStep.call(exposure, references=str(folder))
    assert not result.data[[100, 110, 130], 310:].any()
    assert result.data[120, 310] == pytest.approx(-1e5 * formula(CHANNEL_1, np.array(10)), rel=1e-5)


def test_a_half_without_a_table_and_other_detectors(folder, tmp_path, caplog):
    image = scene().astype("f4")
    only_2 = write_references(tmp_path, ch2a=CHANNEL_2)
    result = StraylightStep.call(miri.mrs_exposure(image), references=str(only_2))
    assert "no table for channel 1, band SHORT" in caplog.text
    far, near = (formula(CHANNEL_2, np.array(distance)) for distance in (500, 100))
    assert result.data[5, 300] - result.data[5, 700] == pytest.approx(1000 * (near - far), rel=1e-4)
    exposure = miri.mrs_exposure(image)
    exposure.meta.instrument.detector = "MIRIMAGE"
    with pytest.raises(InputError, match="MIRIFUSHORT or MIRIFULONG"):
        StraylightStep.call(exposure, references=str(folder))


def test_crossed_bands_take_the_table_of_their_channel(tmp_path):
    folder = write_references(tmp_path, ch1a=CHANNEL_1, ch2c=CHANNEL_2)
    exposure = miri.mrs_exposure(np.zeros(SHAPE, "f4"))
    exposure.meta.instrument.band = "SHORT-LONG"
    reference = datamodels.open(folder / "mrsxartcorr.fits")
    parameters = straylight.artifact_parameters(exposure, reference, _log())
    assert parameters[0, 7] == pytest.approx(CHANNEL_1) and parameters[1, 7] == pytest.approx(CHANNEL_2)


def _log():
    import logging

    return logging.getLogger("test")


def test_a_table_of_another_length_is_an_error(tmp_path):
    folder = write_references(tmp_path, ny=100, ch1a=CHANNEL_1, ch2a=CHANNEL_2)
    with pytest.raises(ReferenceError_, match="each of the 1024 rows, it has 100"):
        StraylightStep.call(miri.mrs_exposure(np.zeros(SHAPE, "f4")), references=str(folder))


def test_other_modes_are_left_alone(folder):
    exposure = miri.mrs_exposure(np.zeros((20, 30), "f4"))
    exposure.meta.exposure.type = "NRS_IFU"
    assert StraylightStep.call(exposure, references=str(folder)).meta.cal_step.straylight == "SKIPPED"


def test_the_kernel_against_its_twin_for_any_number_of_bands():
    rng = np.random.default_rng(4)
    image = rng.normal(10, 3, (9, 50)).astype("f4")
    lit = rng.random(image.shape) > 0.1
    parameters = np.array([[CHANNEL_1] * 9, [CHANNEL_2] * 9])
    edges = np.array([0, 30, 50])
    results = []
    for threads in (1, 4):
        out = np.empty(image.shape)
        bands.run_bands(cross_artifact.spread_along_rows, 9, image, lit, edges, parameters, out, threads=threads)
        results.append(out)
    assert np.array_equal(*results)
    distance = np.arange(50)[:, None] - np.arange(50)[None]
    source = np.where(lit, image, 0).astype(float)
    left = np.where(np.arange(50) < 30, source, 0)
    expected = left @ formula(CHANNEL_1, distance).T + (source - left) @ formula(CHANNEL_2, distance).T
    assert results[0] == pytest.approx(expected, rel=1e-12)


def blob(shape, y, x, amplitude=2.0):
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return amplitude * np.exp(-((xx - x) ** 2) / (2 * 60.0**2) - (yy - y) ** 2 / (2 * 40.0**2))


def test_a_shower_is_interpolated_from_the_gaps_and_removed():
    """Known truth: a broad shower; the slices hold much more light, which must not enter the model."""
    shape = (200, 300)
    rng = np.random.default_rng(8)
    between = (np.arange(shape[1]) // 10 % 3 == 0) * np.ones(shape, bool)
    truth = blob(shape, 100, 150)
    image = (truth + rng.normal(0, 0.05, shape) + np.where(between, 0, 100)).astype("f4")
    dq = np.zeros(shape, "u4")
    image[50, 0], image[60, 33], dq[70, 65] = np.nan, 1e4, pixel.DO_NOT_USE
    image[70, 65] = 1e4
    model = showers.shower_model(image, dq, between, (18.0, 5.0), showers.Limits(0.1, 99.9))
    inside = np.s_[30:-30, 60:-60]
    assert model.dtype == np.float32
    assert np.abs(model - truth)[inside].max() < 0.15 and np.abs(model - truth)[inside].mean() < 0.05
    assert showers.shower_model(image, dq | pixel.DO_NOT_USE, between, (18.0, 5.0), showers.Limits(0.1, 99.9)) is None


def test_showers_in_the_step(folder, tmp_path):
    labels = np.where(np.arange(SHAPE[1]) // 10 % 3 == 0, 0, 101) * np.ones((9, *SHAPE), "i4")
    asdf.AsdfFile({"regions": labels}).write_to(tmp_path / "regions.asdf")
    (tmp_path / "mrsxartcorr.fits").write_bytes((folder / "mrsxartcorr.fits").read_bytes())
    shower = blob(SHAPE, 300, 250)
    path = miri.mrs_exposure(shower.astype("f4")).save(tmp_path / "a_rate.fits")
    result = StraylightStep.call(
        path, references=str(tmp_path), clean_showers=True, save_shower_model=True, output_dir=str(tmp_path)
    )
    assert np.abs(result.data[250:350, 150:350]).max() < 0.3 < shower.max()
    model = datamodels.open(tmp_path / "a_shower_model.fits")
    assert np.abs(model.data - shower)[250:350, 150:350].max() < 0.5  # its peak is beyond the percentile
    with pytest.raises(ReferenceError_, match="map 12"):
        StraylightStep.call(path, references=str(tmp_path), clean_showers=True, shower_plane=12)
