"""A small NIRSpec for tests: exposures, MSA metadata files, reference files.

Its optics are so simple that the truth of every pixel can be written down: lenses without distortion, a grating.
"""

import json

import asdf
import numpy as np
from astropy.io import fits
from astropy.modeling import models
from astropy.modeling.models import Mapping, Scale, Shift, Tabular2D
from sky_projections import point

from hexcal import datamodels

PIXEL, CAMERA, COLLIMATOR = 1.8e-5, 0.3, 0.6
"""Metres: pixel, focal lengths."""
TILT, GROOVES, ORDER = -11.0, 95400.0, -1
PITCH, OPEN = (1.05e-4, 2.0e-4), (7.7e-5, 1.74e-4)
"""Metres: distance of shutters, size of their open areas."""
PER_ROW, ROWS = 365, 8
ORIGIN = (-0.0180, -0.0008)
"""Metres: shutter (1, 1) of each quadrant, here the same for all."""
SLITS = ((0.001, 0.0004), (0.002, 0.0001), (0.003, -0.0002), (-0.001, -0.0004), (0.0, -0.02))
"""Metres: centres of the fixed slits; the last one is not on the detector."""
SLIT_SIZE = (1e-4, 2.4e-4)
RANGE = (3.9e-6, 4.1e-6)
VELOCITY, TO_SKY = 12000.0, 40.0
"""m/s; arcsec of the sky per metre of the micro-shutters, divided by 3600: degrees."""
SHAPE, START = (96, 2048), (1, 977)


def _meta(reftype, model_type, **instrument):
    meta = {"telescope": "JWST", "instrument": {"name": "NIRSPEC", **instrument}, "reftype": reftype}
    meta |= {"author": "test", "description": "test", "pedigree": "DUMMY", "useafter": "2015-01-01T00:00:00"}
    return {**meta, "model_type": model_type, "exposure": {"type": "NRS_FIXEDSLIT"}}


def _chromatic(scale):
    """A lens that takes the wavelength, both ways."""
    lens = Mapping((0, 1), n_inputs=3) | Scale(scale) & Scale(scale)
    lens.inverse = Mapping((0, 1), n_inputs=3) | Scale(1 / scale) & Scale(1 / scale)
    return lens


def _table(rows):
    return np.array([tuple(row) for row in rows], [(name, "f8") for name in ("NO", "XC", "YC", "SIZEX", "SIZEY")])


def write_references(folder, grating="G395M"):
    """Write the reference files of assign_wcs; return their folder."""
    middle = Shift(-1023.5 * PIXEL) & Shift(-1023.5 * PIXEL)
    fpa = Scale(PIXEL) & Scale(PIXEL) | middle
    tilt = {"tilt_model": models.Polynomial1D(1, c0=10.0, c1=-7200.0), "zeroreadings": [0.33], "temperatures": [37.0]}
    shutters = [
        (1 + row + PER_ROW * column, PITCH[0] * row, PITCH[1] * column, *OPEN)
        for column in range(ROWS)
        for row in range(PER_ROW)
    ]
    quadrant = {"data": _table(shutters), "model": Shift(ORIGIN[0]) & Shift(ORIGIN[1])}
    fixed = {
        "data": _table((1 + number, *place, *SLIT_SIZE) for number, place in enumerate(SLITS)),
        "model": Shift(0.0) & Shift(0.0),
    }
    disperser = {"groovedensity": GROOVES, "gwa_tiltx": tilt, "gwa_tilty": tilt}
    disperser |= {"theta_x": 0.0, "theta_y": 0.0, "theta_z": 0.0, "tilt_x": 0.0, "tilt_y": TILT}
    trees = {
        "fpa": ("FPAModel", {"nrs1_model": fpa, "nrs2_model": fpa}),
        "camera": ("CameraModel", {"model": Scale(1 / CAMERA) & Scale(1 / CAMERA)}),
        "collimator": ("CollimatorModel", {"model": Scale(COLLIMATOR) & Scale(COLLIMATOR)}),
        "disperser": ("DisperserModel", disperser),
        "msa": ("MSAModel", {**{f"Q{number}": quadrant for number in range(1, 5)}, "Q5": fixed}),
        "fore": ("FOREModel", {"model": _chromatic(TO_SKY)}),
        "ote": ("OTEModel", {"model": Scale(3600.0) & Scale(3600.0)}),
        "wavelengthrange": (
            "WavelengthrangeModel",
            {"waverange_selector": ["CLEAR_G395M", "FLAT3_G395M"], "order": [ORDER, ORDER],
             "wavelengthrange": [list(RANGE), list(RANGE)]},
        ),
    }  # fmt: skip
    for reftype, (model_type, tree) in trees.items():
        named = {"grating": grating} if reftype == "disperser" else {}
        asdf.AsdfFile({"meta": _meta(reftype, model_type, **named), **tree}).write_to(folder / f"{reftype}.asdf")
    return folder


def overrides(folder, **changes):
    """Parameters of assign_wcs: its references."""
    return {f"override_{path.stem}": str(path) for path in folder.glob("*.asdf")} | changes


def exposure(exposure_type="NRS_FIXEDSLIT", shape=SHAPE, start=START, kind=datamodels.ImageModel, **changes):
    """Return an exposure of the first detector."""
    model = point(kind(np.arange(np.prod(shape), dtype="f4").reshape(shape)), **changes)
    model.err, model.dq = np.ones(shape, "f4"), np.zeros(shape, "u4")
    model.var_poisson, model.var_rnoise = np.full(shape, 2, "f4"), np.full(shape, 3, "f4")
    instrument = {"name": "NIRSPEC", "detector": "NRS1", "grating": "G395M", "filter": "CLEAR", "fixed_slit": "S200A1"}
    instrument |= {"gwa_xtilt": 0.33, "gwa_ytilt": 0.33, "gwa_tilt": 37.0}
    model.update({"meta": {"telescope": "JWST", "instrument": instrument}})
    model.meta.exposure.type = exposure_type
    model.meta.subarray.xstart, model.meta.subarray.ystart = start
    model.meta.wcsinfo.velosys = VELOCITY
    return model


SHUTTER_COLUMNS = [
    ("slitlet_id", "i2"), ("msa_metadata_id", "i2"), ("shutter_quadrant", "i2"), ("shutter_row", "i2"),
    ("shutter_column", "i2"), ("source_id", "i4"), ("background", "S1"), ("shutter_state", "S6"),
    ("estimated_source_in_shutter_x", "f4"), ("estimated_source_in_shutter_y", "f4"), ("dither_point_index", "i2"),
    ("primary_source", "S1"), ("fixed_slit", "S7"),
]  # fmt: skip
SOURCE_COLUMNS = [
    ("program", "i4"), ("source_id", "i4"), ("source_name", "S20"), ("alias", "S31"), ("catalog_id", "S20"),
    ("ra", "f8"), ("dec", "f8"), ("preimage_id", "S30"), ("stellarity", "f8"),
]  # fmt: skip


def shutter(slitlet, column, *, source=0, primary=False, row=180, quadrant=3, point=(np.nan, np.nan), dither=1,
            identity=1, fixed="NONE"):  # fmt: skip
    """One row of SHUTTER_INFO."""
    state = ("N" if source else "Y", "OPEN")
    return (slitlet, identity, quadrant, row, column, source, *state, *point, dither, "Y" if primary else "N", fixed)


def source(number, stellarity=1.0):
    """One row of SOURCE_INFO."""
    return (1234, number, f"1234_{number}", f"alias{number}", "", 53.0 + number, -27.0, "", stellarity)


def write_msa_file(path, shutters, sources):
    """Write an MSA metadata file; return its path."""
    tables = [
        fits.BinTableHDU(np.array(rows, columns), name=name)
        for name, rows, columns in (
            ("SHUTTER_INFO", shutters, SHUTTER_COLUMNS),
            ("SOURCE_INFO", sources, SOURCE_COLUMNS),
        )
    ]
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(path)
    return path


def mos_exposure(path, **changes):
    """Return an exposure of the micro-shutters with its MSA metadata file."""
    model = exposure("NRS_MSASPEC", **changes)
    model.meta.instrument.msa_metadata_file, model.meta.instrument.msa_metadata_id = str(path), 1
    model.meta.dither.position_number = 1
    return model


def at_wheel(x, y, focal_length):
    """Direction cosines at the grating of places in a focal plane, metres."""
    u, v = x / focal_length, y / focal_length
    length, tilt = np.sqrt(1 + u * u + v * v), np.radians(TILT)
    return (u * np.cos(tilt) - np.sin(tilt)) / length, v / length


def truth(centre, size, x, y):
    """slit_y and barycentric wavelength (micron) of pixels of the exposure, by the laws of optics."""
    place = (x + START[0] - 1 - 1023.5) * PIXEL, (y + START[1] - 1 - 1023.5) * PIXEL
    alpha_out, beta_out = at_wheel(*place, CAMERA)
    # On the axis of the slit: the height at which light arrives with the angle that the grating turns into this one.
    u = centre[0] / COLLIMATOR
    v = -beta_out * np.sqrt((1 + u * u) / (1 - beta_out**2))
    slit_y = (v * COLLIMATOR - centre[1]) / size[1]
    alpha_in, _ = at_wheel(np.full_like(v, centre[0]), v * COLLIMATOR, COLLIMATOR)
    wavelength = (alpha_in + alpha_out) / GROOVES / (1 + VELOCITY / 299792458.0)
    return slit_y, wavelength * 1e6


def write_wavecorr(path, *names, tilt=2.0):
    """An offset of `tilt` pixels per width of the slit, at all wavelengths."""
    wavelength, place = np.linspace(3.5e-6, 4.5e-6, 5), np.linspace(-0.5, 0.5, 11)
    table = Tabular2D((wavelength, place), np.tile(tilt * place, (5, 1)), bounds_error=True, fill_value=np.nan)
    apertures = [{"aperture_name": name, "width": 1e-4, "zero_point_offset": table} for name in names]
    meta = {"telescope": "JWST", "instrument": {"name": "NIRSPEC"}, "reftype": "wavecorr"}
    asdf.AsdfFile({"meta": meta | {"model_type": "WaveCorrModel"}, "apertures": apertures}).write_to(path)
    return str(path)


def write_msaoper(path, *shutters):
    """Write a file of shutters that are stuck open, (quadrant, x, y); return its path."""
    entries = [
        {"Q": quadrant, "x": x, "y": y, "state": "open", "TA state": "open", "Internal state": "open"}
        for quadrant, x, y in shutters
    ]
    path.write_text(json.dumps({"reftype": "MSAOPER", "instrument": "NIRSPEC", "msaoper": entries}))
    return str(path)
