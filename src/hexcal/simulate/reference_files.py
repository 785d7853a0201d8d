"""Reference files that belong to a simulated detector, in the layouts in which they are delivered."""

import contextlib
import json
from dataclasses import dataclass

import numpy as np

from hexcal.models import association_file
from hexcal.models import reference as models
from hexcal.models.dqflags import pixel
from hexcal.models.single import TreeModel
from hexcal.observatories.jwst.detectors import detector as detector_facts
from hexcal.simulate.drifts import Transients, reset_curve
from hexcal.simulate.output import make_folder, planned

_INLINE = 5000
"""Values of an array of a tree that stand in its text, at most."""
_SHARED = ("mask", "saturation", "linearity", "gain", "readnoise", "dark")
REFERENCE_TYPES = {"NIR": (*_SHARED, "superbias"), "MIRI": (*_SHARED, "reset", "rscd")}
"""What a simulated exposure comes with. No ipc: the simulated pixels do not couple."""

_DQ_DEF_TYPE = [("BIT", "i4"), ("VALUE", "u4"), ("NAME", "S40"), ("DESCRIPTION", "S80")]
_FLAGS = {
    "mask": {
        "DO_NOT_USE": "Bad pixel, not to be used",
        "DEAD": "No response to light",
        "HOT": "High dark current",
        "LOW_QE": "Low response to light",
        "OPEN": "Open pixel: its charge goes to its neighbours",
        "ADJ_OPEN": "Adjacent to an open pixel",
        "REFERENCE_PIXEL": "Not sensitive to light",
        "BAD_REF_PIXEL": "Bad reference pixel",
    },
    "saturation": {"DO_NOT_USE": "Bad pixel, not to be used", "NO_SAT_CHECK": "No threshold is known"},
    "superbias": {"DO_NOT_USE": "Bad pixel, not to be used", "UNRELIABLE_BIAS": "Bias varies"},
    "linearity": {
        "DO_NOT_USE": "Bad pixel, not to be used",
        "NONLINEAR": "Strongly non-linear",
        "NO_LIN_CORR": "No correction is known",
    },
    "dark": {
        "DO_NOT_USE": "Bad pixel, not to be used",
        "HOT": "High dark current",
        "UNRELIABLE_DARK": "Dark current varies",
    },
    "reset": {"DO_NOT_USE": "Bad pixel, not to be used"},
    "flat": {"DO_NOT_USE": "Bad pixel, not to be used", "NO_FLAT_FIELD": "No flat field is known"},
    "mrs": {"DO_NOT_USE": "Bad pixel, not to be used", "NON_SCIENCE": "Sees no light"},
}


@dataclass(frozen=True)
class Place:
    """What the header of a reference file says about where it holds; a `Mode` has the same attributes and more."""

    instrument: str
    detector: str
    subarray: str
    xstart: int
    ystart: int
    xsize: int
    ysize: int
    readpatt: str | None = None
    n_frames: int | None = None
    group_gap: int | None = None


def flag_definitions(reference_type):
    """Return the DQ_DEF table of a type of reference: the flags that it may use, with their master bits.

    A model keeps its flags in master bits, so that one that was never written to a file serves as well.
    """
    flags = _FLAGS[reference_type].items()
    rows = [(pixel[name].bit_length() - 1, pixel[name], name.encode(), text.encode()) for name, text in flags]
    return np.array(rows, dtype=_DQ_DEF_TYPE)


def describe(model, reference_type, place, description):
    """Fill in the keywords that every reference file must have.

    Parameters
    ----------
    model : ReferenceModel
    reference_type : str
        Such as "dark".
    place : Place or Mode
    description : str
        For DESCRIP.

    Notes
    -----
    JWST pipeline documentation 1.13.5, "Required keywords documenting contents of reference files".
    """
    from hexcal import __version__

    meta, facts = model.meta, detector_facts(place.detector)
    meta.telescope, meta.instrument.name, meta.instrument.detector = "JWST", place.instrument, place.detector
    meta.reftype, meta.pedigree, meta.useafter = reference_type.upper(), "SIMULATION", "2015-01-01T00:00:00"
    meta.author, meta.description = "Hexcal", description
    meta.subarray.name, meta.subarray.fastaxis, meta.subarray.slowaxis = place.subarray, facts.fastaxis, facts.slowaxis
    meta.subarray.xstart, meta.subarray.ystart = place.xstart, place.ystart
    meta.subarray.xsize, meta.subarray.ysize = place.xsize, place.ysize
    if reference_type in ("dark", "reset", "readnoise", "rscd", "superbias"):
        meta.exposure.readpatt = place.readpatt
    if reference_type == "linearity" and place.instrument == "MIRI":
        # The rules ask for them.
        meta.instrument.band = meta.instrument.filter = "N/A"
    if reference_type in ("dark", "reset"):
        meta.exposure.nframes, meta.exposure.groupgap = place.n_frames, place.group_gap
        meta.exposure.ngroups = model.shape[-3]
        if len(model.shape) == 4:
            meta.exposure.nints = model.shape[0]
    model.history.extend(
        [
            "DOCUMENT: none; the file was simulated",
            f"SOFTWARE: Hexcal {__version__}, hexcal simulate",
            "DATA USED: none; no detector was measured",
            "DIFFERENCES: none; there was none before",
        ]
    )
    return model


def reference_models(mode, detector):
    """Return the reference models of a simulated exposure.

    Parameters
    ----------
    mode : Mode
        Of the exposure.
    detector : DetectorPixels
        The pixels that are read, or the whole detector. In the latter case the references of single pixels are full
        frame, as delivered, while superbias, dark and reset, which depend on the subarray, are those of the mode.

    Returns
    -------
    dict of str to ReferenceModel
    """
    ny, nx = detector.shape
    facts = detector_facts(mode.detector)
    is_whole = (ny, nx) == (facts.rows, facts.columns)
    pixels = Place(
        mode.instrument,
        mode.detector,
        # GENERIC: any subarray can be cut out of it.
        "GENERIC" if is_whole and not mode.is_full_frame else mode.subarray,
        detector.xstart,
        detector.ystart,
        nx,
        ny,
        mode.readpatt,
    )
    part = detector.part(mode)
    by_type = _of_pixels(detector)
    for reference_type, model in by_type.items():
        describe(model, reference_type, pixels, f"Simulated {reference_type}")
    for reference_type, model in _of_subarray(mode, part).items():
        by_type[reference_type] = describe(model, reference_type, mode, f"Simulated {reference_type}")
    if mode.instrument == "MIRI":
        by_type["rscd"] = describe(
            rscd_model(mode.subarray, mode.readpatt, Transients.RSCD_GROUPS), "rscd", mode, "Simulated rscd"
        )
    return by_type


def _of_pixels(detector):
    shape = detector.shape
    return {
        "mask": models.MaskModel(dq=detector.dq, dq_def=flag_definitions("mask")),
        "saturation": flagged(models.SaturationModel(detector.saturation), "saturation", shape),
        "linearity": flagged(models.LinearityModel(detector.coefficients), "linearity", shape),
        "gain": models.GainModel(detector.gain),
        # The reference holds the noise of the difference of two frames.
        "readnoise": models.ReadnoiseModel(np.sqrt(2) * detector.read_noise),
    }


def _of_subarray(mode, part):
    times = (np.arange(mode.n_groups, dtype=np.float32) * np.float32(mode.group_time))[:, None, None]
    dark = times * part.dark
    if mode.instrument == "MIRI":
        curve = reset_curve(2, min(mode.n_groups, Transients.RESET_GROUPS))
        return {
            "dark": dark_model(np.stack([dark, dark])),
            "reset": reset_model(curve[:, :, None, None] * part.reset_anomaly),
        }
    bias = flagged(models.SuperBiasModel(part.bias), "superbias", part.shape)
    bias.err = np.full(part.shape, 1.0, np.float32)
    return {"superbias": bias, "dark": dark_model(dark)}


def flagged(model, reference_type, shape):
    """Give a model a DQ image without flags, and the table that defines its bits."""
    model.dq, model.dq_def = np.zeros(shape, np.uint32), flag_definitions(reference_type)
    return model


def dark_model(data):
    """Return a dark: (ngroups, ny, nx), or (nints, ngroups, ny, nx) for MIRI; counts since the first group, DN."""
    cls = models.DarkMIRIModel if data.ndim == 4 else models.DarkModel
    shape = (data.shape[0], 1, *data.shape[-2:]) if data.ndim == 4 else data.shape[-2:]
    model = flagged(cls(data), "dark", shape)
    model.err = np.zeros(data.shape, np.float32)
    return model


def reset_model(data):
    """Return a reset anomaly: (nints, ngroups, ny, nx), DN."""
    model = flagged(models.ResetModel(data), "reset", data.shape[-2:])
    model.err = np.zeros(data.shape, np.float32)
    return model


def rscd_model(subarray, readpatt, n_skip):
    """Return a table of groups to leave out after a reset, with one row."""
    columns = [("subarray", "S13"), ("readpatt", "S8"), ("group_skip", "i4")]
    return models.RSCDModel(
        rscd_group_skip_table=np.array([(str(subarray).encode(), str(readpatt).encode(), n_skip)], dtype=columns)
    )


def save_references(references, folder, overwrite=False):
    """Write references as ``<folder>/<type>.fits``, ``.asdf`` where they are trees, ``.json`` where they are dicts.

    Returns
    -------
    list of str
        The paths.
    """
    paths = planned(folder, [f"{kind}{ending(model)}" for kind, model in references.items()], overwrite)
    make_folder(folder)
    return [save_reference(model, path) for model, path in zip(references.values(), paths, strict=True)]


def ending(reference):
    """Return the ending of the file of a reference: of a model, a tree, or a dict."""
    return ".json" if isinstance(reference, dict) else ".asdf" if isinstance(reference, TreeModel) else ".fits"


def save_reference(reference, path):
    """Write one reference, a model or the content of a JSON file; returns the path."""
    if isinstance(reference, dict):
        association_file.write_text(path, json.dumps(reference, indent=1) + "\n")
        return str(path)
    with _inline_arrays(isinstance(reference, TreeModel)):
        return reference.save(path)


@contextlib.contextmanager
def _inline_arrays(is_tree):
    """Have short arrays of ASDF files stand in their text: some programs close such a file before they read blocks."""
    if not is_tree:
        yield
        return
    import asdf

    with asdf.config_context() as config:
        config.array_inline_threshold = _INLINE
        yield
