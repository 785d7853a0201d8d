"""Reference files of spectra of the MIRI low-resolution spectrometer, in the layouts in which they are delivered."""

import numpy as np

from hexcal import datamodels
from hexcal.simulate.imaging_references import distortion
from hexcal.simulate.spectra import lrs_optics as lrs
from hexcal.simulate.spectra.light import share
from hexcal.simulate.spectra.reference_parts import described, flat_model, json_file, photom_rows, table
from hexcal.simulate.spectra.series import SQUARE_ARCSEC

_WIDTH = 10
"""Of the box in which spectra are summed, pixels."""
_REACH = 20.0
"""Columns to both sides of the trace that the table of wavelengths tells."""


def references(series):
    """Return the references of a series by type (dict of str to DataModel, or dict for JSON files)."""
    setup, optics = series.setup, series.optics
    by_type = {
        "distortion": datamodels.DistortionModel(model=distortion(optics.camera)),
        "specwcs": _specwcs(series),
        "flat": flat_model(series.flat()),
        "photom": _photom(setup),
        "apcorr": _apcorr(setup),
        "extract1d": json_file("extract1d", setup, apertures=[_aperture(series)]),
    }
    if series.has_slit:
        by_type["pathloss"] = _pathloss()
    described(by_type, setup)
    by_type["distortion"].meta.input_units, by_type["distortion"].meta.output_units = "pixel", "arcsec"
    photometry = by_type["photom"].meta.photometry
    photometry.pixelarea_arcsecsq, photometry.pixelarea_steradians = (
        lrs.PIXEL**2,
        lrs.PIXEL**2 * SQUARE_ARCSEC,
    )
    return by_type


def _specwcs(series):
    """The table of wavelengths, one row of the detector each, the topmost first; the corners of the slit."""
    rows = np.arange(lrs.ROWS[1], lrs.ROWS[0] - 1, -1.0)
    edges = []
    for up, side in ((0.5, -1), (0.5, 1), (-0.5, 1), (-0.5, -1)):
        edges += [lrs.trace(rows + up) + side * _REACH, rows + up]
    names = "x_center y_center wavelength x0 y0 x1 y1 x2 y2 x3 y3"
    columns = " ".join(f"{name}:f8" for name in names.split())
    values = zip(lrs.trace(rows), rows, lrs.wavelength_of(rows), *edges, strict=True)
    model = datamodels.MiriLRSSpecwcsModel(wavetable=table(columns, list(values)))
    meta, optics = model.meta, series.optics
    if series.has_slit:
        meta.x_ref, meta.y_ref = optics.x + 1, optics.y + 1
        half_length, half_width = lrs.SLIT[0] / 2 / lrs.PIXEL, lrs.SLIT[1] / 2 / lrs.PIXEL
        corners = ((-half_length, -half_width), (half_length, -half_width), (half_length, half_width))
        for number, (along, up) in enumerate((*corners, (-half_length, half_width)), 1):
            v2, v3 = optics.telescope(along, up)
            model.set_meta(f"meta.v2_vert{number}", v2)
            model.set_meta(f"meta.v3_vert{number}", v3)
    else:
        meta.x_ref_slitless, meta.y_ref_slitless = optics.x + 1, optics.y + 1
    return model


def _photom(setup):
    wave = np.linspace(4.905, 12.495, 300)
    scale = float(lrs.conversion(8.0))
    rows = [("P750L", setup.subarray[0], scale, wave, lrs.conversion(wave) / scale)]
    return datamodels.MirLrsPhotomModel(phot_table=photom_rows("filter:S12 subarray:S15", "photmjsr", rows))


def _apcorr(setup):
    """By what the light in a box of so many pixels must be multiplied."""
    wave, sizes = np.linspace(4, 15, 111, dtype=np.float32), np.arange(2, 30, dtype=np.uint8)
    half = 0.5 * sizes * lrs.PIXEL
    factor = 1 / share(-half[None], half[None], lrs.spread(wave)[:, None])
    shape = f"{wave.size}:{sizes.size}"
    columns = f"subarray:S15 wavelength:f4:{wave.size} nelem_wl:i2 size:u1:{sizes.size} nelem_size:i2"
    row = (setup.subarray[0], wave, wave.size, sizes, sizes.size, factor, 0.01 * factor)
    model = datamodels.MirLrsApcorrModel(
        apcorr_table=table(f"{columns} apcorr:f4:{shape} apcorr_err:f4:{shape}", [row])
    )  # fmt: skip
    model.sizeunit = "pixels"
    return model


def _aperture(series):
    if series.has_slit:
        start = 17
        return {
            "id": series.setup.exposure_type, "region_type": "target", "bkg_order": 0, "dispaxis": 2,
            "xstart": start, "xstop": start + _WIDTH - 1, "use_source_posn": True,
        }  # fmt: skip
    start = round(series.optics.x - series.optics.left) - _WIDTH // 2
    return {
        "id": series.setup.exposure_type, "region_type": "target", "bkg_order": 0, "dispaxis": 2, "xstart": start,
        "xstop": start + _WIDTH - 1, "bkg_coeff": [[13.5], [22.5], [52.5], [61.5]], "use_source_posn": False,
    }  # fmt: skip


def _pathloss():
    """The share of a star's light that passes the slit, by its place across it; the same all along.

    Wavelengths fall, as in the delivered file.
    """
    wave = lrs.wavelength_of(np.arange(lrs.ROWS[0], lrs.ROWS[1] + 1.0))
    across = (np.arange(20) * 0.5 - 5.0) * lrs.PIXEL
    loss = lrs.slit_loss(wave[:, None], np.clip(across, -lrs.SLIT[1] / 2, lrs.SLIT[1] / 2)[None])
    cube = np.repeat(loss[:, :, None], 50, axis=2).astype(np.float32)
    rows = list(zip(wave, cube, 0.01 * cube, strict=True))
    model = datamodels.MirLrsPathlossModel(
        pathloss_table=table("wavelength:f4 pathloss:f4:20:50 pathloss_err:f4:20:50", rows)
    )
    info = model.meta.wcsinfo
    info.wcsaxes, info.crpix1, info.crval1, info.cdelt1, info.ctype1 = 2, 1.0, -25.0, 1.0, "UNITLESS"
    info.crpix2, info.crval2, info.cdelt2, info.ctype2 = 1.0, -5.0, 0.5, "UNITLESS"
    return model
