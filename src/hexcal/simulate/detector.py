"""A detector: what each of its pixels does to the light."""

from dataclasses import dataclass, fields, replace

import numpy as np

from hexcal.models.dqflags import pixel
from hexcal.observatories.jwst.detectors import detector as detector_facts
from hexcal.simulate.mode import reference_pixels


@dataclass(frozen=True)
class Typical:
    """Typical values of the detectors of an instrument.

    `gain` in electrons per DN, `read_noise` of one frame in electrons, `dark` in electrons per s, `bias` and
    `bias_scatter` in DN, `well` in DN above the bias; `curvature`: relative loss of counts at the full well;
    `reset_noise` in DN, the same in all frames of an integration.
    """

    gain: float
    read_noise: float
    dark: float
    bias: float
    bias_scatter: float
    well: float
    curvature: float
    reset_noise: float


_TYPICAL = {
    "NIRCAM": Typical(2.05, 11.2, 0.002, 11000, 120, 46000, 0.04, 15),
    "NIRCAM LONG": Typical(1.82, 9.4, 0.03, 10500, 120, 46000, 0.04, 15),
    "NIRISS": Typical(1.62, 10.0, 0.002, 11500, 120, 46000, 0.04, 15),
    "FGS": Typical(1.75, 13.0, 0.01, 11500, 120, 46000, 0.04, 15),
    "NIRSPEC": Typical(1.0, 8.0, 0.01, 9000, 120, 46000, 0.04, 15),
    "MIRI": Typical(5.5, 20.0, 0.2, 10000, 200, 46000, 0.09, 5),
}


def typical(instrument, detector=None):
    """Return the typical values for INSTRUME and DETECTOR.

    The electronics of the long-wave NIRCam detectors are their own.
    """
    if instrument == "NIRCAM" and str(detector).endswith("LONG"):
        return _TYPICAL["NIRCAM LONG"]
    return _TYPICAL[instrument]


@dataclass(frozen=True)
class DetectorPixels:
    """The properties of all pixels of a detector or of a part of it, arrays (ny, nx).

    Attributes
    ----------
    name, instrument : str
        DETECTOR and INSTRUME.
    xstart, ystart : int
        SUBSTRT1 and SUBSTRT2 of the part, counted from 1.
    bias : float32, DN
        Signal without light.
    dark : float32, DN/s
        Dark current.
    gain : float32, electrons/DN
    read_noise : float32, DN
        Standard deviation of one frame.
    response : float32
        Share of the light that is counted: 1, less in bad pixels, 0 in reference pixels.
    coefficients : float32 (4, ny, nx)
        Correction polynomial, plane = order; the detector follows its inverse. Of counts above the bias in the near
        infrared; of all counts for MIRI, whose bias is never subtracted.
    well : float32, DN
        Counts above the bias at which the pixel is full.
    dq : uint32
        Bad and reference pixels, master flags.
    reset_noise : float
        DN.
    reset_anomaly : float32 or None, DN
        MIRI: signal in the first group that decays within the first groups.
    """

    name: str
    instrument: str
    xstart: int
    ystart: int
    bias: np.ndarray
    dark: np.ndarray
    gain: np.ndarray
    read_noise: np.ndarray
    response: np.ndarray
    coefficients: np.ndarray
    well: np.ndarray
    dq: np.ndarray
    reset_noise: float
    reset_anomaly: np.ndarray | None = None

    @property
    def shape(self):
        """(ny, nx)."""
        return self.bias.shape

    @property
    def is_miri(self):
        """Whether the detector is one of MIRI's."""
        return self.instrument == "MIRI"

    @property
    def is_reference(self):
        """Reference pixels: bool (ny, nx)."""
        return (self.dq & pixel.REFERENCE_PIXEL) != 0

    @property
    def saturation(self):
        """Threshold of the saturation reference, DN, bias included.

        A little below the full well, where the correction is still right.
        """
        return np.minimum(self.bias + 0.97 * self.well, 64500).astype(np.float32)

    def part(self, mode):
        """Return the pixels that a mode reads (views)."""
        rows = slice(mode.ystart - self.ystart, mode.ystart - self.ystart + mode.ysize)
        columns = slice(mode.xstart - self.xstart, mode.xstart - self.xstart + mode.xsize)
        cut = {
            f.name: getattr(self, f.name)[..., rows, columns]
            for f in fields(self)
            if isinstance(getattr(self, f.name), np.ndarray)
        }
        return replace(self, xstart=mode.xstart, ystart=mode.ystart, **cut)


def make_detector(name, instrument, rng, xstart=1, ystart=1, shape=None, bad_pixels=0.004, open_pixels=0.0):
    """Draw the pixels of a detector, or of a part of one.

    Parameters
    ----------
    name, instrument : str
        DETECTOR and INSTRUME.
    rng : numpy.random.Generator
    xstart, ystart : int
        First pixel, counted from 1.
    shape : tuple, optional
        (ny, nx); default the whole detector.
    bad_pixels : float
        Share of pixels that are dead, hot or of low response.
    open_pixels : float
        Share of open pixels, whose charge goes to their neighbours.

    Returns
    -------
    DetectorPixels
    """
    facts, values = detector_facts(name), typical(instrument, name)
    shape = shape or (facts.rows, facts.columns)
    is_reference = reference_pixels(name, xstart, ystart, shape[1], shape[0])

    def scattered(mean, relative):
        return (mean * (1 + relative * rng.standard_normal(shape, np.float32))).astype(np.float32)

    bias = scattered(values.bias, values.bias_scatter / values.bias)
    gain = scattered(values.gain, 0.01)
    read_noise = np.abs(scattered(values.read_noise / values.gain, 0.05))
    dark = (values.dark / values.gain * np.exp(0.5 * rng.standard_normal(shape, np.float32))).astype(np.float32)
    well = scattered(values.well, 0.03)
    coefficients = _coefficients(
        values, scattered(values.curvature, 0.05), origin=values.bias if instrument == "MIRI" else 0.0
    )
    dq, response = _bad_pixels(shape, is_reference, dark, bad_pixels, rng)
    if open_pixels:
        _open_pixels(dq, response, open_pixels, rng)
    dark[is_reference] = response[is_reference] = 0
    coefficients[:, is_reference] = np.array([0, 1, 0, 0], np.float32)[:, None]
    anomaly = None
    if instrument == "MIRI":
        anomaly = scattered(-20.0, 0.2)
        anomaly[is_reference] = 0
    return DetectorPixels(
        name, instrument, xstart, ystart, bias, dark, gain, read_noise, response, coefficients,
        well, dq, values.reset_noise, anomaly,
    )  # fmt: skip


def _coefficients(values, curvature, origin):
    """Correction ``F + a u**2 + b u**3`` with u = F - origin, as a polynomial in F.

    The response is straight at the origin, where the bias is.
    """
    a = 0.8 * curvature / values.well
    b = 0.2 * curvature / values.well**2
    result = np.empty((4, *curvature.shape), np.float32)
    result[0] = a * origin**2 - b * origin**3
    result[1] = 1 - 2 * a * origin + 3 * b * origin**2
    result[2] = a - 3 * b * origin
    result[3] = b
    return result


def _bad_pixels(shape, is_reference, dark, share, rng):
    """Draw dead, hot, and low-response pixels; changes `dark` in place."""
    dq, response = np.zeros(shape, np.uint32), np.ones(shape, np.float32)
    fate = rng.random(shape, np.float32)
    dead, hot, low = (
        fate < share / 2,
        (fate >= share / 2) & (fate < share * 3 / 4),
        (fate >= share * 3 / 4) & (fate < share),
    )
    dq[dead] = pixel.DEAD | pixel.DO_NOT_USE
    response[dead] = 0
    dq[hot] = pixel.HOT | pixel.DO_NOT_USE
    dark[hot] = rng.uniform(5, 200, int(hot.sum()))
    dq[low] = pixel.LOW_QE
    response[low] = rng.uniform(0.3, 0.8, int(low.sum()))
    dq[is_reference] = pixel.REFERENCE_PIXEL
    dq[is_reference & dead] |= pixel.BAD_REF_PIXEL | pixel.DO_NOT_USE
    return dq, response


def _open_pixels(dq, response, share, rng):
    """Draw open pixels apart from all other bad ones, in place: their four neighbours get what they lose."""
    for y, x in np.argwhere(rng.random(dq.shape, np.float32) < share):
        around = np.s_[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
        if dq[around].any() or dq[around].size < 25:
            continue
        dq[y - 1 : y + 2, x - 1 : x + 2] = pixel.ADJ_OPEN
        dq[y, x] = pixel.OPEN | pixel.DO_NOT_USE
        response[y, x] = rng.uniform(0.1, 0.4)
        for row, column in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            response[row, column] += (1 - response[y, x]) / 4
