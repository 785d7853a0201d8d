"""The WCS of a NIRSpec exposure, put together from the transforms between its frames."""

from typing import Any

import numpy as np

from hexcal.models.stored_wcs import as_gwcs, library_objects
from hexcal.models.wcs import models as make
from hexcal.models.wcs.description import Choice, Wcs
from hexcal.steps.wcs import frames, nirspec_frames, nirspec_optics
from hexcal.steps.wcs.nirspec_slits import NAME
from hexcal.steps.wcs.reference_transforms import transform_in

_SLICE, _SHUTTER = ("x_slice", "y_slice", "lam"), ("x_msa", "y_msa", "lam")
_OTE, _V2V3 = ("x_ote", "y_ote", "lam"), ("v2", "v3", "lam")


def of_slits(slits, to_detector, sky, is_ifu):
    """Return the WCS of all slits; the number of the slit goes along as the last coordinate.

    Parameters
    ----------
    slits : list of (SlitGeometry, Model, box)
        Slits on the detector: their transforms from ``gwa``, their bounding boxes.
    to_detector : (Model, Model)
        From detector to sca, and from sca to gwa.
    sky : list
        What `sky_steps` gives.
    is_ifu : bool
        Slices of the integral-field unit.

    Returns
    -------
    Wcs
    """
    names = nirspec_frames.Frames()
    keys = [slit.slit for slit, _, _ in slits]
    first = named(to_detector[0] & make.Identity(1), "dms2sca", ("x", "y", NAME), ("x", "y", NAME))
    second = to_detector[1] & make.Identity(1) | make.Mapping((3, 0, 1, 2))
    second.inverse = make.Mapping((1, 2, 3, 0)) | to_detector[1].inverse & make.Identity(1)
    second = named(second, "det2gwa", ("x", "y", NAME), (NAME, "angle1", "angle2", "angle3"))
    gwa_to_slit = make.Gwa2Slit(keys, [transform for _, transform, _ in slits])
    gwa_to_slit.name = "gwa2slit"
    slit_to_plane = make.Slit2Msa(keys, [slit.to_plane for slit, _, _ in slits])
    third: Any = slit_to_plane & make.Identity(1) | make.Mapping((0, 1, 3, 2))
    outputs = _SLICE if is_ifu else _SHUTTER
    third = named(third, "slit2slicer" if is_ifu else "slit2msa", (NAME, "x_slit", "y_slit", "lam"), (*outputs, NAME))
    steps = [
        (names.detector(), first),
        (names.sca(), second),
        (names.gwa(), gwa_to_slit),
        (names.slit(), third),
    ]
    for frame, transform, label, ins, outs in sky:
        beside = None if transform is None else transform & make.Identity(1)
        steps.append((frame, beside and named(beside, label, (*ins, NAME), (*outs, NAME))))
    boxes = {slit.key: {"x": box[0], "y": box[1]} for slit, _, box in slits}
    first.bounding_box = Choice(boxes)
    return Wcs(steps)


def with_map(regions, slits, to_detector, sky):
    """Return the WCS of an integral-field exposure that takes pixels of the frame.

    Parameters
    ----------
    regions : int array (ny, nx)
        Number of the slice of each pixel, from 1; 0 between them.
    slits, to_detector, sky
        As of `of_slits`.

    Returns
    -------
    gwcs.WCS
        Frames coordinates, detector, slicer and those after it, as release 3.0.0 stores it.
    """
    from gwcs import selector

    names = nirspec_frames.Frames()
    whole = make.Identity(2, name="coord2det")
    transforms = {}
    for slit, transform, box in slits:
        pixel_to_slit: Any = to_detector[0] | to_detector[1] | transform
        to_slicer = slit.to_plane & make.Identity(1)
        # Separate halves: what needs the position in the slice takes the first one.
        chain = pixel_to_slit | named(to_slicer, "slit2slicer", ("x_slit", "y_slit", "lam"), _SLICE)
        chain.inputs = ("x", "y")
        chain.bounding_box = _whole_pixels(box)
        transforms[slit.key + 1] = chain
    transforms = dict(zip(transforms, library_objects(transforms.values()), strict=True))
    mapper = selector.LabelMapperArray(np.asarray(regions, np.int64))
    choice: Any = selector.RegionsSelector(("x", "y"), _SLICE, transforms, mapper, np.nan, name="det2slicer")
    steps: Any = [(names.coordinates(), named(whole, "coord2det", ("x", "y"), ("x", "y"))), (names.detector(), choice)]
    for frame, transform, label, ins, outs in sky:
        steps.append((frame, transform and named(transform, label, ins, outs)))
    return as_gwcs(steps)


def _whole_pixels(box):
    """Bounding box of a transform of x and y: edges of whole pixels."""
    x, y = ((float(np.ceil(low) - 0.5), float(np.floor(high) + 0.5)) for low, high in box)
    return {"x": x, "y": y}


def sky_steps(model, references, is_ifu, sees_sky, log):
    """Yield the steps from the plane of the slits (or slicer) to the sky, of one slit.

    Parameters
    ----------
    model : DataModel
        The exposure, with its pointing.
    references : References
        ``fore``, ``ote``; of the integral-field unit ``ifufore``, and where there is one ``chromcorr``.
    is_ifu, sees_sky : bool
        What it is of. Steps of lamps end at the plane of the micro-shutters.
    log : logging.Logger
        Told if there is no factor for velocity aberration.

    Yields
    ------
    frame, transform, name, inputs, outputs
        The transform of the last one is None.
    """
    names = nirspec_frames.Frames()
    if is_ifu:
        fore = transform_in(references.ifufore, "model", "ifufore")
        yield names.slicer(), nirspec_optics.with_wavelength(fore), "slicer2msa", _SLICE, _SHUTTER
    if not sees_sky:
        yield names.msa(), None, None, (), ()
        return
    pointing = frames.pointing_of(model)
    to_ote = nirspec_optics.with_wavelength(transform_in(references.fore, "model", "fore"), "msa2fore_mapping")
    yield names.msa(), to_ote, "msa2oteip", _SHUTTER, _OTE
    place = names.oteip()
    if is_ifu and "chromcorr" in references:
        yield place, transform_in(references.chromcorr, "model", "chromcorr"), "chrom_corr", _OTE, _OTE
        place = names.oteip(nirspec_frames.CORRECTED_OTEIP)
    yield place, nirspec_optics.oteip_to_v2v3(transform_in(references.ote, "model", "ote")), "oteip2v23", _OTE, _V2V3
    scale = frames.aberration_of(model, log)
    aberration: Any = frames.velocity_aberration(scale, pointing.v2, pointing.v3) & make.Identity(1)
    yield names.v2v3(), aberration, "va_corr", _V2V3, _V2V3
    to_sky: Any = frames.v2v3_to_sky(pointing) & make.Identity(1)
    yield names.v2v3(frames.V2V3_ABERRATED), to_sky, "v2v3_to_sky", _V2V3, ("ra", "dec", "lam")
    yield names.world(), None, None, (), ()


def named(transform, name, inputs, outputs):
    """Return a transform with its name and those of its coordinates set."""
    transform.name, transform.inputs, transform.outputs = name, inputs, outputs
    return transform
