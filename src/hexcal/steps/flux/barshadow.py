"""Correct extended sources in slitlets for the shadows of the bars between the shutters."""

import itertools
from typing import Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import ReferenceError_
from hexcal.steps.flux.planes import planes_of, scale
from hexcal.steps.spectrum.parts import SkipPart, correct_parts

_MICRON = 1e6
_PITCH = 1.15
"""Distance of the shutters in units of their height, where the slit does not say it (slit_yscale)."""


class BarShadowStep(Step):
    """Divide spectra of extended sources in slitlets of NIRSpec by the shadow of the bars between the shutters.

    The shadow along the slitlet is put together from the reference by the states of its shutters, and taken at the
    place and wavelength of each pixel. It goes into the product (BARSHADOW); for point sources, to which it is not
    applied, this is 1.
    """

    alias = "barshadow"
    reference_types = ("barshadow",)
    input_model = ("MultiSlitModel", "SlitModel", "IFUImageModel", "ImageModel", "CubeModel")

    class Parameters(StepParameters):
        """Which way, and for which sources."""

        inverse: bool = parameter(False, "Multiply by the shadow instead, to take back the division.")
        source_type: Literal["POINT", "EXTENDED"] | None = parameter(
            None, "Take all sources to be of this type, whatever the header says."
        )

    def references_needed(self, model):
        """None for exposures without slitlets."""
        return self.reference_types if model.meta.exposure.type == "NRS_MSASPEC" else ()

    def process(self, model, references):
        if model.meta.exposure.type != "NRS_MSASPEC":
            raise SkipStep(
                f"only slitlets of NIRSpec have bars in them, EXP_TYPE is {model.meta.exposure.type}", is_expected=True
            )
        shadows = Shadows(references.barshadow)

        def correct(part):
            if (self.parameters.source_type or part.get_meta("source_type")) == "POINT":
                part.barshadow, part.barshadow_corrected = np.ones(part.shape[-2:], np.float32), False
                return
            part.barshadow = shadow_of(part, shadows)
            part.barshadow_corrected = True
            shadow = part.barshadow.astype(np.float64)
            scale(planes_of(part), shadow if self.parameters.inverse else 1 / shadow)

        correct_parts(model, correct, self.log)
        return model


class Shadows:
    """The shadows of a reference: of one open shutter, and between two.

    Parameters
    ----------
    reference : BarshadowModel
        DATA1X1 and DATA1X3 (ny, nwaves), from one shutter spacing below the centre of a shutter to one above it.
    """

    def __init__(self, reference):
        self.single = np.asarray(_required(reference, "data1x1"), np.float64)
        self.pair = np.asarray(_required(reference, "data1x3"), np.float64)
        start, step = (_required(reference, name) for name in ("crval1", "cdelt1"))
        self.wavelength_start, self.wavelength_step = start * _MICRON, step * _MICRON
        self.rows = (len(self.single) - 1) // 2
        self._known = {}

    def of(self, state):
        """Return the shadow along a slitlet, and the place where it begins.

        Parameters
        ----------
        state : str
            Of the shutters, from below to above: '1' open, '0' closed, 'x' that of the source, which is open.

        Returns
        -------
        shadow : float64 array (n, nwaves)
            From the centre of the shutter below the slitlet to that of the one above it.
        start : float
            Place of its first row, in shutter spacings from the shutter of the source; without one, from the middle.
        """
        if state not in self._known:
            source = state.find("x")
            start = -(source if source >= 0 else len(state) // 2) - 1.0
            self._known[state] = (_joined(list(self._pieces(state))), start)
        return self._known[state]

    def _pieces(self, state):
        """The shadow from the centre of each shutter to that of the next one, as measured of release 3.0.0."""
        rows = self.rows
        rising, falling = self.single[: rows + 1], self.single[rows : 2 * rows + 1]
        yield rising
        is_open = True
        for shutter in state[1:]:
            was_open, is_open = is_open, shutter != "0"
            if was_open and is_open:
                yield self.pair[: rows + 1]
            elif is_open:
                yield rising
            elif was_open:
                yield falling
            else:
                yield np.broadcast_to(self.single[:1], rising.shape)
        yield falling[1:]


def _joined(pieces):
    """Pieces one after the other; where two meet, the mean of both."""
    parts = [pieces[0][:-1]]
    for before, after in itertools.pairwise(pieces):
        parts += [(before[-1:] + after[:1]) / 2, after[1:-1]]
    return np.concatenate([*parts, pieces[-1][-1:]])


def _required(reference, name):
    value = getattr(reference, name, None)
    if value is None:
        raise ReferenceError_(
            f"a barshadow reference with {name.upper()} is required",
            where=str(reference.path or "a reference in memory"),
            hint="give another one with override_barshadow",
        )
    return value


def shadow_of(slit, shadows):
    """Return the shadow at each pixel of a slitlet.

    Parameters
    ----------
    slit : SlitModel
        With its WCS and the states of its shutters.
    shadows : Shadows
        Of the reference.

    Returns
    -------
    float32 array (ny, nx)
        NaN where the slitlet sees nothing.

    Raises
    ------
    SkipPart
        If the states of the shutters are not known.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section barshadow. Linear in place and wavelength; beyond the ends of the
    reference its last value.
    """
    from hexcal.steps.wcs.spectral import slit_plane

    state = str(slit.get_meta("shutter_state") or "")
    if not state:
        raise SkipPart("the states of its shutters are not known (shutter_state)")
    _, place, wavelength = slit_plane(slit)
    shadow, start = shadows.of(state)
    row = (place / (slit.get_meta("slit_yscale") or _PITCH) - start) * shadows.rows
    column = (wavelength - shadows.wavelength_start) / shadows.wavelength_step
    return _bilinear(shadow, row, column).astype(np.float32)


def _bilinear(image, row, column):
    """Values of an image between its pixels; beyond its ends the last one."""
    ny, nx = image.shape
    sees = np.isfinite(row) & np.isfinite(column)
    result = np.full(row.shape, np.nan)
    y, x = np.clip(row[sees], 0, ny - 1), np.clip(column[sees], 0, nx - 1)
    low, left = np.minimum(y.astype(int), ny - 2), np.minimum(x.astype(int), nx - 2)
    up, across = y - low, x - left
    below = image[low, left] * (1 - across) + image[low, left + 1] * across
    above = image[low + 1, left] * (1 - across) + image[low + 1, left + 1] * across
    result[sees] = below * (1 - up) + above * up
    return result
