"""The detectors of JWST (see `hexcal.observatories.detectors`)."""

from hexcal.observatories.detectors import Detector
from hexcal.observatories.jwst import observatory

__all__ = ["Detector", "detector", "detectors", "fast_slow_axis"]

detector = observatory.detector


def detectors(instrument=None):
    """Return the names of all detectors, or of those of one instrument, in the order of the documents."""
    wanted = None if instrument is None else instrument.upper()
    return tuple(name for name, facts in observatory.detectors.items() if wanted in (None, facts.instrument))


def fast_slow_axis(name):
    """Return the pair (FASTAXIS, SLOWAXIS) that data of this detector must have."""
    facts = detector(name)
    return facts.fastaxis, facts.slowaxis
