"""Exposures for the comparison, written with numpy, astropy and asdf alone.

Their reference files are in inputs_references.py.

Neither side's models are used, so that reading is compared as well. Everything is seeded.
"""

import io
from dataclasses import dataclass

import asdf
import numpy as np
from astropy.io import fits

GAIN = 2.0  # electrons per DN
READ_NOISE = 4.0  # DN per read
BORDER = 4  # reference pixels at each edge of a near-infrared detector, and at the left and right of a MIRI one
FULL_SIZE = {"NIRCAM": (2048, 2048), "MIRI": (1024, 1032)}


@dataclass(frozen=True)
class Exposure:
    """One exposure and its references, declared.

    shape is (nints, ngroups, ny, nx); corner is (SUBSTRT1, SUBSTRT2). `divisor` is FRMDIVSR; it defaults to `nframes`.
    `dark` is (NFRAMES, GROUPGAP) of the dark reference; the default is single frames. `full_references` makes the
    references full frame, but for the dark, which no step cuts. `gain_factor` is GAINFACT in the gain reference. `hits`
    is the number of cosmic rays per pixel and group. `real` is a file below the folder of real data that is used
    instead of a simulation.
    """

    name: str
    instrument: str
    shape: tuple
    corner: tuple = (1, 1)
    subarray: str = "FULL"
    readpatt: str = "RAPID"
    nframes: int = 1
    groupgap: int = 0
    divisor: int | None = None
    dark: tuple = (1, 0)
    frame_time: float = 10.73677
    full_references: bool = False
    exp_type: str = "NRC_IMAGE"
    tso: bool = False
    outputs: int = 4
    gain_factor: float | None = None
    rscd_skip: int = 1
    hits: float = 1e-3
    first_integration: int = 1
    real: str | None = None

    @property
    def is_miri(self):
        return self.instrument == "MIRI"

    @property
    def group_time(self):
        return self.frame_time * (self.nframes + self.groupgap)

    @property
    def uncal(self):
        return f"jw00001001001_02101_00001_{'mirimage' if self.is_miri else 'nrca1'}_uncal.fits"


def complete(source, path, exposure):
    """Copy an early file, with the keywords that today's files have and it lacks."""
    with fits.open(source) as hdus:
        header = hdus[0].header
        for keyword, value in _exposure_keywords(exposure).items():
            if keyword not in header:
                header[keyword] = value
        hdus.append(_asdf_hdu(exposure))
        hdus.writeto(path, overwrite=True)


def _asdf_hdu(exposure):
    """The extension without which the peer refuses an exposure; what it says is in the headers as well."""
    tree = {
        "meta": {
            "model_type": "Level1bModel",
            "telescope": "JWST",
            "instrument": {"name": exposure.instrument},
            "filename": exposure.uncal,
        }
    }
    stream = io.BytesIO()
    asdf.AsdfFile(tree).write_to(stream)
    content = np.frombuffer(stream.getvalue(), np.uint8)
    return fits.BinTableHDU.from_columns(
        [fits.Column("ASDF_METADATA", f"{content.size}B", array=content[None])], name="ASDF"
    )


# ---- the scene


@dataclass
class Pixels:
    """Truth per pixel of the subarray: bias in DN, rate in DN per frame, and whether it sees light."""

    bias: np.ndarray
    rate: np.ndarray
    science: np.ndarray


def science_pixels(exposure):
    """Which pixels of the subarray are no reference pixels, by their place on the detector."""
    ny, nx = exposure.shape[-2:]
    full_y, full_x = FULL_SIZE[exposure.instrument]
    x, y = np.arange(nx) + exposure.corner[0] - 1, np.arange(ny) + exposure.corner[1] - 1
    columns = (x >= BORDER) & (x < full_x - BORDER)
    rows = np.ones(ny, bool) if exposure.is_miri else (y >= BORDER) & (y < full_y - BORDER)
    return rows[:, None] & columns[None, :]


def truth(exposure, rng):
    ny, nx = exposure.shape[-2:]
    bias = rng.normal(10000, 60, (ny, nx)).astype("f4")
    bias.flat[some_of(rng, bias.size, 5e-4)] = 4  # their reads reach the floor of the converter
    rate = np.full((ny, nx), 4.0, "f4") + np.abs(rng.normal(0, 0.05, (ny, nx))).astype("f4")
    n_stars = max(20, ny * nx // 8000)
    yy, xx = np.mgrid[-12:13, -12:13]
    for x, y, flux in zip(
        rng.uniform(0, nx, n_stars), rng.uniform(0, ny, n_stars), 10 ** rng.uniform(1.5, 5.3, n_stars), strict=True
    ):
        ix, iy = int(x), int(y)
        rows, columns = slice(max(iy - 12, 0), iy + 13), slice(max(ix - 12, 0), ix + 13)
        star = flux * np.exp(-((xx + ix - x) ** 2 + (yy + iy - y) ** 2) / 2.4) / 7.6
        window = rate[rows, columns]
        window += star[max(12 - iy, 0) :, max(12 - ix, 0) :][: window.shape[0], : window.shape[1]]
    rate.flat[some_of(rng, rate.size, 3e-4)] = 3000  # hot
    science = science_pixels(exposure)
    return Pixels(bias, np.where(science, rate, 0).astype("f4"), science)


def some_of(rng, size, fraction):
    return rng.integers(0, size, max(3, int(size * fraction)))


def _drift(exposure, rng):
    """What reference pixels are there to remove.

    A level per amplifier and parity of the column (MIRI: of the row), and a slow drift along rows.
    """
    ny, nx = exposure.shape[-2:]
    x, y = np.arange(nx) + exposure.corner[0] - 1, np.arange(ny)
    amplifier = x % 4 if exposure.is_miri else x // 512 if exposure.outputs == 4 else np.zeros(nx, int)
    parity = y % 2 if exposure.is_miri else x % 2
    level = rng.normal(0, 4, (4, 2))
    image = level[amplifier[None, :], parity[:, None]] if exposure.is_miri else level[amplifier, parity][None, :]
    return (image + np.cumsum(rng.normal(0, 0.05, ny))[:, None]).astype("f4")


def write_uncal(exposure, path, pixels, rng):
    nints, ngroups, ny, nx = exposure.shape
    data = np.empty(exposure.shape, np.uint16)
    divisor = exposure.divisor or exposure.nframes
    for i in range(nints):
        signal = np.zeros((ny, nx), "f4")
        for g in range(ngroups):
            total = np.zeros((ny, nx), "f4")
            for _ in range(exposure.nframes):
                total += _frame(exposure, pixels, signal, rng)
            data[i, g] = np.clip(np.floor(total / divisor), 0, 65535)
            if exposure.groupgap:
                signal += rng.poisson(pixels.rate * (GAIN * exposure.groupgap)) / np.float32(GAIN)
    header = fits.Header(_exposure_keywords(exposure))
    hdus = [fits.PrimaryHDU(header=header), fits.ImageHDU(data, name="SCI")]
    if exposure.is_miri:
        hdus.append(fits.ImageHDU(rng.normal(10000, 5, (nints, ngroups, ny, nx // 4)).astype(np.uint16), name="REFOUT"))
    hdus += [fits.BinTableHDU(_int_times(exposure), name="INT_TIMES"), _asdf_hdu(exposure)]
    fits.HDUList(hdus).writeto(path, overwrite=True)


def _frame(exposure, pixels, signal, rng):
    """Add one frame time to `signal` and return what is read."""
    ny, nx = signal.shape
    signal += rng.poisson(pixels.rate * GAIN) / np.float32(GAIN)
    hits = rng.integers(0, signal.size, int(signal.size * exposure.hits / exposure.nframes))
    signal.flat[hits] += (10 ** rng.uniform(1, 4.7, hits.size)).astype("f4") * pixels.science.flat[hits]
    frame = pixels.bias + signal + _drift(exposure, rng) + READ_NOISE * rng.standard_normal((ny, nx), "f4")
    return np.clip(np.round(frame), 0, 65535)


def _exposure_keywords(exposure):
    nints, ngroups, ny, nx = exposure.shape
    first = exposure.first_integration
    return {
        "FILENAME": exposure.uncal,
        "DATAMODL": "Level1bModel",
        "TELESCOP": "JWST",
        **mode_keywords(exposure),
        "DATE-OBS": "2023-02-25",
        "TIME-OBS": "00:00:00.000",
        "TSOVISIT": exposure.tso,
        "EXP_TYPE": exposure.exp_type,
        "EXPSTART": 60000.0,
        "EXPMID": 60000.01,
        "EXPEND": 60000.02,
        "READPATT": exposure.readpatt,
        "NINTS": first + nints - 1,
        "INTSTART": first,
        "INTEND": first + nints - 1,
        "NGROUPS": ngroups,
        "NFRAMES": exposure.nframes,
        "FRMDIVSR": exposure.divisor or exposure.nframes,
        "GROUPGAP": exposure.groupgap,
        "DRPFRMS1": 0,
        "NSAMPLES": 1,
        "NOUTPUTS": exposure.outputs,
        "TFRAME": exposure.frame_time,
        "TGROUP": exposure.group_time,
        "EFFINTTM": exposure.group_time * ngroups,
        "EFFEXPTM": exposure.group_time * ngroups * nints,
        **subarray_keywords(exposure.subarray, *exposure.corner, nx, ny),
    }


def mode_keywords(exposure):
    if exposure.is_miri:
        return {"INSTRUME": "MIRI", "DETECTOR": "MIRIMAGE", "FILTER": "F770W", "FASTAXIS": 1, "SLOWAXIS": 2}
    return {
        "INSTRUME": "NIRCAM",
        "DETECTOR": "NRCA1",
        "CHANNEL": "SHORT",
        "MODULE": "A",
        "FILTER": "F200W",
        "PUPIL": "CLEAR",
        "FASTAXIS": -1,
        "SLOWAXIS": 2,
    }


def subarray_keywords(name, x, y, nx, ny):
    return {"SUBARRAY": name, "SUBSTRT1": x, "SUBSTRT2": y, "SUBSIZE1": nx, "SUBSIZE2": ny}


def _int_times(exposure):
    nints = exposure.shape[0]
    names = (
        "int_start_MJD_UTC",
        "int_mid_MJD_UTC",
        "int_end_MJD_UTC",
        "int_start_BJD_TDB",
        "int_mid_BJD_TDB",
        "int_end_BJD_TDB",
    )
    table = np.zeros(nints, [("integration_number", "i4"), *((name, "f8") for name in names)])
    table["integration_number"] = np.arange(nints) + exposure.first_integration
    for position, name in enumerate(names):
        table[name] = 60000 + 1e-4 * np.arange(nints) + 1e-5 * position
    return table
