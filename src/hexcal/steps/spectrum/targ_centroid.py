"""Measure where the source of a MIRI LRS exposure is, on the image that verifies its acquisition."""

from typing import Any

import numpy as np

from hexcal.core import Role, SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.steps.wcs.sky_angles import eastward

_MODES = ("MIR_LRS-FIXEDSLIT", "MIR_LRS-SLITLESS")
_VERIFICATION = "MIR_TACONFIRM"
_BOX = 20
"""Pixels, width of the window in which the source is looked for; that of release 3.0.0."""
_LEAST_GOOD = 0.5
"""Share of the pixels of the window that must be usable."""


class TargCentroidStep(Step):
    """Measure the position of the source of a MIRI LRS exposure on its verification image (release 3.0.0).

    A Gaussian is fitted in a window of 20 x 20 pixels around the place where the coordinates of the image say that the
    target is. From there to the exposure of the spectrum it moves by the offset of the filter, the dither along the
    slit and the place of the subarray. The image is the target acquisition member of the association, or ``ta_file``;
    its EXP_TYPE must be MIR_TACONFIRM. One without coordinates gets them from assign_wcs.

    The positions are TA_XPOS, TA_YPOS (on the image) and SRCXPOS, SRCYPOS (on the spectrum's exposure), pixels, the
    first one 0. Pixels flagged DO_NOT_USE are left out of the fit, which 3.0.0 does not. Off by default.
    """

    alias = "targ_centroid"
    is_often_left_out = True
    by_integration = True
    reference_types = ("filteroffset",)
    roles = (
        Role("science", ("ImageModel", "CubeModel", "SlitModel")),
        Role("target_acquisition", "ImageModel", required=False, other_names=("ta",)),
    )
    changes_first_only = True

    class Parameters(StepParameters):
        """Where the image is."""

        skip: bool = parameter(True, "Leave the step out.")
        ta_file: str | None = parameter(
            None, "File of the verification image; default: the target acquisition member of the association."
        )

    def is_optional(self, reference_type):
        """Without offsets of the filters they are 0."""
        return True

    def references_needed(self, model):
        """None for what is no spectrum of MIRI LRS."""
        return self.reference_types if model.meta.exposure.type in _MODES else ()

    def process(self, science, target_acquisition, references):
        if science.meta.exposure.type not in _MODES:
            raise SkipStep(
                f"sources are measured for MIRI LRS only, this is {science.meta.exposure.type}", is_expected=True
            )
        image = self._image(target_acquisition)
        x, y, dx, dy = measure(image, science, _offset(image, references, self.log))
        science.set_meta("ta_xpos", x)
        science.set_meta("ta_ypos", y)
        science.set_meta("source_xpos", x + dx)
        science.set_meta("source_ypos", y + dy)
        self.log.info("Source at %.3f, %.3f of the verification image, %.3f, %.3f here", x, y, x + dx, y + dy)
        return science

    def _image(self, given):
        from hexcal.models.open import open as open_model
        from hexcal.steps.wcs.assign_wcs import AssignWcsStep

        path = self.parameters.ta_file
        image: Any = open_model(self.make_input_path(path)) if path else given
        if image is None:
            raise SkipStep("there is no verification image of the target acquisition; ta_file names one")
        if image.meta.exposure.type != _VERIFICATION or len(image.shape) != 2:
            raise SkipStep(
                f"the verification image must be one image of EXP_TYPE {_VERIFICATION}, "
                f"this one is of {image.meta.exposure.type}"
            )
        if image.meta.wcs is None:
            image = AssignWcsStep.call(image, references=self.inherited("references"), sip_approx=False)
        if image.meta.wcs is None:
            raise SkipStep("the verification image has no coordinates, and assign_wcs cannot give it any")
        return image


def _offset(image, references, log):
    from hexcal.steps.wcs.imaging import filter_offset

    return filter_offset(image, references.filteroffset.filters, log) if "filteroffset" in references else (0.0, 0.0)


def measure(image, science, offset):
    """Return where a source is on its verification image, and how far that is from its place in the spectrum.

    Parameters
    ----------
    image : ImageModel
        With its WCS.
    science : DataModel
        The spectrum's exposure.
    offset : (float, float)
        Columns and rows from the filter of the image to the disperser, pixels.

    Returns
    -------
    x, y : float
        On the image, pixels, the first one 0.
    dx, dy : float
        To be added for the exposure of the spectrum.

    Raises
    ------
    SkipStep
        If the target is not on the image, or no source is found.
    """
    x, y = _fitted(image, *_expected(image, science))
    scale = _pixel_scale(image, x, y)
    along = [model.get_meta("meta.dither.x_offset") or 0.0 for model in (science, image)]
    starts = [[getattr(model.meta.subarray, f"{axis}start") or 1 for axis in "xy"] for model in (image, science)]
    dx, dy = (float(here - there) for here, there in zip(*starts, strict=True))
    return x, y, offset[0] + (along[0] - along[1]) / scale + dx, offset[1] + dy


def _expected(image, science):
    """The pixel of the image at which the target of the exposure should be."""
    from hexcal.steps.wcs.evaluate import sky_to_pixel

    sky = [science.get_meta(f"meta.dither.dithered_{axis}") for axis in ("ra", "dec")]
    if None in sky:
        sky = [science.get_meta(f"meta.wcsinfo.{axis}_ref") for axis in ("ra", "dec")]
    if None in sky:
        raise InputError(
            "the exposure must say where its target is: DITH_RA and DITH_DEC, or RA_REF and DEC_REF",
            where=str(science.path or "model in memory"),
            hint="run assign_wcs first",
        )
    return tuple(float(value) for value in sky_to_pixel(image.meta.wcs, *sky))


def _fitted(image, x, y):
    """Centre of the Gaussian in the window around a place."""
    from photutils.centroids import centroid_2dg

    column, row = (int(np.ceil(place - _BOX / 2)) for place in (x, y))
    ny, nx = image.data.shape
    rows, columns = slice(max(row, 0), max(row + _BOX, 0)), slice(max(column, 0), max(column + _BOX, 0))
    values = image.data[rows, columns].astype(np.float64)
    bad = ~np.isfinite(values) | (image.dq[rows, columns] & pixel.DO_NOT_USE != 0)
    if values.size - np.count_nonzero(bad) < _LEAST_GOOD * _BOX**2:
        raise SkipStep(
            f"the target should be at pixel {x:.1f}, {y:.1f} of the verification image ({nx} x {ny}): "
            "there are not enough usable pixels"
        )
    centre = centroid_2dg(np.where(bad, 0.0, values), mask=bad)
    if not np.isfinite(centre).all():
        raise SkipStep("no source is found on the verification image")
    return float(centre[0]) + columns.start, float(centre[1]) + rows.start


def _pixel_scale(image, x, y):
    """Size of a pixel along a row, arcsec."""
    from hexcal.steps.wcs.evaluate import pixel_to_sky

    ra, dec = pixel_to_sky(image.meta.wcs, [x - 0.5, x + 0.5], [y, y])
    east = eastward(ra[1], ra[0], dec[0])
    return float(np.hypot(east, dec[1] - dec[0]) * 3600)
