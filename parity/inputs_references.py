"""Reference files for the comparison.

All that can go wrong with a pixel is in them: NaN, flags of every kind, values out of range.
"""

import asdf
import numpy as np
from astropy.io import fits
from inputs_scene import BORDER, FULL_SIZE, GAIN, READ_NOISE, Pixels, mode_keywords, some_of, subarray_keywords


def write_references(exposure, folder, pixels, rng, bad=True):
    """Write all references of an exposure as ``<type>.fits``.

    With `bad`, each has its share of pixels that are NaN, flagged, out of range or wrong; without, they change nothing.
    """
    shape = FULL_SIZE[exposure.instrument] if exposure.full_references else exposure.shape[-2:]
    for kind, (arrays, flags, keywords) in _references(exposure, shape, pixels, rng, bad).items():
        _write(exposure, folder / f"{kind}.fits", kind, shape, arrays, flags, keywords)
    if exposure.subarray == "SUB64":
        _write_waves(folder / "emicorr.asdf")
    if exposure.instrument == "NIRCAM" and exposure.subarray == "FULL":
        _write_kernels(folder / "sirskernel.asdf")


def _reference_meta(kind, instrument, model_type):
    meta = {"author": "parity", "date": "2023-01-01T00:00:00", "description": "synthetic", "origin": "parity"}
    meta |= {"pedigree": "DUMMY", "reftype": kind, "telescope": "JWST", "useafter": "2020-01-01T00:00:00"}
    return meta | {"instrument": {"name": instrument}, "model_type": model_type}


def _write_kernels(path):
    """Kernels of SIRS for detector NRCA1: their peaks are at the line itself, and they are not symmetric."""
    rng = np.random.default_rng(12)
    lag = np.fft.fftfreq(2048, 1 / 2048)
    kernels = rng.normal(0.02, 0.02, (2, 4, 2048)) * np.exp(-np.abs(lag) / 9)
    kernels[..., 0] += 0.3
    gamma, zeta = np.fft.rfft(kernels, axis=-1)
    tree = {"meta": _reference_meta("SIRSKERNEL", "NIRCAM", "SIRSKernelModel"), "nrca1": {"gamma": gamma, "zeta": zeta}}
    asdf.AsdfFile(tree).write_to(path)


def _write_waves(path):
    """One frequency for SUB64, with the clocks of that subarray."""
    wave = np.sin(2 * np.pi * np.arange(500) / 500) + 0.3 * np.sin(4 * np.pi * np.arange(500) / 500 + 1)
    meta = _reference_meta("EMICORR", "MIRI", "EmiModel")
    case = {"rowclocks": 28, "frameclocks": 8512, "freqs": {"FAST": ["Hz390"], "SLOW": {"MIRIMAGE": ["Hz390"]}}}
    frequencies = {"Hz390": {"frequency": 390.625, "phase_amplitudes": wave.astype("f4")}}
    asdf.AsdfFile({"meta": meta, "frequencies": frequencies, "subarray_cases": {"SUB64": case}}).write_to(path)


def _references(exposure, shape, pixels, rng, bad):
    """Type -> (arrays by extension, flags by name or None, keywords)."""
    whole = _embedded(exposure, shape, pixels)
    size = shape[0] * shape[1]

    def some(fraction):
        return some_of(rng, size, fraction) if bad else np.empty(0, int)

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
    data = (
        np.arange(1, frames + 1, dtype="f4")[None, :, None, None]
        * step
        * current
        * np.array([1, 0.9], "f4")[:planes, None, None, None]
    )
    flags = {name: np.zeros((ny, nx), bool) for name in ("DO_NOT_USE", "UNRELIABLE_DARK", "WARM")}
    if bad:
        for plane in data.reshape(-1, ny, nx)[::2]:
            plane.flat[some_of(rng, plane.size, 5e-4)] = np.nan
        for image in flags.values():
            image.flat[some_of(rng, image.size, 5e-4)] = True
    keywords = {
        "NFRAMES": exposure.dark[0],
        "GROUPGAP": exposure.dark[1],
        "NGROUPS": frames,
        "NINTS": planes,
        "_window": "exposure",
    }
    return (
        {"SCI": data if exposure.is_miri else data[0], "ERR": np.zeros_like(data if exposure.is_miri else data[0])},
        flags,
        keywords,
    )


def _reset(exposure, rng, bad):
    """An exponential that dies out within the first groups, in two planes."""
    _, ngroups, ny, nx = exposure.shape
    groups = min(ngroups, 15)
    decay = -30 * np.exp(-np.arange(groups) / 2.0)[None, :, None, None] * np.array([0.5, 1])[:, None, None, None]
    data = (decay * rng.normal(1, 0.1, (ny, nx))).astype("f4") if bad else np.zeros((2, groups, ny, nx), "f4")
    flags = {"DO_NOT_USE": np.zeros((ny, nx), bool)}
    if bad:
        data[0, 1].flat[some_of(rng, ny * nx, 5e-4)] = np.nan
        flags["DO_NOT_USE"].flat[some_of(rng, ny * nx, 2e-4)] = True
    return {"SCI": data, "ERR": np.zeros_like(data)}, flags, {"NGROUPS": groups, "NINTS": 2, "_window": "exposure"}


_MODELS = {
    "mask": "MaskModel",
    "saturation": "SaturationModel",
    "superbias": "SuperBiasModel",
    "linearity": "LinearityModel",
    "ipc": "IPCModel",
}
_MODELS |= {"gain": "GainModel", "readnoise": "ReadnoiseModel", "reset": "ResetModel", "rscd": "RSCDModel"}


def _write(exposure, path, kind, shape, arrays, flags, keywords):
    keywords = dict(keywords)
    window = (exposure.subarray, *exposure.corner, exposure.shape[3], exposure.shape[2])
    if exposure.full_references and keywords.pop("_window", None) is None:
        window = ("FULL", 1, 1, shape[1], shape[0])
    keywords.pop("_window", None)
    header = fits.Header(
        {
            "TELESCOP": "JWST",
            "REFTYPE": kind.upper(),
            "PEDIGREE": "DUMMY",
            "AUTHOR": "parity",
            "DESCRIP": "synthetic, for comparison",
        }
    )
    header.update(
        mode_keywords(exposure), USEAFTER="2020-01-01T00:00:00", EXP_TYPE=exposure.exp_type, READPATT=exposure.readpatt
    )
    header["DATAMODL"] = _MODELS.get(kind) or ("DarkMIRIModel" if exposure.is_miri else "DarkModel")
    header.update(subarray_keywords(*window))
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
