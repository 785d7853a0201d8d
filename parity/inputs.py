"""Exposures and reference files for the comparison, written with numpy, astropy and asdf alone.

Neither side's models are used, so that reading is compared as well. Everything is seeded. All that can go wrong with a pixel is in them: see `references`.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import asdf
import numpy as np
from astropy.io import fits

GAIN = 2.0  # electrons per DN
READ_NOISE = 4.0  # DN per read
BORDER = 4  # reference pixels at each edge of a near-infrared detector, and at the left and right of a MIRI one
FULL_SIZE = {"NIRCAM": (2048, 2048), "MIRI": (1024, 1032)}
MASTER_BITS = {"DO_NOT_USE": 0, "NON_SCIENCE": 9, "DEAD": 10, "HOT": 11, "NO_LIN_CORR": 20, "NO_SAT_CHECK": 21, "UNRELIABLE_BIAS": 22, "UNRELIABLE_DARK": 23}
MASTER_BITS |= {"REFERENCE_PIXEL": 31, "WARM": 12}


@dataclass(frozen=True)
class Exposure:
    """One exposure and its references, declared.

    shape is (nints, ngroups, ny, nx); corner is (SUBSTRT1, SUBSTRT2). `divisor` is FRMDIVSR; it defaults to `nframes`. `dark` is (NFRAMES, GROUPGAP)
    of the dark reference; the default is single frames. `full_references` makes the references full frame, but for the dark, which no step cuts.
    `gain_factor` is GAINFACT in the gain reference. `hits` is the number of cosmic rays per pixel and group. `real` is a file below the folder of
    real data that is used instead of a simulation.
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


def make(exposure, folder, real_data=None):
    """Write the exposure and, below ``refs/``, its references. Returns the path of the exposure."""
    folder = Path(folder)
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(sum(map(ord, exposure.name)))
    path = folder / exposure.uncal
    if exposure.real:
        path = folder / Path(exposure.real).name
        _complete(Path(real_data, exposure.real), path, exposure)
        neutral = Pixels(np.zeros(exposure.shape[-2:]), np.zeros(exposure.shape[-2:]), science_pixels(exposure))
        write_references(exposure, folder / "refs", neutral, rng, bad=False)
        return path
    pixels = truth(exposure, rng)
    write_uncal(exposure, path, pixels, rng)
    write_references(exposure, folder / "refs", pixels, rng)
    return path


def _complete(source, path, exposure):
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
    tree = {"meta": {"model_type": "Level1bModel", "telescope": "JWST", "instrument": {"name": exposure.instrument}, "filename": exposure.uncal}}
    stream = io.BytesIO()
    asdf.AsdfFile(tree).write_to(stream)
    content = np.frombuffer(stream.getvalue(), np.uint8)
    return fits.BinTableHDU.from_columns([fits.Column("ASDF_METADATA", f"{content.size}B", array=content[None])], name="ASDF")


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
    bias.flat[_some(rng, bias.size, 5e-4)] = 4  # their reads reach the floor of the converter
    rate = np.full((ny, nx), 4.0, "f4") + np.abs(rng.normal(0, 0.05, (ny, nx))).astype("f4")
    n_stars = max(20, ny * nx // 8000)
    yy, xx = np.mgrid[-12:13, -12:13]
    for x, y, flux in zip(rng.uniform(0, nx, n_stars), rng.uniform(0, ny, n_stars), 10 ** rng.uniform(1.5, 5.3, n_stars), strict=True):
        ix, iy = int(x), int(y)
        rows, columns = slice(max(iy - 12, 0), iy + 13), slice(max(ix - 12, 0), ix + 13)
        star = flux * np.exp(-((xx + ix - x) ** 2 + (yy + iy - y) ** 2) / 2.4) / 7.6
        window = rate[rows, columns]
        window += star[max(12 - iy, 0) :, max(12 - ix, 0) :][: window.shape[0], : window.shape[1]]
    rate.flat[_some(rng, rate.size, 3e-4)] = 3000  # hot
    science = science_pixels(exposure)
    return Pixels(bias, np.where(science, rate, 0).astype("f4"), science)


def _some(rng, size, fraction):
    return rng.integers(0, size, max(3, int(size * fraction)))


def _drift(exposure, rng):
    """What reference pixels are there to remove: a level per amplifier and parity of the column (MIRI: of the row), and a slow drift along rows."""
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
        **_mode_keywords(exposure),
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
        **_subarray_keywords(exposure.subarray, *exposure.corner, nx, ny),
    }


def _mode_keywords(exposure):
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


def _subarray_keywords(name, x, y, nx, ny):
    return {"SUBARRAY": name, "SUBSTRT1": x, "SUBSTRT2": y, "SUBSIZE1": nx, "SUBSIZE2": ny}


def _int_times(exposure):
    nints = exposure.shape[0]
    names = ("int_start_MJD_UTC", "int_mid_MJD_UTC", "int_end_MJD_UTC", "int_start_BJD_TDB", "int_mid_BJD_TDB", "int_end_BJD_TDB")
    table = np.zeros(nints, [("integration_number", "i4"), *((name, "f8") for name in names)])
    table["integration_number"] = np.arange(nints) + exposure.first_integration
    for position, name in enumerate(names):
        table[name] = 60000 + 1e-4 * np.arange(nints) + 1e-5 * position
    return table


# ---- references


def write_references(exposure, folder, pixels, rng, bad=True):
    """Write all references of an exposure as ``<type>.fits``.

    With `bad`, each has its share of pixels that are NaN, flagged, out of range or wrong; without, they change nothing.
    """
    shape = FULL_SIZE[exposure.instrument] if exposure.full_references else exposure.shape[-2:]
    for kind, (arrays, flags, keywords) in _references(exposure, shape, pixels, rng, bad).items():
        _write(exposure, folder / f"{kind}.fits", kind, shape, arrays, flags, keywords)


def _references(exposure, shape, pixels, rng, bad):
    """Type -> (arrays by extension, flags by name or None, keywords)."""
    whole = _embedded(exposure, shape, pixels)
    size = shape[0] * shape[1]

    def some(fraction):
        return _some(rng, size, fraction) if bad else np.empty(0, int)

    def where(fraction):
        image = np.zeros(shape, bool)
        image.flat[some(fraction)] = True
        return image

    reference_pixels = ~whole.science
    saturation = np.full(shape, 60000, "f4")
    if bad:
        saturation += rng.normal(0, 500, shape).astype("f4")
    saturation.flat[some(1e-3)] = 25000
    saturation.flat[some(1e-3)] = np.nan
    superbias = whole.bias.copy()
    superbias.flat[some(1e-3)] = np.nan
    coeffs = np.zeros((5, *shape), "f4")
    coeffs[1] = 1
    if bad:
        coeffs[2] = rng.normal(1e-7, 1e-8, shape)
        coeffs[3], coeffs[4] = 1e-12, 1e-17
    coeffs[0].flat[some(5e-4)] = 3.5
    coeffs[3].flat[some(1e-3)] = np.nan
    gain, read_noise = np.full(shape, GAIN, "f4"), np.full(shape, READ_NOISE * np.sqrt(2), "f4")
    if bad:
        gain *= rng.normal(1, 0.02, shape).astype("f4")
        read_noise *= rng.normal(1, 0.05, shape).astype("f4")
    for value in (np.nan, -2.0, 0.0):
        gain.flat[some(5e-4)] = value
    read_noise.flat[some(3e-4)] = np.nan
    kernel = np.array([[0, -0.005, 0], [-0.006, 1.0213, -0.006], [0, -0.0043, 0]], "f4")
    references = {
        "mask": (
            {},
            {
                "DO_NOT_USE": where(2e-3),
                "REFERENCE_PIXEL": reference_pixels,
                "DEAD": where(5e-4),
                "HOT": where(5e-4),
                "NON_SCIENCE": where(5e-4),
            },
            {},
        ),
        "saturation": ({"SCI": saturation}, {"DO_NOT_USE": where(2e-4), "NO_SAT_CHECK": where(1e-3)}, {}),
        "linearity": ({"COEFFS": coeffs}, {"DO_NOT_USE": where(2e-4), "NO_LIN_CORR": where(1e-3)}, {}),
        "ipc": ({"SCI": kernel}, None, {}),
        "gain": ({"SCI": gain}, None, {} if exposure.gain_factor is None else {"GAINFACT": exposure.gain_factor}),
        "readnoise": ({"SCI": read_noise}, None, {}),
        "dark": _dark(exposure, pixels, rng, bad),
    }
    if exposure.is_miri:
        references["reset"] = _reset(exposure, rng, bad)
        references["rscd"] = ({}, None, {})
    else:
        references["superbias"] = ({"SCI": superbias}, {"DO_NOT_USE": where(2e-4), "UNRELIABLE_BIAS": where(1e-3)}, {})
    return references


def _embedded(exposure, shape, pixels):
    """The truth of the subarray within that of the whole detector, if the references are full frame."""
    if not exposure.full_references:
        return pixels
    whole = Pixels(np.full(shape, 10000, "f4"), np.full(shape, 4, "f4"), np.zeros(shape, bool))
    edge = 0 if exposure.is_miri else BORDER
    whole.science[edge : shape[0] - edge, BORDER:-BORDER] = True
    x, y = exposure.corner[0] - 1, exposure.corner[1] - 1
    ny, nx = exposure.shape[-2:]
    whole.bias[y : y + ny, x : x + nx] = pixels.bias
    return whole


def _dark(exposure, pixels, rng, bad):
    """Accumulated dark current; a few columns have too much, so that their rates become negative."""
    _, ngroups, ny, nx = exposure.shape
    same = exposure.dark == (exposure.nframes, exposure.groupgap)
    frames = ngroups if same else ngroups * (exposure.nframes + exposure.groupgap)
    step = exposure.nframes + exposure.groupgap if same else 1
    planes = 2 if exposure.is_miri else 1
    current = np.abs(rng.normal(0.02, 0.01, (ny, nx))).astype("f4") * (1 if bad else 0)
    if bad:
        current[:, 3 * nx // 4 : 3 * nx // 4 + max(4, nx // 40)] += 9
    data = np.arange(1, frames + 1, dtype="f4")[None, :, None, None] * step * current * np.array([1, 0.9], "f4")[:planes, None, None, None]
    flags = {name: np.zeros((ny, nx), bool) for name in ("DO_NOT_USE", "UNRELIABLE_DARK", "WARM")}
    if bad:
        for plane in data.reshape(-1, ny, nx)[::2]:
            plane.flat[_some(rng, plane.size, 5e-4)] = np.nan
        for image in flags.values():
            image.flat[_some(rng, image.size, 5e-4)] = True
    keywords = {"NFRAMES": exposure.dark[0], "GROUPGAP": exposure.dark[1], "NGROUPS": frames, "NINTS": planes, "_window": "exposure"}
    return {"SCI": data if exposure.is_miri else data[0], "ERR": np.zeros_like(data if exposure.is_miri else data[0])}, flags, keywords


def _reset(exposure, rng, bad):
    """An exponential that dies out within the first groups, in two planes."""
    _, ngroups, ny, nx = exposure.shape
    groups = min(ngroups, 15)
    decay = -30 * np.exp(-np.arange(groups) / 2.0)[None, :, None, None] * np.array([0.5, 1])[:, None, None, None]
    data = (decay * rng.normal(1, 0.1, (ny, nx))).astype("f4") if bad else np.zeros((2, groups, ny, nx), "f4")
    flags = {"DO_NOT_USE": np.zeros((ny, nx), bool)}
    if bad:
        data[0, 1].flat[_some(rng, ny * nx, 5e-4)] = np.nan
        flags["DO_NOT_USE"].flat[_some(rng, ny * nx, 2e-4)] = True
    return {"SCI": data, "ERR": np.zeros_like(data)}, flags, {"NGROUPS": groups, "NINTS": 2, "_window": "exposure"}


_MODELS = {"mask": "MaskModel", "saturation": "SaturationModel", "superbias": "SuperBiasModel", "linearity": "LinearityModel", "ipc": "IPCModel"}
_MODELS |= {"gain": "GainModel", "readnoise": "ReadnoiseModel", "reset": "ResetModel", "rscd": "RSCDModel"}


def _write(exposure, path, kind, shape, arrays, flags, keywords):
    keywords = dict(keywords)
    window = (exposure.subarray, *exposure.corner, exposure.shape[3], exposure.shape[2])
    if exposure.full_references and keywords.pop("_window", None) is None:
        window = ("FULL", 1, 1, shape[1], shape[0])
    keywords.pop("_window", None)
    header = fits.Header({"TELESCOP": "JWST", "REFTYPE": kind.upper(), "PEDIGREE": "DUMMY", "AUTHOR": "parity", "DESCRIP": "synthetic, for comparison"})
    header.update(_mode_keywords(exposure), USEAFTER="2020-01-01T00:00:00", EXP_TYPE=exposure.exp_type, READPATT=exposure.readpatt)
    header["DATAMODL"] = _MODELS.get(kind) or ("DarkMIRIModel" if exposure.is_miri else "DarkModel")
    header.update(_subarray_keywords(*window))
    header.update(keywords)
    hdus = [fits.PrimaryHDU(header=header)]
    hdus += [fits.ImageHDU(array, name=name) for name, array in arrays.items()]
    if kind == "gain":
        hdus[1].header["BUNIT"] = "ELECTRONS/DN"
    if kind == "rscd":
        rows = [(exposure.subarray, exposure.readpatt, 0, exposure.rscd_skip), ("BRIGHTSKY", "FASTR1", 1, 2)]
        columns = [("subarray", "S15"), ("readpatt", "S8"), ("group_skip1", "i4"), ("group_skip", "i4")]
        hdus.append(fits.BinTableHDU(np.array(rows, columns), name="RSCD_GROUP_SKIP"))
    if flags is not None:
        hdus += _flag_hdus(exposure, kind, flags)
    fits.HDUList(hdus).writeto(path, overwrite=True)


def _flag_hdus(exposure, kind, flags):
    """DQ with bits of its own, explained by DQ_DEF, as delivered files have it."""
    dq = np.zeros(next(iter(flags.values())).shape, "u4")
    rows = []
    for bit, (name, image) in enumerate(flags.items()):
        dq[image] |= np.uint32(1 << bit)
        rows.append((bit, 1 << bit, name, name.lower()))
    if kind == "dark" and exposure.is_miri:
        dq = np.stack([dq, dq])[:, None]
    definition = np.array(rows, [("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")])
    return [fits.ImageHDU(dq, name="DQ"), fits.BinTableHDU(definition, name="DQ_DEF")]
