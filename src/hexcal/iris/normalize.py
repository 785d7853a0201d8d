"""Divide a frame by its typical value."""

from typing import Literal

import numpy as np

from hexcal.core import Step, StepParameters, parameter
from hexcal.errors import InputError


class NormalizeStep(Step):
    """Divide a frame and its errors by the mean, median or mode of its good pixels: those without a flag."""

    alias = "normalize"
    input_model = "IRISImageModel"

    class Parameters(StepParameters):
        method: Literal["mean", "median", "mode"] = parameter(
            "mean", "Of the good pixels; 'mode': the middle of the densest half, again and again (half-sample mode)."
        )

    def process(self, frame):
        values = frame.data[(frame.dq == 0) & np.isfinite(frame.data)]
        level = typical(values, self.parameters.method) if values.size else 0.0
        if level <= 0:
            light = f"their {self.parameters.method} is {level:.4g}" if values.size else "there is none"
            raise InputError(
                f"a frame that is normalized needs good pixels with light: {light}",
                where=str(frame.path or frame.meta.filename or "model in memory"),
                hint="check that it is a flat, and that its dark was subtracted",
            )
        self.log.info("%s of %d good pixels: %.6g", self.parameters.method, values.size, level)
        frame.data /= np.float32(level)
        frame.err /= np.float32(level)
        return frame


def typical(values, method):
    """Return the mean, median or half-sample mode of values.

    Parameters
    ----------
    values : float32 array (n,)
        All finite, one at least.
    method : str
        "mean", "median" or "mode".

    Returns
    -------
    float

    Notes
    -----
    Half-sample mode: Bickel & Fruehwirth 2006, Computational Statistics & Data Analysis 50, 3500. The most frequent
    value, as in the documents of the IRIS pipeline, says nothing of numbers that are hardly ever equal.
    """
    if method == "mode":
        return _half_sample_mode(np.sort(values.astype(np.float64)))
    return float(np.mean(values, dtype=np.float64) if method == "mean" else np.median(values))


def _half_sample_mode(ordered):
    while ordered.size > 2:
        half = (ordered.size + 1) // 2
        widths = ordered[half - 1 :] - ordered[: ordered.size - half + 1]
        # Of halves that are equally dense (equal values) the one in the middle.
        densest = np.flatnonzero(widths == widths.min())
        first = densest[densest.size // 2]
        if widths[first] == 0:
            return float(ordered[first])
        ordered = ordered[first : first + half]
    return float(ordered.mean())
