"""Small integral-field exposures for tests of cubes, and reference files for them."""

import miri_spectra as miri
import numpy as np

from hexcal import datamodels
from hexcal.step import AssignWcsStep

SPAXEL, STEP = {1: 0.2, 2: 0.25}, {1: 0.05, 2: 0.07}
ROI = 0.4


def write_cubepar(folder, channels=(1, 2), waves=None):
    """Write cubepar.fits for channels of band SHORT; returns the folder."""
    bands = [(str(channel), "SHORT") for channel in channels]
    keys = [("channel", "S3"), ("band", "S12")]

    def table(names, rows):
        content = [(*band, *row) for band, row in zip(bands, rows, strict=True)]
        return np.array(content, keys + [(name, "f4") for name in names])

    sampling = [(SPAXEL[channel], STEP[channel], *miri.MRS_RANGES[channel]) for channel in channels]
    shepard = [(ROI, 2.5 * STEP[channel]) for channel in channels]
    waves = np.arange(4.9, 8.8, 0.06) if waves is None else waves
    columns = [("wavelength", "f4"), ("roispatial", "f4"), ("roispectral", "f4")]
    model = datamodels.MiriIFUCubeParsModel(
        ifucubepars_table=table(["spaxelsize", "spectralstep", "wavemin", "wavemax"], sampling),
        ifucubepars_msm_table=table(
            ["roispatial", "roispectral", "power", "softrad"], [(*row, 2.0, 0.01) for row in shepard]
        ),
        ifucubepars_emsm_table=table(["roispatial", "roispectral", "scalerad"], [(*row, 0.1) for row in shepard]),
        ifucubepars_multichannel_driz_wavetable=np.array([(w,) for w in waves], columns[:1]),
        ifucubepars_multichannel_emsm_wavetable=np.array(
            [(w, ROI, 0.15, 0.1) for w in waves], [*columns, ("scalerad", "f4")]
        ),
        ifucubepars_multichannel_msm_wavetable=np.array(
            [(w, ROI, 0.15, 2.0, 0.01) for w in waves], [*columns, ("power", "f4"), ("softrad", "f4")]
        ),
    )
    model.meta.telescope, model.meta.instrument.name, model.meta.reftype = "JWST", "MIRI", "CUBEPAR"
    model.meta.exposure.type = "MIR_MRS"
    model.save(folder / "cubepar.fits")
    return folder


def write_references(folder):
    """Write what assign_wcs and cube_build of MIRI MRS need; returns the folder."""
    return write_cubepar(miri.write_mrs_references(folder))


def exposure(references, values=None, noise=0.0, **changes):
    """Return a calibrated exposure with its WCS; `values` is called with RA, Dec (deg) and wavelength (micron)."""
    from hexcal.steps.wcs.spectral import ifu_coordinates

    model = AssignWcsStep.call(miri.mrs_exposure(**changes), references=str(references))
    ra, dec, wavelength, _ = ifu_coordinates(model)
    if values is not None:
        model.data[...] = np.where(np.isfinite(ra), values(ra, dec, wavelength), 0)
    model.err[...] = 0.1
    model.data[...] += np.random.default_rng(3).normal(0, noise, model.data.shape) if noise else 0
    model.meta.bunit_data = "MJy/sr"
    model.meta.filename = "jw00001001001_02101_00001_mirifushort_cal.fits"
    return model
