"""Small spectra of MIRI for tests: exposures of both spectrometers, and reference files whose transforms are simple."""

import asdf
import numpy as np
from astropy.modeling import models
from sky_projections import camera, point

from hexcal import datamodels

MRS_SHAPE = (40, 72)
MRS_RANGES = {1: (4.9, 5.8), 2: (7.5, 8.8)}
"""Channel: wavelengths of the first and last row, micron."""
MRS_SLICES = {101: (4, 15), 102: (18, 29), 201: (40, 51), 202: (54, 65)}
"""Label of a slice: its first column and the one after the last; they bend by a column over the rows."""
ALPHA_STEP, BETA_STEP = 0.2, 0.18
"""Arcsec per column, and per slice."""
LRS_SHAPE = (60, 64)
LRS_ORIGIN = (30.0, 40.0)
"""Keywords IMX and IMY: the reference point, first pixel 1."""


def _meta(reftype, model_type, **instrument):
    meta = {"telescope": "JWST", "instrument": {"name": "MIRI", **instrument}, "reftype": reftype}
    meta |= {"author": "test", "description": "test", "pedigree": "DUMMY", "useafter": "2020-01-01T00:00:00"}
    return {**meta, "model_type": model_type}


def mrs_exposure(data=None, velocity=20000.0, **changes):
    """Return an exposure of channels 1 and 2, band SHORT."""
    data = np.zeros(MRS_SHAPE, "f4") if data is None else data
    model = point(datamodels.IFUImageModel(data), **changes)
    model.err, model.dq = np.ones_like(data), np.zeros(data.shape, "u4")
    model.update({"meta": {"telescope": "JWST", "instrument": {"name": "MIRI", "detector": "MIRIFUSHORT"}}})
    model.meta.instrument.channel, model.meta.instrument.band = "12", "SHORT"
    model.meta.exposure.type = "MIR_MRS"
    model.meta.wcsinfo.velosys = velocity
    return model


def centre_of_slice(label, row):
    """The column at which a slice has alpha 0."""
    first, last = MRS_SLICES[label]
    return (first + last - 1) / 2 + row / MRS_SHAPE[0]


def mrs_alpha(label, x, y):
    """Arcsec along a slice."""
    return ALPHA_STEP * (x - centre_of_slice(label, y))


def mrs_beta(label):
    """Arcsec across the slices."""
    return BETA_STEP * (label % 100 - 1.5)


def mrs_wavelength(label, x, y):
    """Micron, at the detector: along a column, with a small tilt."""
    first, last = MRS_RANGES[label // 100]
    return first + (last - first) * (y + 0.05 * (x - centre_of_slice(label, 0))) / MRS_SHAPE[0]


def mrs_v2v3(channel, alpha, beta):
    """Arcsec."""
    return 120.0 + alpha + 0.01 * channel * beta, -520.0 - beta + 0.02 * alpha


def mrs_labels():
    """The slice of each pixel, 0 between the slices."""
    labels = np.zeros(MRS_SHAPE, "i4")
    for label, (first, last) in MRS_SLICES.items():
        for y in range(MRS_SHAPE[0]):
            shift = round(y / MRS_SHAPE[0])
            labels[y, first + shift : last + shift] = label
    return labels


def _slice_models(label):
    """Models of one slice, as delivered files have them: from (y, x), and from (wavelength, alpha)."""
    middle, ny = centre_of_slice(label, 0), MRS_SHAPE[0]
    alpha = models.Polynomial2D(2, c0_0=-ALPHA_STEP * middle, c1_0=-ALPHA_STEP / ny, c0_1=ALPHA_STEP, name="det2local")
    first, last = MRS_RANGES[label // 100]
    step = (last - first) / ny
    wave = models.Polynomial2D(2, c0_0=first - 0.05 * step * middle, c1_0=step, c0_1=0.05 * step)
    # Both solved for x and y.
    scale = 1 + 0.05 / ny
    y = models.Polynomial2D(1, c0_0=-first / step / scale, c1_0=1 / step / scale, c0_1=-0.05 / ALPHA_STEP / scale)
    x = models.Polynomial2D(
        1,
        c0_0=middle - first / step / scale / ny,
        c1_0=1 / step / scale / ny,
        c0_1=1 / ALPHA_STEP - 0.05 / ALPHA_STEP / scale / ny,
    )
    return alpha, models.Const1D(mrs_beta(label)), wave, x, y


def write_mrs_references(folder, labels=None):
    """Write distortion, specwcs, regions and wavelengthrange of channels 1 and 2, band SHORT; returns the folder."""
    where = {"detector": "MIRIFUSHORT", "channel": "12", "band": "SHORT"}
    bands = ["1SHORT", "2SHORT"]
    alpha, beta, wave, x, y = (list(column) for column in zip(*map(_slice_models, MRS_SLICES), strict=True))
    planes = []
    for channel in (1, 2):
        v2 = models.Polynomial2D(1, c0_0=120.0, c1_0=1.0, c0_1=0.01 * channel)
        v3 = models.Polynomial2D(1, c0_0=-520.0, c1_0=0.02, c0_1=-1.0)
        plane = models.Mapping((0, 1, 0, 1)) | v2 & v3
        det = -1.0 - 0.0002 * channel
        back_a = models.Polynomial2D(1, c1_0=-1.0 / det, c0_1=-0.01 * channel / det)
        back_b = models.Polynomial2D(1, c1_0=-0.02 / det, c0_1=1.0 / det)
        shift = models.Shift(-120.0) & models.Shift(520.0)
        plane.inverse = shift | models.Mapping((0, 1, 0, 1)) | back_a & back_b
        planes.append(plane)
    slices = list(MRS_SLICES)
    distortion = {"meta": _meta("distortion", "DistortionMRSModel", **where), "slices": slices}
    distortion |= {"alpha_model": alpha, "beta_model": beta, "x_model": x, "y_model": y}
    distortion["abv2v3_model"] = {"channel_band": bands, "model": planes}
    distortion["bzero"] = {"channel_band": bands, "beta_zero": [mrs_beta(101)] * 2}
    distortion["bdel"] = {"channel_band": bands, "delta_beta": [BETA_STEP] * 2}
    ranges = [[low - 0.1, high + 0.1] for low, high in MRS_RANGES.values()]
    maps = np.repeat((mrs_labels() if labels is None else labels)[None], 9, axis=0)
    trees = {
        "distortion": distortion,
        "specwcs": {"meta": _meta("specwcs", "SpecwcsModel", **where), "slices": slices, "model": wave},
        "regions": {"meta": _meta("regions", "RegionsModel", **where), "regions": maps},
        "wavelengthrange": {
            "meta": _meta("wavelengthrange", "WavelengthrangeModel", detector="N/A"),
            "waverange_selector": bands,
            "wavelengthrange": ranges,
        },
    }
    for name, tree in trees.items():
        asdf.AsdfFile(tree).write_to(folder / f"{name}.asdf")
    return folder


def lrs_exposure(exposure_type="MIR_LRS-FIXEDSLIT", nints=None, velocity=20000.0, **changes):
    """Return an exposure of the low-resolution spectrometer: an image, or `nints` of them."""
    shape = LRS_SHAPE if nints is None else (nints, *LRS_SHAPE)
    model = point((datamodels.ImageModel if nints is None else datamodels.CubeModel)(np.zeros(shape, "f4")), **changes)
    model.err, model.dq = np.ones(shape, "f4"), np.zeros(shape, "u4")
    model.update({"meta": {"telescope": "JWST", "instrument": {"name": "MIRI", "detector": "MIRIMAGE"}}})
    model.meta.instrument.filter, model.meta.exposure.type = "P750L", exposure_type
    model.meta.wcsinfo.velosys = velocity
    return model


def lrs_wavelength(row):
    """Micron, at the detector, of a row relative to the reference point: smooth, so that smoothing changes nothing."""
    return 9.0 - 0.12 * row - 4e-4 * row**2


def lrs_trace(row):
    """Columns by which the trace is off at a row relative to the reference point."""
    return 0.004 * row


def write_lrs_references(folder, corners=True, rows=(-30, 16), **header):
    """Write specwcs and distortion of the low-resolution spectrometer; returns the folder."""
    row = np.arange(*rows)[::-1].astype(float)
    x = lrs_trace(row)
    columns = [x, row, lrs_wavelength(row), x - 10, row + 0.5, x + 10, row + 0.5, x + 10, row - 0.5, x - 10, row - 0.5]
    names = "x_center y_center wavelength x0 y0 x1 y1 x2 y2 x3 y3".split()
    table = np.array(list(zip(*columns, strict=True)), [(name, "f8") for name in names])
    model = datamodels.MiriLRSSpecwcsModel(wavetable=table)
    model.update({"meta": _meta("SPECWCS", "MiriLRSSpecwcsModel", detector="MIRIMAGE")})
    places = {"x_ref": LRS_ORIGIN[0], "y_ref": LRS_ORIGIN[1], "x_ref_slitless": 20.0, "y_ref_slitless": 41.0}
    if corners:
        for number, (v2, v3) in enumerate(((119.0, -520.2), (119.0, -519.8), (121.0, -519.8), (121.0, -520.2)), 1):
            places |= {f"v2_vert{number}": v2, f"v3_vert{number}": v3}
    for name, value in {**places, **header}.items():
        if value is not None:
            model.set_meta(f"meta.{name}", value)
    model.save(folder / "specwcs.fits")
    tree = {"meta": _meta("distortion", "DistortionModel", detector="MIRIMAGE"), "model": camera(scale=0.11)}
    asdf.AsdfFile(tree).write_to(folder / "distortion.asdf")
    return folder
