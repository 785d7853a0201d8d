"""Find the level of the sky in images, or what makes their levels equal."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError, ParameterError
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.image.good_bits import bad_flags
from hexcal.steps.image.groups import group_of, grouped
from hexcal.steps.image.one_unit import require_one_unit, unit_of
from hexcal.steps.image.sky_levels import Overlap, SkyMeasurements
from hexcal.steps.image.sky_polygons import boundary, directions, intersection, unit_vectors
from hexcal.steps.image.sky_statistics import SkyStatistics


class SkyMatchStep(Step):
    """Find the level of the sky in each exposure, or the offsets that make the levels equal where exposures overlap.

    Images of one exposure (of several detectors) share one level. The level is written to BKGLEVEL and left in the
    data, unless `subtract` is set: outlier detection and resampling take it out. An image whose level cannot be found,
    because it overlaps with no other or has no usable pixel, is SKIPPED.

    Differences from the original: an overlap is the intersection of two images on the sky (not of the union of all
    footprints of a group); pairs weigh as the product of their numbers of pixels, as there; the list of levels for
    ``skymethod=user`` may have comments, and an image that it lacks is named.
    """

    alias = "skymatch"
    input_model = "ImageContainer"

    class Parameters(StepParameters):
        """Which method, and which statistics of which pixels."""

        skymethod: Literal["local", "global", "match", "global+match", "user"] = parameter(
            "match", "How the levels are found; 'user' takes them from the file `skylist`."
        )
        match_down: bool = parameter(
            True, "Match to the image with the lowest sky; otherwise to that with the highest."
        )
        subtract: bool = parameter(False, "Subtract the levels from the data.")
        skylist: str | None = parameter(
            None, "File for the method 'user': in each line the name of an image and its level, in its own unit."
        )
        stepsize: int | None = parameter(
            None, "Largest distance of the vertices of footprints. Default: the corners of images only.", "pixel", ge=1
        )
        skystat: Literal["median", "midpt", "mean", "mode"] = parameter("mode", "Statistic that is taken as the sky.")
        dqbits: str | None = parameter(
            "~DO_NOT_USE+NON_SCIENCE", "Flags that a usable pixel may have; after '~', those that it must not have."
        )
        lower: float | None = parameter(None, "Lowest usable value, in the unit of the data.")
        upper: float | None = parameter(None, "Highest usable value, in the unit of the data.")
        nclip: int = parameter(5, "Maximum number of rounds of clipping.", ge=0)
        lsigma: float = parameter(4.0, "Clipping limit below the mean.", "sigma", ge=0)
        usigma: float = parameter(4.0, "Clipping limit above the mean.", "sigma", ge=0)
        binwidth: float = parameter(0.1, "Width of the bins of the histogram for mode and midpt.", "sigma", gt=0)
        in_memory: bool | None = parameter(
            None, "Keep changed exposures in memory. Default: those that were read from files wait in temporary files."
        )

    def process(self, exposures):
        if self.parameters.in_memory is not None:
            exposures.in_memory = self.parameters.in_memory
        images, units = [], []
        for index, exposure in enumerate(exposures.each()):
            images.append(self._image(exposure, index))
            units.append((images[-1].name, unit_of(exposure)))
        require_one_unit(units)
        levels = self._user_levels(images) if self.parameters.skymethod == "user" else self._levels(exposures, images)
        if all(level is None for level in levels):
            raise SkipStep(_why_nothing(self.parameters.skymethod))
        for index, level in enumerate(levels):
            self._note(exposures, index, level, images[index])
        return exposures

    def set_status(self, model, status):
        """An image without a level is SKIPPED, whatever became of the others."""
        is_without = status == "COMPLETE" and model.get_meta("meta.background.method") != self.parameters.skymethod
        super().set_status(model, "SKIPPED" if is_without else status)

    def _image(self, exposure, index):
        """What has to be known of an image before the others are looked at."""
        subtracted = exposure.get_meta("meta.background.subtracted")
        name = Path(exposure.get_meta("meta.filename") or f"member {index}").name
        if subtracted is not None and bool(subtracted) != self.parameters.subtract:
            raise InputError(
                f"the sky {'is' if subtracted else 'was found before and is not'} subtracted (BKGSUB), "
                f"and subtract={self.parameters.subtract} contradicts that",
                where=name,
                hint=f"set subtract={bool(subtracted)}, or start from the calibrated exposure",
            )
        level = exposure.get_meta("meta.background.level") if subtracted else 0.0
        if self.parameters.skymethod in ("local", "global", "user"):
            return _Image(name, group_of(exposure, index), None, level or 0.0)
        wcs = wcs_of(exposure)
        if wcs is None:
            raise InputError("skymatch needs the WCS of each image", where=name, hint="run assign_wcs first")
        return _Image(name, group_of(exposure, index), self._footprint(wcs, exposure.shape), level or 0.0)

    def _footprint(self, wcs, shape):
        from hexcal.steps.wcs.evaluate import pixel_to_sky

        return unit_vectors(*pixel_to_sky(wcs, *boundary(shape, self.parameters.stepsize)))

    def _levels(self, exposures, images):
        """One level for each image; those of a group are the same."""
        groups = grouped([image.group for image in images])
        measured = self._measured(exposures, images, groups)
        levels: list[float | None] = [None] * len(images)
        for group, level in zip(
            groups, measured.levels(self.parameters.skymethod, self.parameters.match_down), strict=True
        ):
            for index in group:
                levels[index] = level
        return levels

    def _measured(self, exposures, images, groups):
        """Each image is read once, and measured in all its overlaps."""
        measured = SkyMeasurements([None] * len(groups))
        is_matched = "match" in self.parameters.skymethod
        for number, group in enumerate(groups):
            for index in group:
                with exposures.borrowed(index, changed=False) as exposure:
                    pixels = UsablePixels(exposure, self.parameters)
                    if self.parameters.skymethod != "match":
                        level, _ = pixels.level()
                        known = [value for value in (measured.local[number], level) if value is not None]
                        measured.local[number] = min(known) if known else None
                    for other, members in enumerate(groups) if is_matched else ():
                        beside = [images[member] for member in members] if other != number else []
                        mask = overlap_mask(exposure, images[index], beside) if beside else None
                        if mask is not None:
                            measured.overlaps.setdefault((number, other), Overlap()).add(*pixels.level(mask))
        return measured

    def require_parameters(self):
        """Flags must be known, and levels of the user's own be given."""
        bad_flags(self.parameters.dqbits)
        if self.parameters.skymethod == "user" and not self.parameters.skylist:
            raise ParameterError(
                "skymethod=user needs a list of levels",
                where=self.where,
                hint="skylist=FILE, with the name of an image and its level in each line",
            )

    def _user_levels(self, images):
        path = self.make_input_path(self.parameters.skylist)
        levels = read_sky_list(path)
        missing = [image.name for image in images if image.name not in levels]
        if missing:
            raise InputError(
                f"the list of sky levels has no line for {', '.join(missing[:3])}",
                where=str(path),
                hint=f"it names: {', '.join(list(levels)[:5])}",
            )
        return [levels[image.name] for image in images]

    def _note(self, exposures, index, level, image):
        changed = ("data",) if self.parameters.subtract and level else ()
        with exposures.borrowed(index, changed=changed) as exposure:
            background = exposure.meta.background
            if level is None:
                self.log.warning("%s: no level of the sky: %s", image.name, _why_nothing(self.parameters.skymethod))
                background.method = background.level = background.subtracted = None
                return
            if changed:
                exposure.data -= np.float32(level)
            background.method = self.parameters.skymethod
            # What an earlier run has subtracted is part of the level.
            background.level = float(level + image.subtracted)
            background.subtracted = self.parameters.subtract
            self.log.info("%s: sky %.6g %s", image.name, level, exposure.get_meta("meta.bunit_data") or "")


@dataclass(frozen=True)
class _Image:
    """An image: its name, its group, its outline on the sky as unit vectors (n, 3), the level subtracted before."""

    name: str
    group: str
    outline: Any
    subtracted: float


def _why_nothing(method):
    if method == "match":
        return "it overlaps with no other image, or has no usable pixel there"
    return "no pixel is usable"


class UsablePixels:
    """The pixels of one image that may be taken for the sky.

    Parameters
    ----------
    exposure : ImageModel
        Its data (float32) and flags, of shape (ny, nx).
    parameters : SkyMatchStep.Parameters
        Flags, limits and statistic.
    """

    def __init__(self, exposure, parameters):
        self.data, self.dq = exposure.data, exposure.dq
        self.bad = np.uint32(bad_flags(parameters.dqbits))
        self.limits = (
            -np.inf if parameters.lower is None else parameters.lower,
            np.inf if parameters.upper is None else parameters.upper,
        )
        self.statistics = SkyStatistics(
            parameters.skystat, parameters.nclip, parameters.lsigma, parameters.usigma, parameters.binwidth
        )

    def level(self, mask=None) -> tuple[float | None, int]:
        """Return level and number of pixels of the image, or of its pixels in a mask (uint8 (ny, nx))."""
        from hexcal.kernels import sky

        values = np.empty(self.data.size if mask is None else np.count_nonzero(mask), np.float32)
        use_mask = mask is not None
        mask = np.zeros((1, 1), np.uint8) if mask is None else mask
        count = sky.collect(self.data, self.dq, self.bad, mask, use_mask, *self.limits, values)
        return self.statistics.level(values[:count])


def overlap_mask(exposure, image, others):
    """Return which pixels of an image lie in one of several other images (uint8 (ny, nx)); None if none do.

    Parameters
    ----------
    exposure : ImageModel
        The image.
    image : _Image
        The same image's outline.
    others : list of _Image
        The other images.

    Notes
    -----
    The intersections on the sphere are mapped into pixels, their vertices rounded, and filled by rows, edges included.
    """
    from hexcal.kernels import sky
    from hexcal.steps.wcs.evaluate import sky_to_pixel

    mask = None
    for other in others:
        common = intersection(other.outline, image.outline)
        if common is None:
            continue
        x, y = sky_to_pixel(wcs_of(exposure), *directions(common))
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            continue
        mask = np.zeros(exposure.shape, np.uint8) if mask is None else mask
        sky.fill_polygon(np.rint(x).astype(np.int64), np.rint(y).astype(np.int64), mask)
    return mask if mask is not None and mask.any() else None


def read_sky_list(path) -> dict[str, float]:
    """Read the levels that a user gives.

    Parameters
    ----------
    path : path-like
        Text: in each line the name of an image (without folder) and its level; what follows ``#`` is left out.

    Returns
    -------
    dict of str to float

    Raises
    ------
    InputError
        If it cannot be read, a line is not as required, or an image occurs twice.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the list of sky levels cannot be read: {error}", where=str(path)) from error
    levels: dict[str, float] = {}
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].replace(",", " ").split()
        if not words:
            continue
        name = Path(words[0]).name
        try:
            level = float(words[1]) if len(words) == 2 else np.nan
        except ValueError:
            level = np.nan
        if not np.isfinite(level) or name in levels:
            what = f"{name} occurs twice" if name in levels else "a name and a number are required"
            raise InputError(f"line {number} of the list of sky levels: {what}, found: {line[:60]}", where=str(path))
        levels[name] = level
    return levels
