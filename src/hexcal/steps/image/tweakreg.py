"""Align images by the stars in them."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.image import gaia, star_catalogs
from hexcal.steps.image.alignment import Matching, align_absolute, align_relative
from hexcal.steps.image.groups import group_of, grouped
from hexcal.steps.image.star_groups import Catalogue, Group, StarField
from hexcal.steps.image.star_measuring import StarMeasuring, require_kron
from hexcal.steps.image.tangent_planes import TangentPlane

_SMALLEST_ERROR = 0.005
"""Of a position in pixels: no star weighs more than with this."""


class TweakRegStep(Step):
    """Align images to one another, and to a catalogue, by the stars in them.

    The correction becomes part of their WCS (frame ``v2v3corr``).

    Stars are found as by the original (the finders of photutils on the same background); matches and corrections are
    those of tweakwcs. An image that cannot be aligned keeps its WCS and is SKIPPED, with the reason in the log; if no
    image can be, the step is.

    Differences from the original: ``centroids`` and ``average_stars`` (profile `recommended`) take out the errors of
    pixel phase and of single faint stars; too few matches are no success; an unreachable catalogue service is an error.
    """

    alias = "tweakreg"
    input_model = "ImageContainer"

    class Parameters(StepParameters):
        """How stars are found, matched and fitted."""

        save_catalogs: bool = parameter(False, "Write the catalogue of stars of each image.")
        use_custom_catalogs: bool = parameter(
            False, "Use the catalogues that the association, catfile or TCATFILE name."
        )
        catalog_format: str = parameter("ecsv", "Format and ending of the catalogues that are written.")
        catfile: str = parameter("", "File that names in each line an image and its catalogue.")
        starfinder: Literal["dao", "iraf", "segmentation"] = parameter("dao", "How stars are found.")
        centroids: Literal["finder", "windowed"] = parameter(
            "finder", "Positions of the finder; or windowed centroids, with weights from the noise."
        )
        snr_threshold: float = parameter(10.0, "Least height of a star above the background.", "sigma", gt=0)
        kernel_fwhm: float = parameter(2.5, "Width of stars.", "pixel", gt=0)
        bkg_boxsize: int = parameter(400, "Size of the boxes of the background.", "pixel", ge=1)
        minsep_fwhm: float = parameter(0.0, "Least distance of stars (dao, iraf), in kernel_fwhm.", ge=0)
        sigma_radius: float = parameter(1.5, "Radius of the kernel (dao, iraf).", "sigma", gt=0)
        sharplo: float = parameter(0.2, "Least sharpness (dao, iraf).")
        sharphi: float = parameter(1.0, "Greatest sharpness (dao, iraf).")
        roundlo: float = parameter(-1.0, "Least roundness (dao, iraf).")
        roundhi: float = parameter(1.0, "Greatest roundness (dao, iraf).")
        brightest: int | None = parameter(200, "Most stars of an image, the brightest.", ge=1)
        peakmax: float | None = parameter(None, "Highest pixel of a star, in the unit of the data.")
        npixels: int = parameter(10, "Least number of pixels (segmentation).", ge=1)
        connectivity: Literal["4", "8"] = parameter("8", "Number of neighbours of a pixel (segmentation).")
        deblend: bool = parameter(True, "Separate sources that touch (segmentation).")
        nlevels: int = parameter(32, "Levels of the separation (segmentation).", ge=1)
        contrast: float = parameter(0.001, "Least fraction of the flux of a part (segmentation).", ge=0, le=1)
        multithresh_mode: Literal["exponential", "linear", "sinh"] = parameter(
            "exponential", "Spacing of the levels (segmentation)."
        )
        localbkg_width: int = parameter(0, "Width of the ring of a local background (segmentation); 0 for none.", ge=0)
        apermask_method: Literal["correct", "mask", "none"] = parameter(
            "correct", "What becomes of neighbours in apertures (segmentation)."
        )
        kron_params: list[float] | None = parameter(
            None, "Scale, least radius and least circular radius of Kron apertures (segmentation)."
        )
        enforce_user_order: bool = parameter(
            False, "Take the images in their order, the first as the reference; otherwise by their overlaps."
        )
        expand_refcat: bool = parameter(False, "Add the stars of each aligned image to the reference.")
        minobj: int = parameter(15, "Least number of matches.", ge=1)
        fitgeometry: Literal["shift", "rshift", "rscale", "general"] = parameter(
            "rshift", "What is fitted: shift; and rotation; and scale; or any linear map."
        )
        nclip: int = parameter(3, "Rounds of clipping in the fit.", ge=0)
        sigma: float = parameter(3.0, "Clipping limit in the fit.", "sigma", gt=0)
        searchrad: float = parameter(2.0, "Radius in which the first shift is searched.", "arcsec", gt=0)
        use2dhist: bool = parameter(True, "Search the first shift; otherwise it is xoffset, yoffset.")
        separation: float = parameter(1.0, "Least distance of stars that are matched.", "arcsec", gt=0)
        tolerance: float = parameter(0.7, "Greatest distance of a match.", "arcsec", gt=0)
        xoffset: float = parameter(0.0, "First guess of the shift in x.", "arcsec")
        yoffset: float = parameter(0.0, "First guess of the shift in y.", "arcsec")
        abs_refcat: str | None = parameter(
            "", "Catalogue to align to: GAIADR3, GAIADR2, GAIADR1, or a file with RA and DEC. Default: none."
        )
        save_abs_catalog: bool = parameter(False, "Write the catalogue that is aligned to.")
        average_stars: bool = parameter(
            False, "Align the mean positions of stars over all images to the catalogue, not those of single images."
        )
        abs_minobj: int = parameter(15, "As minobj, for the catalogue.", ge=1)
        abs_fitgeometry: Literal["shift", "rshift", "rscale", "general"] = parameter(
            "rshift", "As fitgeometry, for the catalogue."
        )
        abs_nclip: int = parameter(3, "As nclip, for the catalogue.", ge=0)
        abs_sigma: float = parameter(3.0, "As sigma, for the catalogue.", "sigma", gt=0)
        abs_searchrad: float = parameter(6.0, "As searchrad, for the catalogue.", "arcsec", gt=0)
        abs_use2dhist: bool = parameter(True, "As use2dhist, for the catalogue; otherwise the first shift is zero.")
        abs_separation: float = parameter(0.1, "As separation, for the catalogue.", "arcsec", gt=0)
        abs_tolerance: float = parameter(0.7, "As tolerance, for the catalogue.", "arcsec", gt=0)
        sip_approx: bool = parameter(True, "Approximate the corrected WCS by FITS keywords (SIP).")
        sip_max_pix_error: float = parameter(
            0.01, "Largest error of the approximation; not looked at where sip_degree is given.", "pixel", gt=0
        )
        sip_degree: int | None = parameter(None, "Degree of the approximation. Default: as accuracy needs.", ge=1, le=6)
        sip_max_inv_pix_error: float = parameter(
            0.01, "Largest error of the way back; not looked at where sip_inv_degree is given.", "pixel", gt=0
        )
        sip_inv_degree: int | None = parameter(None, "Degree of the way back. Default: as accuracy needs.", ge=1, le=6)
        sip_npoints: int = parameter(12, "Points along each axis that the approximation is fitted to.", ge=3)
        output_use_model: bool = parameter(True, "Take output names from the file name in each model.")
        in_memory: bool | None = parameter(
            None, "Keep changed exposures in memory. Default: those that were read from files wait in temporary files."
        )

    def process(self, exposures):
        if self.parameters.in_memory is not None:
            exposures.in_memory = self.parameters.in_memory
        self._problems: dict[str, str] = {}
        self._catalogs: dict[str, str] = {}
        has_catalogue = bool((self.parameters.abs_refcat or "").strip())
        # A file that cannot be read is said before the work.
        catalogue_of_file = self._catalogue_of_file()
        custom = self._custom_catalogs()
        images = [self._image(exposure, index, custom) for index, exposure in enumerate(exposures.each())]
        groups = [
            Group([images[index].field for index in members]) for members in grouped([image.group for image in images])
        ]
        if len(groups) < 2 and not has_catalogue:
            raise SkipStep("one image, or one exposure, has nothing to be aligned to: at least 2 are required")
        self._align(groups)
        if has_catalogue:
            catalogue = catalogue_of_file or self._catalogue_of_service(groups, images)
            if self.parameters.save_abs_catalog:
                self._save_catalogue(catalogue)
            self._align_to(groups, catalogue)
        aligned = self._conclude(groups)
        for index, image in enumerate(images):
            if image.field in aligned:
                with exposures.borrowed(index, changed=()) as exposure:
                    self._correct(exposure, image.field)
        return exposures

    def set_status(self, model, status):
        """An image that could not be aligned is SKIPPED, whatever became of the others."""
        is_left = status == "COMPLETE" and _name(model) in getattr(self, "_problems", {})
        super().set_status(model, "SKIPPED" if is_left else status)

    def require_parameters(self):
        """There are Kron apertures."""
        require_kron(self.parameters.kron_params)

    # ---- stars

    def _custom_catalogs(self):
        if not self.parameters.use_custom_catalogs or not self.parameters.catfile:
            return {}
        return star_catalogs.read_catfile(self.make_input_path(self.parameters.catfile))

    def _image(self, exposure, index, custom):
        name = _name(exposure) or f"member {index}"
        wcs, info = wcs_of(exposure), exposure.meta.wcsinfo
        if wcs is None:
            raise InputError("tweakreg needs the WCS of each image", where=name, hint="run assign_wcs first")
        missing = [key for key in ("v2_ref", "v3_ref", "roll_ref") if getattr(info, key) is None]
        if missing:
            raise InputError(
                f"the header lacks {', '.join(missing)}", where=name, hint="the reference point of the WCS"
            )
        x, y, weight, is_of_noise = self._stars(exposure, name, custom)
        return _AlignedImage(
            group_of(exposure, index),
            star_field(name, wcs, info, exposure.shape, x, y, weight, is_of_noise),
            _epoch(exposure),
        )

    def _stars(self, exposure, name, custom):
        """Positions of the stars in pixels, weights in pixel to the power of -2 or as given (then with False)."""
        path = self._custom_catalog(exposure, name, custom)
        if path is not None:
            x, y, weight = star_catalogs.read_stars(path)
            self.log.info("%s: %d stars of %s", name, len(x), path)
            return x, y, weight, False
        table = StarMeasuring(self.parameters).stars(exposure.data, exposure.err, (exposure.dq & pixel.DO_NOT_USE) != 0)
        self.log.info("%s: %d stars found", name, len(table))
        if self.parameters.save_catalogs:
            self._catalogs[name] = self._save(table, exposure, name)
        error = np.asarray(table["error"]) if "error" in table.colnames else None
        weight = None if error is None else 1 / (np.where(np.isfinite(error), error, 1.0) ** 2 + _SMALLEST_ERROR**2)
        return np.asarray(table["x"], float), np.asarray(table["y"], float), weight, True

    def _custom_catalog(self, exposure, name, custom):
        if not self.parameters.use_custom_catalogs:
            return None
        if name in custom:
            exposure.meta.tweakreg_catalog = None if custom[name] is None else str(custom[name])
            return custom[name]
        given = exposure.get_meta("meta.tweakreg_catalog")
        return self.make_input_path(given) if given else None

    def _save(self, table, exposure, name):
        path = self.make_output_path(
            basepath=f"{Path(name).stem}.fits", suffix="cat", ext=self.parameters.catalog_format, model=exposure
        )
        self.make_output_dir()
        table.meta["name"] = Path(name).stem
        star_catalogs.write_table(table, path, self.parameters.catalog_format)
        self.log.info("%s: catalogue of stars in %s", name, path)
        return Path(path).name

    # ---- alignment

    def _matching(self, prefix=""):
        values: dict[str, Any] = {name: getattr(self.parameters, prefix + name) for name in _MATCHING}
        # The first shift to the catalogue is searched or zero.
        for name in ("xoffset", "yoffset"):
            values[name] = 0.0 if prefix else getattr(self.parameters, name)
        return Matching(**values)

    def _align(self, groups):
        """Align groups that have stars to one another."""
        with_stars = [group for group in groups if len(group.ra)]
        for group in groups:
            if not len(group.ra):
                group.status = "no stars were found"
        if len(groups) > 1 and len(with_stars) > 1:
            # In their order the original does not add to the reference, otherwise it always does.
            expand = self.parameters.expand_refcat or not self.parameters.enforce_user_order
            align_relative(with_stars, self._matching(), self.parameters.enforce_user_order, expand)
            if not any(group.status == "aligned" for group in with_stars):
                for group in with_stars:
                    if group.status == "reference":
                        group.status = "no other image could be aligned to it"
        elif len(groups) == 1 and with_stars:
            with_stars[0].status = "reference"
        else:
            for group in with_stars:
                group.status = "no other image has stars"

    def _catalogue_of_file(self):
        name = (self.parameters.abs_refcat or "").strip()
        if not name or name.upper() in gaia.CATALOGUES:
            return None
        path = self.make_input_path(name)
        catalogue = Catalogue(Path(path).name, *star_catalogs.read_positions(path))
        if catalogue.weight is not None and np.ptp(catalogue.weight) == 0 and self.parameters.average_stars:
            catalogue.weight = None
        return catalogue

    def _catalogue_of_service(self, groups, images):
        name = self.parameters.abs_refcat.strip().upper()
        return Catalogue(name, *self._from_service(groups, images, name))

    def _from_service(self, groups, images, name):
        from hexcal.steps.image.sky_polygons import directions, unit_vectors

        corners = np.concatenate([unit_vectors(*image.field.corners) for image in images])
        centre = corners.mean(axis=0)
        centre /= np.linalg.norm(centre)
        radius = float(np.degrees(np.arccos(np.clip(corners @ centre, -1, 1)).max()))
        ra, dec = (float(value[0]) for value in directions(centre[None]))
        epochs = [image.epoch for image in images if image.epoch is not None]
        epoch = float(np.mean(epochs)) if epochs else 2016.0
        positions = gaia.positions(ra, dec, radius, epoch, name)
        self.log.info("%s: %d stars within %.4f deg, at epoch %.3f", name, len(positions[0]), radius, epoch)
        return positions

    def _save_catalogue(self, catalogue):
        from astropy.table import Table

        columns = {"RA": catalogue.ra, "DEC": catalogue.dec}
        columns |= {} if catalogue.weight is None else {"weight": catalogue.weight}
        path = self.make_output_path(suffix=f"{Path(catalogue.name).stem.lower()}_cat", ext="ecsv")
        self.make_output_dir()
        star_catalogs.write_table(Table(columns), path)
        self.log.info("Reference catalogue in %s", path)

    def _align_to(self, groups, catalogue):
        aligned = [group for group in groups if group.is_aligned]
        # What could not be aligned to others may be so to the catalogue, on its own.
        alone = [group for group in groups if not group.is_aligned and len(group.ra)]
        for members in [aligned, *([group] for group in alone)]:
            if not members:
                continue
            status = align_absolute(members, catalogue, self._matching("abs_"), self.parameters.average_stars)
            for group in members:
                if status == "aligned":
                    group.status = "aligned"
                elif group.is_aligned and len(groups) > 1:
                    self.log.warning("%s: not aligned to the catalogue: %s", group.name, status)
                else:
                    group.status = status

    def _conclude(self, groups):
        """The images whose WCS is corrected; says why others are not."""
        left = [group for group in groups if not group.is_aligned]
        if len(left) == len(groups):
            raise SkipStep("no image could be aligned: " + "; ".join(sorted({group.status for group in left}))[:300])
        for group in left:
            for image in group.fields:
                self._problems[image.name] = group.status
                self.log.warning("%s: not aligned: %s", image.name, group.status)
        return [image for group in groups if group.is_aligned for image in group.fields]

    def _correct(self, exposure, image):
        from hexcal.steps.wcs.footprint import footprint, s_region

        exposure.meta.wcs = image.plane.corrected_wcs()
        if image.name in self._catalogs:
            exposure.meta.tweakreg_catalog = self._catalogs[image.name]
        exposure.meta.wcsinfo.s_region = s_region(footprint(exposure))
        if self.parameters.sip_approx:
            self._approximate(exposure, image.name)

    def _approximate(self, exposure, name):
        from hexcal.steps.wcs import sip

        wanted = {
            "max_pix_error": self.parameters.sip_max_pix_error,
            "degree": self.parameters.sip_degree,
            "max_inv_pix_error": self.parameters.sip_max_inv_pix_error,
            "inv_degree": self.parameters.sip_inv_degree,
        }
        crpix, npoints = sip.reference_pixel(exposure), self.parameters.sip_npoints
        try:
            header = sip.approximation(wcs_of(exposure), crpix, npoints=npoints, **wanted)
        except InputError as error:
            self.log.warning("%s: the FITS keywords of the WCS are not updated: %s", name, error.message)
            return
        sip.set_keywords(exposure, header)
        missed = sip.missed_accuracy(header, **wanted)
        if missed:
            self.log.warning("%s: the FITS keywords approximate the WCS less well than asked for: %s", name, missed)


_MATCHING = ("searchrad", "use2dhist", "separation", "tolerance", "minobj", "fitgeometry", "nclip", "sigma")


class _AlignedImage:
    """An image: its group, its stars, when it was taken (year)."""

    def __init__(self, group: str, field: StarField, epoch: float | None):
        self.group, self.field, self.epoch = group, field, epoch


def _name(exposure):
    return Path(exposure.get_meta("meta.filename") or getattr(exposure.path, "name", "") or "").name


def _epoch(exposure):
    """The year of an exposure, with its fraction, or None."""
    from astropy.time import Time

    date, time = (exposure.get_meta(f"meta.observation.{name}") for name in ("date", "time"))
    if not date:
        return None
    year: Any = Time(f"{date}T{time or '00:00:00'}", scale="utc").jyear
    return float(year)


def star_field(name, wcs, info, shape, x, y, weight, is_of_noise) -> StarField:
    """Return the stars of an image on the sky.

    Parameters
    ----------
    name : str
    wcs : Wcs or gwcs.WCS
    info : metadata
        With ``v2_ref``, ``v3_ref`` (arcsec) and ``roll_ref`` (degrees).
    shape : tuple of int
        (ny, nx) of the image.
    x, y : float64 array (n,)
        0-based pixels.
    weight : float64 array (n,) or None
    is_of_noise : bool
        Whether the weights are in pixels to the power of -2.
    """
    from hexcal.steps.wcs.evaluate import pixel_to_sky
    from hexcal.steps.wcs.footprint import footprint

    plane = TangentPlane(wcs, info.v2_ref, info.v3_ref, info.roll_ref, name)
    corners = footprint(wcs, shape)
    middle = np.array(shape[::-1]) / 2 - 0.5
    steps = np.array([[0, 0], [1, 0], [0, 1]]) - 0.5
    points = plane.from_sky(*pixel_to_sky(wcs, *(middle + steps).T))
    scale = float(np.sqrt(abs(np.linalg.det(points[1:] - points[0]))))
    ra, dec = pixel_to_sky(wcs, x, y)
    if weight is not None and is_of_noise:
        weight = weight / scale**2
    return StarField(name, plane, ra, dec, weight, scale, (corners[:, 0], corners[:, 1]))
