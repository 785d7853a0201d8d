"""Take out of MIRI MRS exposures what is not light of the sky where it falls."""

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter, run_bands
from hexcal.errors import InputError, ReferenceError_
from hexcal.models.dqflags import pixel
from hexcal.models.tables import table_of
from hexcal.steps.flux.mrs_gap import GAPS, band_of, clipped
from hexcal.steps.flux.showers import Limits, shower_model

_MIDDLE = 516
"""Column between the two channels of a detector."""
_SIDES = {"MIRIFUSHORT": (1, 2), "MIRIFULONG": (4, 3)}
"""Channels on the left and on the right half of a detector."""
_COLUMNS = ("lor_fwhm", "lor_scale", "gau_fwhm", "gau_xoff", "gau_scale1", "gau_scale2")
_REFERENCE_COLUMNS = 4
_SOURCES_ABOVE = 3.0
"""Standard deviations above the mean of the gap."""
_DO_NOT_USE = np.uint32(pixel.DO_NOT_USE)


class StraylightStep(Step):
    """Subtract the cross artifact of MIRI MRS detectors, their residual dark current, and showers of cosmic rays.

    Cross artifact: each pixel spreads a part of its light along its row, as a Lorentzian and two pairs of Gaussians
    around it; the reference gives their widths and scales for each band and row. What all pixels of a row spread is
    added up and subtracted. Pixels that are NaN, flagged DO_NOT_USE or no brighter than the noise spread nothing: less
    than 3 standard deviations above the mean between the two channels, where no light of the sky falls.

    Pedestal: the median count rate between the two channels is subtracted, so that it is 0 there.

    Showers (``clean_showers``): the pixels between the slices, smoothed by a Gaussian, show the extended light of
    cosmic-ray showers, which is interpolated to the slices and subtracted. For faint sources whose background has been
    subtracted: of bright ones the slices spill light into the gaps between them.

    Errors and flags are not changed.
    """

    alias = "straylight"
    reference_types = ("mrsxartcorr", "regions")
    input_model = ("IFUImageModel", "ImageModel")

    class Parameters(StepParameters):
        """The model of showers (release 3.0.0)."""

        clean_showers: bool = parameter(False, "Subtract the extended light of showers of cosmic rays too.")
        shower_plane: int = parameter(
            3,
            "Map of slices, of those in the regions reference, that says which pixels lie between the slices.",
            ge=0,
        )
        shower_x_stddev: float = parameter(
            18.0, "Width of the smoothing along rows, a standard deviation.", unit="pixel", gt=0
        )
        shower_y_stddev: float = parameter(
            5.0, "Width of the smoothing along columns, a standard deviation.", unit="pixel", gt=0
        )
        shower_low_reject: float = parameter(
            0.1, "Pixels between the slices that are fainter than this percentile are left out.", ge=0, le=100
        )
        shower_high_reject: float = parameter(
            99.9, "Pixels between the slices that are brighter than this percentile are left out.", ge=0, le=100
        )
        save_shower_model: bool = parameter(
            False, "Write the light of showers that is subtracted, with suffix _shower_model."
        )

    def references_needed(self, model):
        """The maps of slices only for showers."""
        if not _is_mrs(model):
            return ()
        return self.reference_types if self.parameters.clean_showers else ("mrsxartcorr",)

    def extra_products(self):
        """The model of showers."""
        wanted = self.parameters.clean_showers and self.parameters.save_shower_model
        return [{"suffix": "shower_model"}] if wanted else []

    def process(self, model, references):
        if not _is_mrs(model):
            raise SkipStep(
                f"the cross artifact is corrected in exposures of MIR_MRS only, this is {model.meta.exposure.type}",
                is_expected=True,
            )
        between = self._between_slices(model, references) if self.parameters.clean_showers else None
        parameters = artifact_parameters(model, references.mrsxartcorr, self.log)
        gap = GAPS[model.meta.instrument.detector]
        dark = clipped(np.nan_to_num(model.data[gap], nan=0.0))
        noise = dark.mean() + _SOURCES_ABOVE * dark.std() if dark.size else 0.0
        with np.errstate(invalid="ignore"):
            gives_light = (model.data > noise) & np.isfinite(model.data) & (model.dq & _DO_NOT_USE == 0)
        spread = subtract_artifact(model.data, gives_light, parameters)
        pedestal = subtract_pedestal(model.data, spread, gap)
        self.log.info("Between the channels there were %.4g DN/s, subtracted from all pixels", pedestal)
        if between is not None:
            self._clean_showers(model, between)
        return model

    def _between_slices(self, model, references):
        """Which pixels lie between the slices (ny, nx)."""
        regions, plane = references.regions, self.parameters.shower_plane
        maps = np.asarray(regions.regions)
        if maps.ndim != 3 or plane >= len(maps) or maps.shape[1:] != model.data.shape:
            raise ReferenceError_(
                f"a regions file with map {plane} of {model.data.shape} pixels is required, "
                f"this one has maps of shape {maps.shape}",
                where=str(regions.path or "model in memory"),
                hint="set shower_plane, or give another file with override_regions",
            )
        return maps[plane] == 0

    def _clean_showers(self, model, between):
        own = self.parameters
        limits = Limits(own.shower_low_reject, own.shower_high_reject)
        widths = own.shower_x_stddev, own.shower_y_stddev
        showers = shower_model(model.data, model.dq, between, widths, limits)
        if showers is None:
            self.log.warning(
                "No pixel between the slices is left from which showers could be modelled: none are subtracted"
            )
            return
        model.data -= showers
        self.log.info("Showers: %.3g to %.3g DN/s subtracted", showers.min(), showers.max())
        if own.save_shower_model:
            product = type(model)(showers, dq=np.zeros_like(model.dq), err=np.zeros_like(showers))
            product.update(model)
            self.save_model(product, suffix="shower_model", force=True)


def _is_mrs(model):
    return model.meta.exposure.type == "MIR_MRS"


def artifact_parameters(model, reference, log):
    """Return what describes the cross artifact of an exposure.

    Parameters
    ----------
    model : DataModel
        The exposure.
    reference : MirMrsXArtCorrModel
        With one table for each band; without that of a band its half of the detector is not corrected.
    log : logging.Logger
        Of the step.

    Returns
    -------
    float64 array (2, ny, 6)
        For the left and the right half of the detector; see `hexcal.kernels.cross_artifact`.

    Raises
    ------
    InputError
        If the header does not name a detector and band of MIRI MRS.
    ReferenceError_
        If a table does not have a row for each row of the exposure.
    """
    detector, band = model.meta.instrument.detector, model.meta.instrument.band
    if detector not in _SIDES or not band:
        raise InputError(
            "DETECTOR must be MIRIFUSHORT or MIRIFULONG, and BAND that of the exposure: "
            f"they are {detector} and {band}",
            where=str(model.path or "model in memory"),
        )
    ny = model.shape[-2]
    parameters = np.zeros((2, ny, len(_COLUMNS)))
    for side, channel in enumerate(_SIDES[detector]):
        letter = {"SHORT": "a", "MEDIUM": "b", "LONG": "c"}.get(band_of(channel, band))
        table = table_of(reference, f"ch{channel}{letter}_table") if letter else None
        if table is None:
            log.warning("The mrsxartcorr file has no table for channel %d, band %s: not corrected", channel, band)
            continue
        if len(table) != ny:
            raise ReferenceError_(
                f"the table of channel {channel} must have a row for each of the {ny} rows, it has {len(table)}",
                where=str(reference.path or "model in memory"),
                hint="give another file with override_mrsxartcorr",
            )
        order = np.argsort(table["yrow"], kind="stable")
        for column, name in enumerate(_COLUMNS):
            parameters[side, :, column] = table[name][order]
    return parameters


def subtract_artifact(image, gives_light, parameters, threads=None):
    """Subtract the cross artifact, in place; returns it.

    Parameters
    ----------
    image : float32 array (ny, nx)
        Count rates, DN/s. The columns of reference pixels stay as they are.
    gives_light : bool array (ny, nx)
        Pixels whose light is spread.
    parameters : float64 array (2, ny, 6)
        Of `artifact_parameters`.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    float64 array (ny, nx)
        DN/s.

    Notes
    -----
    JWST pipeline documentation 1.13.5, straylight, "Algorithm".
    """
    from hexcal.kernels.cross_artifact import spread_along_rows

    ny, nx = image.shape
    spread = np.empty((ny, nx))
    edges = np.array([0, _MIDDLE, nx - _REFERENCE_COLUMNS])
    run_bands(spread_along_rows, ny, image, gives_light, edges, parameters, spread, threads=threads)
    lit = _lit_columns(nx)
    image[:, lit] -= spread[:, lit]
    return spread


def _lit_columns(nx):
    return slice(_REFERENCE_COLUMNS, nx - _REFERENCE_COLUMNS)


def subtract_pedestal(image, spread, gap):
    """Subtract the clipped median of the pixels between the channels, in place; returns it.

    Parameters
    ----------
    image : float32 array (ny, nx)
        Count rates, DN/s. The columns of reference pixels stay as they are. A pixel that is NaN counts as one that was
        0 before the cross artifact was subtracted, as in release 3.0.0.
    spread : float64 array (ny, nx)
        The cross artifact, DN/s.
    gap : pair of slices
        Rows and columns between the channels.

    Returns
    -------
    float
        DN/s; 0 without a pixel there.
    """
    values = clipped(np.where(np.isnan(image[gap]), -spread[gap], image[gap]))
    pedestal = float(np.median(values)) if values.size else 0.0
    image[:, _lit_columns(image.shape[1])] -= np.float32(pedestal)
    return pedestal
