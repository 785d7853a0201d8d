"""The parts of an exposure that a correction acts on, one after the other: its slits, or the exposure itself."""

from hexcal.core import SkipStep
from hexcal.models.parts import Parts


class SkipPart(Exception):
    """Raised by a correction, before a part is changed, when there is nothing to do for it or it cannot be used.

    Parameters
    ----------
    reason : str
        Logged for the user; the other parts go on.
    is_expected : bool
        Whether the part does not need the correction: then it is no warning.
    """

    def __init__(self, reason, is_expected=False):
        super().__init__(reason)
        self.is_expected = is_expected


def parts_of(model):
    """Return what a correction acts on, one part after the other.

    Parameters
    ----------
    model : DataModel
        A product of many slits (`MultiSlitModel`, `MultiExposureModel`), a single slit, or an image or cube.

    Returns
    -------
    list of DataModel
        The slits; a model without parts is its own only part. A part is changed in place; it knows its own metadata,
        those of the exposure are in `model`.
    """
    return list(model.parts()) if isinstance(model, Parts) else [model]


def name_of_part(part, model=None):
    """Return how messages call a part: "slit S200A1", "slitlet 12 (source 5)"; "the exposure" if it has no name.

    Parameters
    ----------
    part : DataModel
        One of `parts_of`.
    model : DataModel, optional
        The product that it is a part of, which says whether a number is that of a slitlet.
    """
    name = part.get_meta("name")
    if name in (None, ""):
        return "the exposure"
    source = part.get_meta("source_id")
    if model is not None and model.get_meta("meta.exposure.type") == "NRS_MSASPEC":
        return f"slitlet {name}" + (f" (source {source})" if source is not None else "")
    return f"slit {name}"


def correct_parts(model, correct, log):
    """Have each part corrected; one that cannot be is left as it is, the reason logged, and the rest goes on.

    Parameters
    ----------
    model : DataModel
        The product; its parts are changed in place.
    correct : callable
        ``correct(part)``; raises `SkipPart` before it changes a part that it leaves out.
    log : logging.Logger
        Gets a line for each part that is left out.

    Returns
    -------
    list of DataModel
        The parts that were corrected.

    Raises
    ------
    SkipStep
        If there is none.
    """
    corrected, reasons = [], []
    parts = parts_of(model)
    for part in parts:
        try:
            correct(part)
        except SkipPart as skipped:
            reasons.append((part, skipped))
        else:
            corrected.append(part)
    if not corrected:
        texts = dict.fromkeys(str(reason) for _, reason in reasons)
        expected = all(reason.is_expected for _, reason in reasons)
        raise SkipStep("; ".join(texts) or "the exposure has no slit", is_expected=bool(reasons) and expected)
    for part, reason in reasons:
        say = log.info if reason.is_expected else log.warning
        say("Not corrected: %s: %s", name_of_part(part, model), reason)
    return corrected
