"""A whole programme: observations with all cameras and spectrographs, in one folder, with a cache of references."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hexcal.errors import unknown_name
from hexcal.observatories.jwst.products import exposure_name, parse_exposure_name
from hexcal.simulate.imaging import Imaging
from hexcal.simulate.imaging_header import PROGRAM
from hexcal.simulate.output import make_folder, planned

CACHE = "crds"
"""Folder of the references, in that of the exposures."""


@dataclass(frozen=True)
class Observation:
    """One observation of a programme.

    Attributes
    ----------
    number : int
        Its number; blank sky that belongs to it has the next one.
    label : str
        What it is.
    make : callable
        Returns its series for a seed, and whether references of single pixels are those of the whole detector:
        `hexcal.simulate.imaging.Imaging` or `hexcal.simulate.spectra.series.Series`.
    target : str
        Name of what it looks at.
    """

    number: int
    label: str
    make: Callable[[int, bool], Any]
    target: str


def _images(instrument, filter_name, subarray, count, groups=5, density=None):
    """Raw dithered images of one filter."""

    def make(seed, _whole_detector):
        # The original takes reference files of a subarray for cameras, as they are delivered.
        from hexcal.simulate.imaging_setups import setup_of
        from hexcal.simulate.mode import exposure_mode

        setup = setup_of(instrument, filter_name=filter_name, density=density)
        pattern = "MEDIUM2" if instrument == "NIRCAM" else None
        mode = exposure_mode(
            instrument, setup.detector, subarray, filter_name=filter_name, n_groups=groups, readpatt=pattern
        )
        camera = setup.window(mode.xstart, mode.ystart, mode.xsize, mode.ysize)
        return Imaging(setup, camera, count, seed=seed, mode=mode)

    return make


def _spectra(mode, n_ints=None):
    """Count rates of one mode of a spectrograph."""

    def make(seed, whole_detector):
        modes = importlib.import_module("hexcal.simulate.spectra.modes")
        return modes.series_of(mode, seed=seed, n_ints=n_ints, whole_detector=whole_detector)

    return make


SIZES = {
    "full": (
        Observation(1, "NIRCam images in F150W", _images("NIRCAM", "F150W", "SUB320", 4, density=0.7), "FIELD"),
        Observation(3, "NIRCam images in F200W", _images("NIRCAM", "F200W", "SUB320", 4, density=0.7), "FIELD"),
        Observation(5, "MIRI images in F770W", _images("MIRI", "F770W", "SUB256", 2, 10, 0.1), "FIELD"),
        Observation(7, "spectra through the fixed slits of NIRSpec", _spectra("nirspec-fs"), "STAR-1"),
        Observation(9, "spectra of many sources with the shutters of NIRSpec", _spectra("nirspec-mos"), "FIELD-2"),
        Observation(11, "spectra with the integral-field unit of NIRSpec", _spectra("nirspec-ifu"), "STAR-2"),
        Observation(13, "a time series of a bright star with NIRSpec", _spectra("nirspec-bots", 10), "STAR-3"),
        Observation(15, "low-resolution spectra with MIRI", _spectra("miri-lrs"), "STAR-4"),
        Observation(17, "a time series of a bright star with MIRI", _spectra("miri-lrs-slitless", 10), "STAR-5"),
        Observation(19, "spectra with the integral-field unit of MIRI", _spectra("miri-mrs"), "STAR-6"),
    ),
    "small": (
        Observation(1, "NIRCam images in F150W", _images("NIRCAM", "F150W", "SUB160", 2, 4, 0.6), "FIELD"),
        Observation(3, "NIRCam images in F200W", _images("NIRCAM", "F200W", "SUB160", 2, 4, 0.6), "FIELD"),
        Observation(5, "a time series of a bright star with NIRSpec", _spectra("nirspec-bots", 3), "STAR-3"),
    ),
}
"""Name of a programme -> its observations."""


def write(folder, size="full", seed=0, overwrite=False, tell=lambda text: None, whole_detector=False):
    """Write the exposures of a programme, and a CRDS cache with the references of all.

    Parameters
    ----------
    folder : path-like
        Gets the exposures, and the cache as ``crds``.
    size : str
        One of `SIZES`.
    seed : int
        The same seed gives the same exposures.
    overwrite : bool
        Whether files of these names may be there.
    tell : callable
        Gets a line for each observation.
    whole_detector : bool
        Flat fields of spectrographs are those of the whole detector, as delivered: the original takes no others for
        NIRSpec.

    Returns
    -------
    exposures : list of str
        Paths.
    cache : str
        Path of the cache.

    Raises
    ------
    ParameterError
        For a size that is not known.
    InputError
        If a file exists, and may not be replaced.
    """
    if size not in SIZES:
        raise unknown_name("size", size, SIZES, where="simulate programme")
    folder = Path(folder)
    writing = _Writing(folder, [(each, each.make(seed, whole_detector)) for each in SIZES[size]])
    writing.plan(overwrite)
    return [str(path) for path in writing.write(tell)], str(folder / CACHE)


class _Writing:
    """Writes observations, one exposure after the other."""

    def __init__(self, folder, observations):
        self.folder, self.observations = folder, observations
        self.references = {each.number: series.references() for each, series in observations}
        self.types: dict[str, set[str]] = {}
        """Instrument -> all types of its references."""
        for each, series in observations:
            self.types.setdefault(series.setup.instrument, set()).update(self.references[each.number])

    def plan(self, overwrite):
        """Refuse to replace files, before anything is made."""
        from hexcal.simulate.reference_cache import check_cache

        names = [
            f"{numbered(root, each.number)}_{_suffix(series)}.fits"
            for each, series in self.observations
            for root in _roots(series)
        ]
        names += [name for _, series in self.observations for name in _extra_names(series)]
        planned(self.folder, names, overwrite)
        check_cache(self.folder / CACHE)
        make_folder(self.folder)

    def write(self, tell):
        """Write all; returns the paths of the exposures."""
        paths = []
        for each, series in self.observations:
            exposures = self._observation(each, series)
            tell(
                f"  observation {each.number:2d}: {len(exposures)} exposure{'s' * (len(exposures) != 1)}, {each.label}"
            )
            paths += exposures
        return paths

    def _observation(self, observation, series):
        from hexcal.simulate.reference_cache import add_references

        paths, types = [], self.types[series.setup.instrument]
        for root, (model, more) in zip(_roots(series), _taken(series), strict=True):
            name = f"{numbered(root, observation.number)}_{_suffix(series)}.fits"
            _describe(model, name, observation)
            if not paths:
                references = {**self.references[observation.number], **more}
                add_references(self.folder / CACHE, references, model, types | set(references))
            paths.append(model.save(self.folder / name))
        if _extra_names(series):
            series.write_extra(self.folder)
        return paths


def numbered(root, number):
    """Return the name of an exposure of observation 1 or 2 with the number of its observation in a programme."""
    exposure: Any = parse_exposure_name(f"{root}_rate")
    whole = int(exposure.observation) + number - 1
    return f"jw{exposure.program}{whole:03d}{root[len('jw00000000') :]}"


def _describe(model, name, observation):
    """Say in the header of an exposure which observation of which target it is."""
    about = model.meta.observation
    parts: Any = parse_exposure_name(Path(name).stem)
    about.observation_number = parts.observation
    about.visit_id = f"{PROGRAM:05d}{about.observation_number}{about.visit_number}"
    model.meta.filename = name
    if not about.bkgdtarg:
        model.meta.target.catalog_name = model.meta.target.proposer_name = observation.target


def _suffix(series):
    return "uncal" if isinstance(series, Imaging) else series.suffix


def _roots(series):
    if not isinstance(series, Imaging):
        return series.names()
    return [
        exposure_name(PROGRAM, 1, 1, number + 1, series.setup.detector, "uncal").removesuffix("_uncal")
        for number in range(series.n_exposures)
    ]


def _taken(series):
    """Yield the exposures: model, and references that come with it."""
    for exposure in series.exposures():
        yield exposure.model, getattr(exposure, "references", {})


def _extra_names(series):
    return [] if isinstance(series, Imaging) else series.extra_names()
