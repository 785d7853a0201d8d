"""The WCS of images of FGS, MIRI, NIRCam and NIRISS.

Distortion, offset of the filter, velocity aberration, pointing.
"""

from typing import Any

from hexcal.errors import ReferenceError_
from hexcal.models.stored_wcs import as_gwcs
from hexcal.models.wcs import models as described
from hexcal.models.wcs.description import Wcs
from hexcal.models.wcs.frames import plane_frame, sky_frame
from hexcal.models.wcs.reading import NotDescribed
from hexcal.models.wcs.transforms import Transform
from hexcal.steps.wcs import frames

_WITHOUT_OFFSETS = ("FGS",)
"""Instruments without filters."""


def reference_types(model):
    """Return the types of reference files that an image needs (tuple of str)."""
    has_filters = model.meta.instrument.name not in _WITHOUT_OFFSETS
    return ("distortion", "filteroffset") if has_filters else ("distortion",)


def wcs_of(model, references, log):
    """Return the WCS of an image.

    Parameters
    ----------
    model : DataModel
        The exposure, of one image or one image per integration.
    references : References
        ``distortion``, and where there is one ``filteroffset``.
    log : logging.Logger
        Of the step.

    Returns
    -------
    Wcs
        With frames detector (pixels, first one 0), v2v3, v2v3vacorr (arcsec) and world (degrees, ICRS), and a bounding
        box. An object of gwcs if there is no description of the distortion.

    Raises
    ------
    InputError
        If the header does not say where the telescope points.
    ReferenceError_
        If the distortion file holds no transform.

    Notes
    -----
    JWST pipeline documentation 1.13.5, assign_wcs.
    """
    pointing = frames.pointing_of(model)
    scale = frames.aberration_of(model, log)
    offsets = filter_offset(model, references.filteroffset.filters, log) if "filteroffset" in references else (0.0, 0.0)
    distortion = distortion_of(references.distortion)
    steps = [
        (plane_frame(frames.DETECTOR, ("x", "y"), "pix"), _to_v2v3(model, distortion, offsets)),
        (plane_frame(frames.V2V3, ("v2", "v3")), frames.velocity_aberration(scale, pointing.v2, pointing.v3)),
        (plane_frame(frames.V2V3_ABERRATED, ("v2", "v3")), frames.v2v3_to_sky(pointing)),
        (sky_frame(frames.WORLD), None),
    ]
    wcs: Any = Wcs(steps) if isinstance(distortion, Transform) else as_gwcs(steps)
    wcs.bounding_box = bounding_box(model, distortion)
    return wcs


def distortion_of(reference) -> Any:
    """Return the transform of a distortion file, a copy: what is done with it must not reach other exposures.

    Its description; a model of astropy where there is none.
    """
    try:
        transform = reference.described().get("model")
    except NotDescribed:
        transform = reference.tree.get("model")
    if transform is None or not hasattr(transform, "n_inputs"):
        raise ReferenceError_(
            "a distortion file with a transform from pixels to V2V3, named 'model', is required",
            where=str(reference.path or "model in memory"),
            hint="give another one with override_distortion",
        )
    return transform.deepcopy()


def _to_v2v3(model, distortion, offsets):
    models: Any = described if isinstance(distortion, Transform) else _models_of_astropy()
    transform = distortion
    for x, y in (offsets, subarray_offset(model)):
        if (x, y) != (0, 0):
            transform = models.Shift(x) & models.Shift(y) | transform
    return transform


def _models_of_astropy():
    from astropy.modeling import models

    return models


def subarray_offset(model):
    """Return (columns, rows) from the first pixel of the detector to that of the subarray.

    (0, 0) where the header does not say.
    """
    subarray = model.meta.subarray
    return (subarray.xstart or 1) - 1, (subarray.ystart or 1) - 1


def filter_offset(model, filters, log):
    """Return the offset of the image by the filter, to be added to pixel positions.

    Parameters
    ----------
    model : DataModel
        The exposure.
    filters : list of dict
        Of a FILTEROFFSET file: ``filter`` (and ``pupil``), ``column_offset``, ``row_offset``, pixels.
    log : logging.Logger
        Is told where there is none.

    Returns
    -------
    column, row : float
        0 where the file does not have the filter of the exposure.
    """
    used = {name: model.get_meta(f"meta.instrument.{name}") for name in ("filter", "pupil")}
    for entry in filters:
        if all(used[name] is None or entry.get(name) == used[name] for name in used):
            return float(entry["column_offset"]), float(entry["row_offset"])
    known = " and ".join(f"{name} {value}" for name, value in used.items() if value is not None)
    log.info("The filter offset file has no entry for %s: no offset is applied", known or "an exposure without filter")
    return 0.0, 0.0


def bounding_box(model, distortion):
    """Return the bounding box of an image: ((xmin, xmax), (ymin, ymax)), pixels.

    That of the distortion file if it has one and the image begins at its first pixel; else the outer edges of the
    pixels.
    """
    ny, nx = model.shape[-2:]
    own = _box_of(distortion)
    if own is None or subarray_offset(model) != (0, 0):
        return (-0.5, nx - 0.5), (-0.5, ny - 0.5)
    return tuple(tuple(map(float, own[name])) for name in distortion.inputs)


def _box_of(distortion):
    """The bounding box of a distortion: input -> (lower, upper); None if it has none."""
    if isinstance(distortion, Transform):
        return distortion.bounding_box
    if distortion._user_bounding_box is None:
        return None
    return {name: (limits.lower, limits.upper) for name, limits in distortion.bounding_box.named_intervals.items()}
