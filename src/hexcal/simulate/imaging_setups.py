"""Ready-made ways to take images: one of each imaging instrument."""

from dataclasses import dataclass, replace

from hexcal.errors import ParameterError, unknown_name
from hexcal.observatories.jwst.apertures import Aperture, aperture
from hexcal.observatories.jwst.detectors import detector as detector_facts
from hexcal.simulate.camera import Camera
from hexcal.simulate.sky import Optics


@dataclass(frozen=True)
class Setup:
    """How images of one instrument are taken.

    Attributes
    ----------
    instrument, detector, filter, pupil, exposure_type : str or None
        As in the header.
    photmjsr : float
        MJy/sr for 1 DN/s.
    exposure_time : float
        Seconds.
    gain : float
        Electrons per DN.
    read_noise : float
        Standard deviation of the rate without light, DN/s.
    sky : float
        Mean brightness of the sky, MJy/sr.
    fluxes : tuple of float
        Faintest and brightest star, microjansky.
    density : float
        Stars per square arcsec.
    optics : Optics
        The point-spread function.
    filter_offset : tuple of float
        Pixels.
    """

    instrument: str
    detector: str
    filter: str | None
    pupil: str | None
    exposure_type: str
    photmjsr: float
    exposure_time: float
    gain: float
    read_noise: float
    sky: float
    fluxes: tuple
    density: float
    optics: Optics
    filter_offset: tuple = (0.31, -0.22)

    @property
    def aperture(self) -> Aperture:
        """The aperture of the whole detector."""
        return aperture(self.detector)

    @property
    def band(self):
        """The filter or, for NIRISS, the pupil that selects the wavelength; in small letters, for names."""
        return str((self.pupil if self.instrument == "NIRISS" else self.filter) or "clear").lower()

    def camera(self, size) -> Camera:
        """Return the camera of a square window in the middle of the detector; of all of it where it is no larger."""
        facts = detector_facts(self.detector)
        nx, ny = (size, size) if size < min(facts.columns, facts.rows) else (facts.columns, facts.rows)
        return self.window((facts.columns - nx) // 2 + 1, (facts.rows - ny) // 2 + 1, nx, ny)

    def window(self, xstart, ystart, nx, ny) -> Camera:
        """Return the camera of a window of the detector; its corner is counted from 1."""
        return Camera(self.aperture, xstart, ystart, nx, ny, self.filter_offset)


_NIRCAM = Optics(((0.72, 0.85), (0.20, 2.2), (0.08, 6.0)))
_MIRI = Optics(((0.68, 1.02), (0.22, 2.6), (0.10, 7.0)))
_UNDERSAMPLED = Optics(((0.75, 0.50), (0.18, 1.3), (0.07, 4.0)))
SETUPS = {
    "NIRCAM": Setup(
        "NIRCAM", "NRCA1", "F200W", "CLEAR", "NRC_IMAGE", 2.1, 311.4, 2.0, 0.012, 0.25, (0.02, 20.0), 0.09, _NIRCAM
    ),
    "MIRI": Setup(
        "MIRI", "MIRIMAGE", "F770W", None, "MIR_IMAGE", 0.37, 277.5, 4.0, 0.05, 8.0, (0.5, 300.0), 0.03, _MIRI
    ),
    "NIRISS": Setup(
        "NIRISS", "NIS", "CLEAR", "F200W", "NIS_IMAGE", 0.33, 311.4, 1.6, 0.012, 0.25, (0.02, 20.0), 0.03, _UNDERSAMPLED
    ),
    "FGS": Setup(
        "FGS", "GUIDER1", None, None, "FGS_IMAGE", 0.2, 311.4, 1.75, 0.02, 0.25, (0.05, 40.0), 0.02, _UNDERSAMPLED,
        (0.0, 0.0),
    ),
}  # fmt: skip
"""Instrument -> how its images are taken. The numbers are typical, not measured."""


def setup_of(instrument, detector=None, filter_name=None, density=None, sky=None):
    """Return the setup of an instrument, with what is given instead of its own.

    Parameters
    ----------
    instrument : str
        NIRCAM, MIRI, NIRISS or FGS.
    detector, filter_name : str, optional
        Another detector of the instrument, another filter (of NIRISS: in the pupil wheel).
    density, sky : float, optional
        Stars per square arcsec; brightness of the sky, MJy/sr.

    Raises
    ------
    ParameterError
        For a name that is not known, with the nearest right one.
    """
    name = str(instrument).upper()
    if name not in SETUPS:
        raise unknown_name("instrument", instrument, SETUPS, where="simulate imaging")
    setup = SETUPS[name]
    if detector is not None:
        if detector_facts(detector.upper()).instrument != name:
            raise ParameterError(f"{detector.upper()} is not a detector of {name}", where="detector")
        aperture(detector.upper())
        setup = replace(setup, detector=detector.upper())
    if filter_name is not None:
        if name == "FGS":
            raise ParameterError("the guiders have no filters", where="filter")
        place = "pupil" if name == "NIRISS" else "filter"
        setup = replace(setup, **{place: checked_element(place, filter_name)})
    changes = {key: value for key, value in (("density", density), ("sky", sky)) if value is not None}
    return replace(setup, **changes)


def density_for(setup, camera) -> float:
    """Return how many stars per square arcsec a window needs, so that its images can be aligned by them.

    That of the setup or, in a small window, as many more as make 80 stars in it, but at most one in 3000 pixels: by
    default tweakreg asks for 15 matches, and finds half of the stars.
    """
    pixels, pixel_area = camera.nx * camera.ny, camera.scale**2
    return max(setup.density, min(_STARS_IN_WINDOW / pixels, 1 / _PIXELS_PER_STAR) / pixel_area)


_STARS_IN_WINDOW, _PIXELS_PER_STAR = 80, 3000


def checked_element(kind, value):
    """Return the name of a filter or pupil in capitals; ParameterError with the nearest one if it is not known."""
    from hexcal.observatories.jwst import observatory

    row = observatory.keywords.of_path(f"meta.instrument.{kind}")
    allowed = row.allowed if row is not None else ()
    if value.upper() not in allowed:
        raise unknown_name(kind, value, allowed, where=kind.upper())
    return value.upper()
