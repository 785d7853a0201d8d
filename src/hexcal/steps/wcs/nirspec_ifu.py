"""The slices of the integral-field unit of NIRSpec."""

import numpy as np

from hexcal.errors import ReferenceError_
from hexcal.models.wcs import models as make
from hexcal.steps.wcs import nirspec_optics
from hexcal.steps.wcs.evaluate import evaluate_points
from hexcal.steps.wcs.nirspec_boxes import pixels_inside
from hexcal.steps.wcs.reference_transforms import content_of, transform_in
from hexcal.steps.wcs.sky_angles import wrapped

SLICES = 30


def slices(references, wavelength_range, edges, to_gwa):
    """Return the geometry of all slices (list of nirspec_optics.SlitGeometry).

    Parameters
    ----------
    references : References
        ``ifuslicer``, ``ifupost``.
    wavelength_range : (float, float)
        Metres: at its middle the forward transform takes the distortion of the relay.
    edges : (float, float)
        Lower and upper edge of a slice, slit_y.
    to_gwa : Model
        From the plane of the slits to the disperser.
    """
    reference = references.ifuslicer
    data = np.asarray(content_of(reference, "data", "ifuslicer"))
    if data.dtype.names:
        data = np.column_stack([np.asarray(data[name], np.float64) for name in data.dtype.names])
    if len(data) != SLICES:
        raise ReferenceError_(
            f"an IFUSLICER file has {SLICES} slices, this one has {len(data)}", where=str(reference.path or "IFUSLICER")
        )
    plane = transform_in(reference, "model", "ifuslicer")
    middle = make.Const1D(float(np.mean(wavelength_range)))
    geometry = []
    for number in range(SLICES):
        _, x, y, width, length = data[number]
        place = nirspec_optics.aperture((x, y), (width, length)) | plane
        relay = nirspec_optics.slice_relay(content_of(references.ifupost, f"slice_{number}", "ifupost")) | to_gwa
        axis = make.Mapping((0, 1, 1)) | place & middle | relay
        geometry.append(
            nirspec_optics.SlitGeometry(
                number, number, f"slice {number}", tuple(edges), axis, place & make.Identity(1) | relay, place
            )
        )
    return geometry


def map_of_slices(slits, to_detector, shape):
    """Return which slice each pixel of the frame belongs to.

    Parameters
    ----------
    slits : list of (SlitGeometry, Model, box)
        Slices on the detector.
    to_detector : (Model, Model)
        From detector to sca, and from sca to gwa.
    shape : (int, int)
        (ny, nx) of the frame.

    Returns
    -------
    int32 array (ny, nx)
        Number of the slice, from 1; 0 between them.
    """
    regions = np.zeros(shape, np.int32)
    pixel_to_gwa = to_detector[0] | to_detector[1]
    for slit, transform, box in slits:
        x, y = pixels_inside(box)
        slit_y, wavelength = evaluate_points(pixel_to_gwa | transform, x, y)[1:]
        inside = np.isfinite(slit_y) & np.isfinite(wavelength)
        regions[y[inside].astype(int), x[inside].astype(int)] = slit.key + 1
    return regions


def set_region(model, log):
    """Set S_REGION of an integral-field exposure: the range of right ascension and declination of its pixels."""
    from hexcal.steps.wcs.footprint import s_region
    from hexcal.steps.wcs.spectral import ifu_slices

    parts = ifu_slices(model)
    ra, dec = (np.concatenate([plane[np.isfinite(plane)] for plane in planes])
               for planes in zip(*((part.ra, part.dec) for part in parts), strict=True))  # fmt: skip
    reference = float(ra[0])
    offsets = wrapped(ra - reference)
    west, east = (reference + offsets.min()) % 360.0, (reference + offsets.max()) % 360.0
    south, north = dec.min(), dec.max()
    region = s_region(np.array([[west, south], [east, south], [east, north], [west, north]]))
    model.meta.wcsinfo.s_region = region
    log.info("S_REGION: %s", region)
