"""The catalogue of sources as a table: columns, units, descriptions."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hexcal.steps.image.source_photometry import AperturePhotometry, Apertures, magnitudes, nearest_neighbours
from hexcal.steps.wcs.sky_angles import eastward

_FLUX, _MAGNITUDE, _LENGTH = ".6e", ".6f", ".6f"


@dataclass(frozen=True)
class Scale:
    """From pixels to jansky and magnitudes.

    Attributes
    ----------
    jansky : float
        Jansky of one unit of the image in one pixel.
    vega_offset : float or None
        What Vega magnitudes are smaller than AB magnitudes by; None if it is not known: then they are NaN.
    """

    jansky: float
    vega_offset: float | None


class SourceTable:
    """Collects the columns of a catalogue in their documented order.

    Parameters
    ----------
    labels : int array (n,)
        Of the sources.
    scale : Scale
    """

    def __init__(self, labels: np.ndarray, scale: Scale):
        from astropy.table import QTable

        self.table: QTable = QTable()
        self.scale = scale
        self.add("label", np.asarray(labels, np.int32), "Unique source identification label number")

    def add(self, name: str, values: Any, description: str, unit: str | None = None, form: str | None = None) -> None:
        """Add a column."""
        self.table[name] = values if unit is None else np.asarray(values) * _unit(unit)
        info: Any = getattr(self.table[name], "info")  # noqa: B009
        info.description = description
        if form is not None:
            info.format = form

    def add_positions(self, x, y, wcs) -> None:
        """Add pixel and sky positions."""
        self.add("xcentroid", x, "X pixel value of the source centroid (0 indexed)", form=".4f")
        self.add("ycentroid", y, "Y pixel value of the source centroid (0 indexed)", form=".4f")
        self.add("sky_centroid", sky_positions(wcs, x, y), "Sky coordinate of the source centroid")

    def add_apertures(self, photometry: AperturePhotometry, apertures: Apertures, background) -> None:
        """Add fluxes and magnitudes in apertures, and concentration indices.

        Parameters
        ----------
        photometry : AperturePhotometry
        apertures : Apertures
        background : float64 array (n,)
            Of the image at the sources, which had been subtracted before.
        """
        jansky = self.scale.jansky
        self._add_flux(
            "aper_bkg",
            (photometry.background + background) * jansky,
            photometry.background_error * jansky,
            (
                "The local background value calculated as the sigma-clipped median value in the background annulus "
                "aperture",
                "The standard error of the sigma-clipped median background value",
            ),
        )
        fluxes = self._aperture_fluxes(photometry, apertures)
        for name, text, flux, error in fluxes:
            self._add_flux(name, flux, error, (f"{text[0]}lux{text[1]}", f"{text[0]}lux error{text[1]}"))
        for system in ("AB", "Vega"):
            for name, text, flux, error in fluxes:
                self._add_magnitude(name, system, text, flux, error)
        self._add_indices(photometry.flux, apertures.energies)

    def _aperture_fluxes(self, photometry, apertures):
        """(name, words before and after "lux" of the description, flux, error) of each aperture and of the total."""
        jansky, fluxes = self.scale.jansky, []
        for energy, flux, error in zip(apertures.energies, photometry.flux, photometry.error, strict=True):
            words = ("F", f" within the {energy}% encircled energy circular aperture")
            fluxes.append((f"aper{energy}", words, flux * jansky, error * jansky))
        factor, energy = apertures.corrections[-1] * jansky, apertures.energies[-1]
        words = (
            "Total aperture-corrected f",
            f" based on the {energy}% encircled energy circular aperture; should be used only for unresolved sources.",
        )
        return [*fluxes, ("aper_total", words, photometry.flux[-1] * factor, photometry.error[-1] * factor)]

    def _add_flux(self, name, flux, error, descriptions):
        self.add(f"{name}_flux", flux, descriptions[0], "Jy", _FLUX)
        self.add(f"{name}_flux_err", error, descriptions[1], "Jy", _FLUX)

    def _add_magnitude(self, name, system, text, flux, error):
        magnitude, magnitude_error = magnitudes(flux, error)
        if system == "Vega":
            offset = self.scale.vega_offset
            magnitude = magnitude - (np.nan if offset is None else offset)
        start = text[0][:-1] + f"{system} magnitude"
        suffix = "abmag" if system == "AB" else "vegamag"
        self.add(f"{name}_{suffix}", magnitude, start + text[1], form=_MAGNITUDE)
        self.add(f"{name}_{suffix}_err", magnitude_error, f"{start} error{text[1]}", form=_MAGNITUDE)

    def _add_indices(self, flux, energies):
        for upper, lower in ((1, 0), (2, 1), (2, 0)):
            with np.errstate(all="ignore"):
                index = flux[upper] / flux[lower]
            names = energies[upper], energies[lower]
            text = "Concentration index calculated as (aper{}_flux / aper{}_flux)".format(*names)
            self.add("CI_{}_{}".format(*names), index, text, form=".4f")

    def add_shapes(self, is_extended, sharpness, roundness, x, y) -> None:
        """Add the star test, the shapes of DAOFIND, and neighbours."""
        self.add("is_extended", is_extended, "Flag indicating whether the source is extended")
        self.add("sharpness", sharpness, "The DAOFind source sharpness statistic", form=_LENGTH)
        self.add("roundness", np.asarray(roundness, np.float32), "The DAOFind source roundness statistic", form=_LENGTH)
        index, distance = nearest_neighbours(x, y)
        labels = np.asarray(self.table["label"])
        label = np.where(index >= 0, labels[index], 0).astype(np.int32) if len(labels) else labels
        self.add("nn_label", label, "The label number of the nearest neighbor")
        self.add("nn_dist", distance, "The distance in pixels to the nearest neighbor", "pix", _LENGTH)

    def add_isophotal(self, sources, wcs) -> None:
        """Add what was measured in the pixels of each source (``photutils.segmentation.SourceCatalog``)."""
        jansky = self.scale.jansky
        flux, error = np.asarray(sources.segment_flux) * jansky, np.asarray(sources.segment_flux_err) * jansky
        self._add_flux("isophotal", flux, error, ("Isophotal flux", "Isophotal flux error"))
        for system in ("AB", "Vega"):
            self._add_magnitude("isophotal", system, ("Isophotal f", ""), flux, error)
        self.add("isophotal_area", np.asarray(sources.area.value), "Isophotal area", "pix2")
        same = "of the 2D Gaussian function that has the same second-order central moments as the source"
        for name in ("semimajor", "semiminor"):
            axis = np.asarray(getattr(sources, f"{name}_axis").value)
            self.add(f"{name}_sigma", axis, f"1-sigma standard deviation along the {name} axis {same}", "pix", _LENGTH)
        text = "1 minus the ratio of the 1-sigma lengths of the semimajor and semiminor axes"
        self.add("ellipticity", np.asarray(sources.ellipticity.value), text, form=_LENGTH)
        orientation = np.asarray(sources.orientation.value)
        text = "The angle (degrees) between the positive X axis and the major axis (increases counter-clockwise)"
        self.add("orientation", orientation, text, "deg", _LENGTH)
        x, y = np.asarray(sources.x_centroid), np.asarray(sources.y_centroid)
        text = "The position angle (degrees) from North of the major axis"
        self.add("sky_orientation", position_angle(wcs, x, y, orientation), text, "deg", _LENGTH)
        self._add_boxes(sources, wcs)

    def _add_boxes(self, sources, wcs):
        left, right = np.asarray(sources.bbox_xmin) - 0.5, np.asarray(sources.bbox_xmax) + 0.5
        bottom, top = np.asarray(sources.bbox_ymin) - 0.5, np.asarray(sources.bbox_ymax) + 0.5
        corners = {"ll": ("lower-left", left, bottom), "ul": ("upper-left", left, top)}
        corners |= {"lr": ("lower-right", right, bottom), "ur": ("upper-right", right, top)}
        for name, (words, x, y) in corners.items():
            text = f"Sky coordinate of the {words} vertex of the minimal bounding box of the source"
            self.add(f"sky_bbox_{name}", sky_positions(wcs, x, y), text)

    def add_total(self, name: str, what: str, flux, error) -> None:
        """Add an estimate of the total flux of extended sources.

        Parameters
        ----------
        name : str
            Of the columns: ``<name>_flux`` and the others.
        what : str
            For their descriptions: where the flux is measured.
        flux, error : float64 array (n,)
            In the unit of the image times pixels.
        """
        flux, error = flux * self.scale.jansky, error * self.scale.jansky
        texts = (f"Flux {what}, an estimate of the total", f"Error of the flux {what}")
        self._add_flux(name, flux, error, texts)
        for system in ("AB", "Vega"):
            self._add_magnitude(name, system, (f"{name.title()} f", ""), flux, error)


def _unit(name):
    from astropy import units

    return units.Unit(name)


def sky_positions(wcs, x, y):
    """Return sky positions of pixels as ``SkyCoord``."""
    from astropy.coordinates import SkyCoord

    from hexcal.steps.wcs.evaluate import pixel_to_sky

    ra, dec = pixel_to_sky(wcs, np.asarray(x, float), np.asarray(y, float))
    return SkyCoord(ra=ra, dec=dec, unit="deg", frame="icrs")


def position_angle(wcs, x, y, orientation) -> np.ndarray:
    """Return the angle on the sky, north through east, of directions in the image.

    Plus half a turn, as the original gives it (degrees, 0 to 360).

    Parameters
    ----------
    wcs : gwcs.WCS
    x, y : float64 array (n,)
        Where, in pixels.
    orientation : float64 array (n,)
        Direction, degrees from the x axis.
    """
    from hexcal.steps.wcs.evaluate import pixel_to_sky

    angle = np.radians(orientation)
    ra, dec = pixel_to_sky(wcs, x, y)
    ra_end, dec_end = pixel_to_sky(wcs, x + np.cos(angle), y + np.sin(angle))
    east = eastward(ra_end, ra, dec)
    return (np.degrees(np.arctan2(east, dec_end - dec)) + 180) % 360
