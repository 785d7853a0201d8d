"""One slit or slice out of the WCS of a NIRSpec exposure.

The stored WCS of an exposure has a third input, the number of the slit, that is handed on from frame to frame; between
``gwa`` and ``slit_frame``, and between that and the plane of the shutters, it says which of a list of transforms is
taken.
"""

from typing import Any

from hexcal.errors import InputError, unknown_name
from hexcal.models.stored_wcs import described
from hexcal.models.wcs import models
from hexcal.models.wcs.description import Choice, Wcs

NAME = "name"
"""The input that says which slit is meant."""


def slit_numbers(wcs):
    """Return the numbers by which a WCS knows its slits (list); empty where it does not hold several."""
    lists = [step.transform.slit_ids for step in wcs.pipeline if _chooses(step.transform)]
    return list(lists[0]) if lists else []


def slit_wcs(wcs, number):
    """Return the WCS of one slit.

    Parameters
    ----------
    wcs : Wcs or gwcs.WCS
        Of an exposure.
    number : int or str
        One of `slit_numbers`.

    Returns
    -------
    Wcs
        From two pixel coordinates; with the bounding box of the slit, where one is stored.

    Raises
    ------
    InputError
        If the WCS does not have this slit.
    """
    wcs = required(wcs)
    known = slit_numbers(wcs)
    if number not in known:
        raise unknown_name("slit", str(number), list(map(str, known)), where="WCS", error=InputError)
    result = Wcs([(step.frame, of_slit(step.transform, number)) for step in wcs.pipeline])
    box = box_of_slit(wcs, number)
    if box is not None:
        result.bounding_box = box
    return result


def box_of_slit(wcs, number):
    """Return the stored bounding box of a slit: ((xmin, xmax), (ymin, ymax)), pixels; None if there is none."""
    boxes = required(wcs).bounding_box
    box = boxes.get(number) if isinstance(boxes, Choice) else None
    return None if box is None else tuple(tuple(map(float, box[name])) for name in ("x", "y"))


def required(wcs) -> Wcs:
    """Return the description of a WCS, of which others are made; InputError if there is none for it."""
    result = described(wcs)
    if result is None:
        raise InputError(
            "the WCS is made of transforms that Hexcal does not know, so that no other WCS can be derived from it",
            where="WCS",
            hint="run the step assign_wcs again",
        )
    return result


def of_slit(transform, number):
    """Return a transform between two frames for one slit: the number of the slit is neither input nor output."""
    if transform is None or (_chooses(transform) and not hasattr(transform, "left")):
        return transform if transform is None else transform.get_model(number)
    if NAME not in transform.inputs:
        return transform
    chooser = _chooser_in(transform)
    if chooser is not None:
        result: Any = chooser.get_model(number) & models.Identity(1)
    else:
        result = _without_name(transform)
    result.name = transform.name
    result.inputs = tuple(name for name in transform.inputs if name != NAME)
    result.outputs = tuple(name for name in transform.outputs if name != NAME)
    return result


def _chooses(transform):
    """Whether a model holds one transform per slit."""
    return hasattr(transform, "slit_ids") and hasattr(transform, "get_model")


def _chooser_in(transform):
    """The model with one transform per slit in ``chooser & Identity(1) | Mapping``; None if there is none."""
    while getattr(transform, "left", None) is not None:
        transform = transform.left
        if _chooses(transform):
            return transform
    return None


def _without_name(transform):
    """Return a transform without its last input, which is handed on as it is."""
    left: Any = getattr(transform, "left", None)
    right: Any = getattr(transform, "right", None)
    operator = getattr(transform, "op", "")
    if operator == "&" and isinstance(right, models.Identity):
        return left if right.n_inputs == 1 else left & models.Identity(right.n_inputs - 1)
    if operator == "|" and isinstance(right, models.Mapping):
        kept = tuple(place for place in right.mapping if place != left.n_outputs - 1)
        inner = _without_name(left)
        return inner if kept == tuple(range(inner.n_outputs)) else inner | models.Mapping(kept)
    if operator == "|" and isinstance(left, models.Mapping):
        return _without_last_of_mapping(left, _without_name(right))
    raise InputError(
        f"the transform {transform.name or type(transform).__name__} of the WCS passes the slit number on in an "
        "unknown way",
        where="WCS",
        hint="run the step assign_wcs again",
    )


def _without_last_of_mapping(mapping, right):
    """``mapping | right`` for ``right`` without the last coordinate, which the mapping hands on at its end.

    The way back through fore-optics needs the wavelength twice, which the original's mapping does not give.
    """
    result = models.Mapping(mapping.mapping[:-1]) | right
    back = right.inverse | models.Mapping(mapping.inverse.mapping[:-1], n_inputs=right.n_inputs - 1)
    result.inverse = models.Mapping((0, 1, 2, 2)) | back if back.n_inputs == 4 else back
    return result
