"""Reference files that change nothing, for any exposure.

With them the pipeline runs, and only flags, fits and estimates noise.
"""

from dataclasses import replace

import numpy as np

from hexcal.errors import InputError
from hexcal.models import reference as models
from hexcal.models.dqflags import pixel
from hexcal.observatories.jwst.detectors import detector as detector_facts
from hexcal.simulate.detector import typical
from hexcal.simulate.mode import reference_pixels
from hexcal.simulate.reference_files import (
    Place,
    dark_model,
    describe,
    flag_definitions,
    flagged,
    reset_model,
    rscd_model,
)

SATURATED = 65535.0
"""DN; the largest value of the converter."""


def neutral_references(exposure, rscd_groups=0):
    """Return references that leave the counts of an exposure as they are.

    No bias, no dark, no reset anomaly; counts are linear; saturation is the end of the converter's scale; reference
    pixels are flagged where the subarray touches the border of the detector. Gain and read noise are typical for the
    instrument: they only enter weights, thresholds and errors.

    Parameters
    ----------
    exposure : ExposureModel
        Raw exposure; its keywords INSTRUME and DETECTOR, the window and the read-out are taken over.
    rscd_groups : int
        MIRI: groups to leave out at the start of second and later integrations.

    Returns
    -------
    dict of str to ReferenceModel

    Raises
    ------
    InputError
        If the exposure does not say which detector it is of, or is not a ramp.
    """
    place, (_, n_groups, ny, nx) = _place(exposure)
    is_miri = place.instrument == "MIRI"
    image = np.zeros((ny, nx), np.float32)
    values = typical(place.instrument, place.detector)
    flags = np.where(
        reference_pixels(place.detector, place.xstart, place.ystart, nx, ny), pixel.REFERENCE_PIXEL, 0
    ).astype(np.uint32)
    dark = np.zeros(((2,) if is_miri else ()) + (n_groups, ny, nx), np.float32)
    kernel = np.zeros((3, 3), np.float32)
    kernel[1, 1] = 1
    tables = {
        "mask": models.MaskModel(dq=flags, dq_def=flag_definitions("mask")),
        "saturation": flagged(models.SaturationModel(image + np.float32(SATURATED)), "saturation", image.shape),
        "ipc": models.IPCModel(kernel),
        "linearity": flagged(models.LinearityModel(np.stack([image, image + 1])), "linearity", image.shape),
        "dark": dark_model(dark),
        "gain": models.GainModel(image + np.float32(values.gain)),
        # The noise of the difference of two frames.
        "readnoise": models.ReadnoiseModel(image + np.float32(np.sqrt(2) * values.read_noise / values.gain)),
    }
    if is_miri:
        tables["reset"] = reset_model(np.zeros((1, 1, ny, nx), np.float32))
        tables["rscd"] = rscd_model(place.subarray, place.readpatt, rscd_groups)
    else:
        tables["superbias"] = flagged(models.SuperBiasModel(image), "superbias", image.shape)
    facts = detector_facts(place.detector)
    # One kernel for all pixels holds wherever they are.
    everywhere = replace(place, subarray="GENERIC", xstart=1, ystart=1, xsize=facts.columns, ysize=facts.rows)
    for reference_type, model in tables.items():
        where = everywhere if reference_type == "ipc" else place
        describe(model, reference_type, where, f"Neutral {reference_type}: leaves the counts as they are")
    return tables


def _place(exposure):
    instrument, detector, shape = exposure.meta.instrument.name, exposure.meta.instrument.detector, exposure.shape
    for keyword, value in (("INSTRUME", instrument), ("DETECTOR", detector)):
        if not value:
            raise InputError(
                f"the keyword {keyword} is required to make references, it is absent",
                where=str(exposure.path or "the exposure"),
            )
    if shape is None or len(shape) != 4:
        raise InputError(
            f"neutral references are made for ramps (nints, ngroups, ny, nx), the exposure has shape {shape}",
            where=str(exposure.path or "the exposure"),
        )
    xstart, ystart, _, _ = exposure.subarray
    exposed = exposure.meta.exposure
    return Place(
        instrument, detector, exposure.meta.subarray.name or "FULL", xstart, ystart, shape[3], shape[2],
        exposed.readpatt, exposed.nframes or 1, exposed.groupgap or 0,
    ), shape  # fmt: skip
