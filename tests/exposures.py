"""Small exposures and neutral reference files for tests.

They are written with astropy alone, so that reading is tested as well.
"""

from pathlib import Path

import numpy as np
from astropy.io import fits

NIRCAM = {
    "INSTRUME": "NIRCAM",
    "DETECTOR": "NRCA1",
    "CHANNEL": "SHORT",
    "MODULE": "A",
    "FILTER": "F200W",
    "PUPIL": "CLEAR",
    "FASTAXIS": -1,
    "SLOWAXIS": 2,
}
MIRI = {"INSTRUME": "MIRI", "DETECTOR": "MIRIMAGE", "FILTER": "F770W", "FASTAXIS": 1, "SLOWAXIS": 2}
GROUP_TIME = 2.0
NAME = "jw00001001001_02101_00001_nrca1_uncal.fits"


def primary(mode, shape, **keywords):
    """Primary header of an exposure of shape (nints, ngroups, ny, nx)."""
    nints, ngroups, ny, nx = shape
    header = fits.Header()
    header.update(
        TELESCOP="JWST", DATAMODL="Level1bModel", **{"DATE-OBS": "2024-01-01", "TIME-OBS": "00:00:00"}, **mode
    )
    header.update(
        EXP_TYPE="MIR_IMAGE" if mode is MIRI else "NRC_IMAGE",
        READPATT="FAST" if mode is MIRI else "RAPID",
        TSOVISIT=False,
    )
    header.update(
        NINTS=nints,
        NGROUPS=ngroups,
        NFRAMES=1,
        FRMDIVSR=1,
        GROUPGAP=0,
        NSAMPLES=1,
        DRPFRMS1=0,
        INTSTART=1,
        INTEND=nints,
    )
    header.update(
        TFRAME=GROUP_TIME, TGROUP=GROUP_TIME, SUBARRAY="SUB64P", SUBSTRT1=1, SUBSTRT2=1, SUBSIZE1=nx, SUBSIZE2=ny
    )
    header.update(**keywords)
    return header


def write_uncal(folder, shape=(1, 6, 16, 24), mode=NIRCAM, data=None, name=NAME, extra=(), **keywords):
    """Write a raw exposure with a slope of 10 DN per group on a bias of 1000 DN; returns its path."""
    if data is None:
        ramp = 1000 + 10 * np.arange(shape[1])[None, :, None, None] + np.zeros(shape)
        data = (ramp + np.random.default_rng(1).normal(0, 2, shape)).round().astype(np.uint16)
    path = Path(folder, name)
    hdus = [fits.PrimaryHDU(header=primary(mode, data.shape, **keywords)), fits.ImageHDU(data, name="SCI"), *extra]
    fits.HDUList(hdus).writeto(path)
    return path


def write_references(folder, shape=(1, 6, 16, 24), mode=NIRCAM, **arrays):
    """Write references that change nothing, as ``<type>.fits``; `arrays` replaces the main array of a type.

    Returns the folder.
    """
    _, ngroups, ny, nx = shape
    image, miri = np.zeros((ny, nx), "f4"), mode is MIRI
    dq = np.zeros((ny, nx), "u4")
    coeffs = np.zeros((3, ny, nx), "f4")
    coeffs[1] = 1
    plane = {
        "mask": dq,
        "saturation": image + 60000,
        "superbias": image + 1000,
        "linearity": coeffs,
        "dark": np.zeros((2, ngroups, ny, nx) if miri else (ngroups, ny, nx), "f4"),
        "reset": np.zeros((1, ngroups, ny, nx), "f4"),
        "gain": image + 2,
        "readnoise": image + 3,
        **arrays,
    }
    folder = Path(folder)
    folder.mkdir(exist_ok=True, parents=True)
    for kind, data in plane.items():
        if data is None:
            continue
        header = fits.Header()
        header.update(
            TELESCOP="JWST",
            REFTYPE=kind.upper(),
            PEDIGREE="DUMMY",
            USEAFTER="2020-01-01T00:00:00",
            AUTHOR="test",
            DESCRIP="test",
            **mode,
        )
        header.update(
            SUBARRAY="SUB64P", SUBSTRT1=1, SUBSTRT2=1, SUBSIZE1=nx, SUBSIZE2=ny, NGROUPS=ngroups, NFRAMES=1, GROUPGAP=0
        )
        name = {"mask": "DQ", "linearity": "COEFFS"}.get(kind, "SCI")
        hdus = [fits.PrimaryHDU(header=header), fits.ImageHDU(data, name=name)]
        if kind not in ("mask", "gain", "readnoise"):
            hdus.append(fits.ImageHDU(dq, name="DQ"))
        fits.HDUList(hdus).writeto(folder / f"{kind}.fits", overwrite=True)
    return folder


TRAPS = ((180.0, -0.0004, 60.0, -0.0005), (150.0, -0.002, 100.0, -0.005), (90.0, -0.02, 200.0, -0.03))
"""Families of traps: capture0, capture1, capture2, decay_param."""


def write_traps(folder, shape):
    """Write trapdensity, trappars and persat references of a shape (ny, nx).

    20000 DN of full well, and one pixel without valid values.
    """
    columns = [(name, "f4") for name in ("capture0", "capture1", "capture2", "decay_param")]
    hdus = {"trappars": fits.BinTableHDU(np.array(list(TRAPS), columns), name="TRAPPARS")}
    for kind, value in (("trapdensity", 1.0), ("persat", 20000.0)):
        image = np.full(shape, value, np.float32)
        image[0, 0] = np.nan
        hdus[kind] = fits.ImageHDU(image, name="SCI")
    for kind, hdu in hdus.items():
        header = fits.Header({"TELESCOP": "JWST", "INSTRUME": "NIRCAM", "REFTYPE": kind.upper()})
        fits.HDUList([fits.PrimaryHDU(header=header), hdu]).writeto(folder / f"{kind}.fits")


def write_rscd(folder):
    """Write an rscd reference: one group of the first integration, two of the others."""
    table = np.array(
        [("SUB64P", "FAST", 1, 2)],
        dtype=[("subarray", "S13"), ("readpatt", "S8"), ("group_skip1", "f4"), ("group_skip", "f4")],
    )
    header = fits.Header({"TELESCOP": "JWST", "REFTYPE": "RSCD", "INSTRUME": "MIRI", "DETECTOR": "MIRIMAGE"})
    fits.HDUList([fits.PrimaryHDU(header=header), fits.BinTableHDU(table, name="RSCD_GROUP_SKIP")]).writeto(
        folder / "rscd.fits"
    )


def write_waves(folder):
    """Write an emicorr reference of one wave, for SUB64."""
    import asdf

    wave = np.sin(2 * np.pi * np.arange(100) / 100).astype("f4")
    case = {"rowclocks": 28, "frameclocks": 8512, "freqs": {"FAST": ["Hz390"]}}
    frequencies = {"Hz390": {"frequency": 390.625, "phase_amplitudes": wave}}
    tree = {"meta": {"reftype": "EMICORR", "telescope": "JWST", "instrument": {"name": "MIRI"}}}
    asdf.AsdfFile({**tree, "frequencies": frequencies, "subarray_cases": {"SUB64": case}}).write_to(
        folder / "emicorr.asdf"
    )
