"""The WCS of spectra of the MIRI medium-resolution spectrometer: one transform for each slice of its two channels."""

from typing import Any

import numpy as np

from hexcal.errors import InputError, ReferenceError_
from hexcal.models.wcs import models
from hexcal.models.wcs.description import Wcs
from hexcal.models.wcs.frames import plane_frame
from hexcal.steps.wcs import frames, spectral_frames
from hexcal.steps.wcs.footprint import s_region
from hexcal.steps.wcs.miri_lrs import ALPHA_BETA, DISPERSION_AXIS
from hexcal.steps.wcs.reference_transforms import content_of

_PLANE = 7
"""The map of slices, of those that a regions file holds, that says which pixels see the sky: transmission of 80 %."""


def reference_types(model):
    """Return the types of reference files that the WCS needs (tuple of str)."""
    return ("distortion", "specwcs", "regions", "wavelengthrange")


def wcs_of(model, references, log):
    """Return the WCS of an exposure of the medium-resolution spectrometer.

    Parameters
    ----------
    model : DataModel
        The exposure.
    references : References
        ``distortion``, ``specwcs``, ``regions``, ``wavelengthrange``.
    log : logging.Logger
        Of the step.

    Returns
    -------
    Wcs
        With frames detector (pixels, first one 0), alpha_beta (arcsec along and across the slices, micron), v2v3,
        v2v3vacorr (arcsec, micron) and world (degrees, ICRS, micron), and a bounding box.

    Raises
    ------
    InputError
        If the header does not say which channels and band these are, or where the telescope points.
    ReferenceError_
        If a reference file does not have these channels, or not the shape of the exposure.

    Notes
    -----
    JWST pipeline documentation 1.13.5, assign_wcs. The documents name frames miri_focal and xyan, which release 3.0.0
    does not have: see docs/decisions.md.
    """
    bands = _bands(model)
    velocity = spectral_frames.to_barycentre(model, log)
    ranges = _ranges(references.wavelengthrange, bands)
    spatial = plane_frame("alpha_beta_spatial", ("alpha", "beta"))
    spectral = spectral_frames.wavelength_frame("alpha_beta_spectral")
    wcs = Wcs(
        [
            (plane_frame(frames.DETECTOR, ("x", "y"), "pix"), _to_alpha_beta(model, references, ranges, velocity)),
            (
                spectral_frames.with_wavelength(ALPHA_BETA, spatial, spectral),
                _alpha_beta_to_v2v3(references.distortion, ranges),
            ),
            *spectral_frames.v2v3_to_world(model, log),
        ]
    )
    ny, nx = model.shape[-2:]
    wcs.bounding_box = (-0.5, nx - 0.5), (-0.5, ny - 0.5)
    return wcs


def complete(model, references, log):
    """Set what goes with the WCS: axis of dispersion, range of wavelengths, outline on the sky."""
    from hexcal.steps.wcs.spectral import ifu_slices

    model.meta.wcsinfo.dispersion_direction = DISPERSION_AXIS
    model.meta.wcsinfo.specsys = spectral_frames.BARYCENTRE
    slices = ifu_slices(model)
    wavelengths = [values for part in slices if (values := part.wavelength[np.isfinite(part.wavelength)]).size]
    if not wavelengths:
        log.warning("No pixel of the exposure sees the sky: S_REGION is not set")
        return
    limits = [float(min(values.min() for values in wavelengths)), float(max(values.max() for values in wavelengths))]
    model.set_meta("meta.wcsinfo.spectral_region", limits)
    region = s_region(outline(slices))
    model.meta.wcsinfo.s_region = region
    log.info("%d slices, %.4f to %.4f micron; S_REGION: %s", len(slices), *limits, region)


def outline(slices):
    """Return the corners of the box of right ascension and declination that holds all slices.

    Parameters
    ----------
    slices : list of IFUSlice
        Of one exposure.

    Returns
    -------
    float64 array (4, 2)
        Degrees; right ascensions from 0 to 360, also of a box that holds 0.
    """
    ra = np.concatenate([part.ra[np.isfinite(part.ra)] for part in slices])
    dec = np.concatenate([part.dec[np.isfinite(part.ra)] for part in slices])
    if ra.max() - ra.min() > 180:
        ra = np.where(ra > 180, ra - 360, ra)
    west, east, south, north = ra.min(), ra.max(), dec.min(), dec.max()
    corners = np.array([[west, south], [east, south], [east, north], [west, north]])
    corners[:, 0] %= 360
    return corners


def _bands(model):
    """Names of the bands of an exposure, as reference files have them: "1SHORT", "2SHORT"."""
    channels, band = model.meta.instrument.channel, model.meta.instrument.band
    if not channels or not band:
        raise InputError(
            f"the channels and the band of an exposure of MIRI MRS are needed: CHANNEL is {channels}, BAND is {band}",
            where=str(model.path or "model in memory"),
        )
    return {int(channel): f"{channel}{band}" for channel in str(channels)}


def _ranges(reference, bands):
    """Channel -> (shortest, longest wavelength, micron)."""
    # Delivered files call the list of bands waverange_selector, the documents call it channels.
    listed = content_of(reference, "channels", "wavelengthrange")
    names = list(_in_tree(reference, "waverange_selector", "wavelengthrange") if listed is None else listed)
    missing = [name for name in bands.values() if name not in names]
    if missing:
        raise ReferenceError_(
            f"the wavelengthrange file does not have the band {', '.join(missing)}; it has {', '.join(names)}",
            where=_where(reference),
            hint="give another one with override_wavelengthrange",
        )
    limits = _in_tree(reference, "wavelengthrange", "wavelengthrange")
    return {channel: tuple(map(float, limits[names.index(name)])) for channel, name in bands.items()}


def _in_tree(reference, name, reference_type):
    """What stands under a name in a reference file, as a description; ReferenceError_ if it is not there."""
    value = content_of(reference, name, reference_type)
    if value is None:
        raise ReferenceError_(
            f"a {reference_type} file of MIRI MRS is required, with '{name}'",
            where=_where(reference),
            hint=f"give another one with override_{reference_type}",
        )
    return value


def _where(reference):
    return str(reference.path or "model in memory")


def slice_map(model, reference):
    """Return which slice each pixel sees.

    Parameters
    ----------
    model : DataModel
        The exposure.
    reference : RegionsModel
        With maps of slices: (nplanes, ny, nx), or one (ny, nx).

    Returns
    -------
    int16 array (ny, nx)
        100 times the channel and the number of the slice; 0 between the slices.

    Raises
    ------
    ReferenceError_
        If the maps do not have the shape of the exposure.
    """
    maps = np.asarray(_in_tree(reference, "regions", "regions"))
    labels = maps if maps.ndim == 2 else maps[min(_PLANE, len(maps) - 1)]
    if labels.shape != tuple(model.shape[-2:]):
        raise ReferenceError_(
            f"the regions file has {labels.shape[1]} x {labels.shape[0]} pixels, "
            f"the exposure {model.shape[-1]} x {model.shape[-2]}",
            where=_where(reference),
            hint="give another one with override_regions",
        )
    return labels.astype(np.int16)


def _by_channel(reference, name, value):
    """Channel -> what a distortion file has for it, in a list beside the names of bands."""
    entry = _in_tree(reference, name, "distortion")
    return {int(band[0]): item for band, item in zip(entry["channel_band"], entry[value], strict=True)}


def _to_alpha_beta(model, references, ranges, velocity) -> Any:
    """From pixels to alpha, beta (arcsec) and wavelength (micron), slice by slice, with the way back."""
    labels = slice_map(model, references.regions)
    transforms = _slice_transforms(references.distortion, references.specwcs, velocity)
    unknown = sorted(set(np.unique(labels)) - set(transforms) - {0})
    if unknown:
        raise ReferenceError_(
            f"the regions file has slices that the distortion file does not know: {', '.join(map(str, unknown))}",
            where=_where(references.regions),
            hint="both must be of the same channels and band",
        )
    mapper = models.LabelMapperArray(labels)
    mapper.inverse = _slice_of_beta(references.distortion, ranges)
    return models.RegionsSelector(
        ("x0", "x1"), ("x0", "x1", "x2"), transforms, mapper, undefined_transform_value=np.nan, name="detector_to_abl"
    )


def _slice_transforms(distortion, specwcs, velocity):
    """Label of a slice -> its transform.

    Those of the files take y and x; those of the way back the wavelength at the detector, and alpha.
    """
    names = ("slices", "alpha_model", "beta_model", "x_model", "y_model")
    lists = [_in_tree(distortion, name, "distortion") for name in names]
    wavelengths = dict(zip(_in_tree(specwcs, "slices", "specwcs"), _in_tree(specwcs, "model", "specwcs"), strict=True))
    transforms: dict[int, Any] = {}
    for label, alpha, beta, x, y in zip(*lists, strict=True):
        if label not in wavelengths:
            raise ReferenceError_(
                f"the specwcs file does not have slice {label} of the distortion file",
                where=_where(specwcs),
                hint="both must be of the same channels and band",
            )
        transform: Any = models.Mapping((1, 0, 0, 1, 0)) | alpha & beta & (wavelengths[label] | velocity)
        at_detector: Any = velocity.inverse & models.Identity(1)
        transform.inverse = models.Mapping((2, 0, 2, 0), n_inputs=3) | (at_detector | x) & (at_detector | y)
        transforms[int(label)] = transform
    return transforms


def _slice_of_beta(distortion, ranges):
    """What tells the slice of a place by its wavelength, which gives the channel, and its beta."""
    first = _by_channel(distortion, "bzero", "beta_zero")
    width = _by_channel(distortion, "bdel", "delta_beta")
    inputs = ("x0", "x1", "x2")
    slices = {}
    for channel, limits in ranges.items():
        if channel not in first or channel not in width:
            raise _without_channel(distortion, channel, first)
        of_beta = models.MIRI_AB2Slice(first[channel], width[channel], channel)
        slices[limits] = models.LabelMapper(inputs, of_beta, inputs_mapping=models.Mapping((1,), n_inputs=3))
    return models.LabelMapperRange(inputs, slices, models.Mapping((2,), n_inputs=3))


def _without_channel(reference, channel, known):
    return ReferenceError_(
        f"the distortion file does not have channel {channel}; it has {', '.join(map(str, known))}",
        where=_where(reference),
        hint="give another one with override_distortion",
    )


def _alpha_beta_to_v2v3(distortion, ranges) -> Any:
    """From alpha and beta to V2 and V3, both arcsec, by channel, with the way back."""
    planes = _by_channel(distortion, "abv2v3_model", "model")
    transforms, channels = {}, {}
    for channel, limits in ranges.items():
        if channel not in planes:
            raise _without_channel(distortion, channel, planes)
        transforms[channel] = planes[channel] & models.Identity(1)
        channels[limits] = models.Mapping((2,), n_inputs=3) | models.Const1D(float(channel), name="channel #")
    inputs = ("x0", "x1", "x2")
    wavelength = models.Mapping((2,), n_inputs=3)
    by_wavelength = models.LabelMapperRange(inputs, channels, wavelength)
    by_wavelength.inverse = models.LabelMapperRange(inputs, channels, wavelength)
    return models.RegionsSelector(
        inputs, inputs, transforms, by_wavelength, undefined_transform_value=np.nan, name="abl_to_v2v3l"
    )
