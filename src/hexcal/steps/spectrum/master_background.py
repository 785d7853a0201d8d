"""Subtract one background spectrum from exposures of spectra, at the wavelength of each pixel."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from hexcal.core import Role, SkipStep, Step, StepParameters, names, parameter
from hexcal.errors import InputError
from hexcal.models.dqflags import pixel
from hexcal.steps.spectrum.background_spectrum import BackgroundSpectrum, smoothed
from hexcal.steps.spectrum.combine_1d import as_table, spectrum_of
from hexcal.steps.spectrum.parts import name_of_part, parts_of

_EXPOSURES = ("ImageModel", "IFUImageModel", "SlitModel", "MultiSlitModel")
_IFU = ("NRS_IFU", "MIR_MRS")
_SPECTRA = ("MultiSpecModel", "MRSMultiSpecModel")
BACKGROUND_HINT = "give the extracted spectrum of the background exposure (_x1d, of calwebb_spec2 or extract_1d)"
_USERS = (*_SPECTRA, "MultiCombinedSpecModel", "CombinedSpecModel")


class MasterBackgroundStep(Step):
    """Subtract a background spectrum from every exposure: that of the association, or one of the user.

    Spectra of background targets (BKGDTARG) count with their surface brightness, those of the exposures themselves
    (nods) with the background that extract_1d has found beside the source; their weighted mean (`combine_1d`) is the
    background. It is interpolated to the wavelength of each pixel. Pixels whose wavelength it does not hold lose
    nothing, and are flagged DO_NOT_USE (`flag_beyond`; 3.0.0 does not flag those of integral-field units).

    Of point sources of NIRSpec, which are calibrated in another way than the background, the background is brought to
    their calibration with the corrections that the product holds: path loss, and in the primary fixed slit flat field
    and flux calibration.

    Exposures whose background is subtracted already (S_BKDSUB) are left as they are, unless `force_subtract` is set.
    """

    alias = "master_background"
    default_suffix = "mbsub"
    roles = (
        Role("science", _EXPOSURES, many=True, other_names=("sci",)),
        Role("background", _SPECTRA, many=True, required=False, other_names=("bkg",), hint=BACKGROUND_HINT),
    )
    changes_first_only = True

    class Parameters(StepParameters):
        """Where the background comes from."""

        median_kernel: int = parameter(
            1,
            "Elements over whose median the spectrum of the association is smoothed; an even number is one less.",
            ge=1,
        )
        user_background: Any = parameter(
            None, "File or model with one spectrum (x1d or c1d), instead of those of the association."
        )
        save_background: bool = parameter(
            False, "Write the spectrum of the association (suffix masterbg) and what is subtracted (masterbg2d)."
        )
        force_subtract: bool = parameter(False, "Subtract although calwebb_spec2 has subtracted a background.")
        flag_beyond: Literal["all", "slits"] = parameter(
            "all", "Flag pixels whose wavelength the background does not hold, of all exposures or of slits only."
        )
        output_use_model: bool = parameter(True, "Take output names from the file name in each model.")

    def process(self, science, background):
        """Return the exposures, changed in place."""
        if not self.force_subtract:
            self._require_unsubtracted(science)
        if self.user_background:
            spectrum, name = self._of_user()
        elif len(background):
            self._tell_other_modes(science, background)
            spectrum, name = self._of_association(background), None
        else:
            raise SkipStep(
                "the association has no background spectrum, and user_background names none", is_expected=True
            )
        for exposure in science.each(changed=True):
            removed = self._subtract(exposure, spectrum)
            if name:
                exposure.set_meta("meta.background.master_background_file", name)
            if removed is not None:
                self.save_model(removed, "masterbg2d", force=True, basepath=names.name_of_member(self, exposure))
        return science

    def _require_unsubtracted(self, science):
        done = [exposure.get_meta("meta.cal_step.bkg_subtract") == "COMPLETE" for exposure in science.each()]
        if any(done):
            which = "the" if all(done) else f"{sum(done)} of {len(done)}"
            raise SkipStep(
                f"calwebb_spec2 has subtracted the background of {which} exposures "
                "(force_subtract=true subtracts this one too)",
                is_expected=True,
            )

    def _tell_other_modes(self, science, background):
        """Warn of spectra that were taken in another way than the exposures: they may be their background."""
        kinds = {exposure.get_meta("meta.exposure.type") for exposure in science.each()}
        for exposure in background.each():
            kind = exposure.get_meta("meta.exposure.type")
            if None not in (kind, *kinds) and kind not in kinds:
                self.log.warning(
                    "The background %s is of the type %s, the exposures are of %s: is it the right file?",
                    *(exposure.get_meta("meta.filename"), kind, ", ".join(sorted(kinds))),
                )

    def _of_user(self):
        """The spectrum of the user, and the name of its file."""
        from hexcal.core.inputs import accepted
        from hexcal.models.datamodel import DataModel
        from hexcal.models.open import open as open_model

        given = self.user_background
        model = given if isinstance(given, DataModel) else open_model(self.make_input_path(given))
        model = accepted(self, model, _USERS)
        parts = [model] if model.model_type == "CombinedSpecModel" else list(model.parts())
        name = model.get_meta("meta.filename") or str(model.path or "")
        if len(parts) != 1:
            raise InputError(
                f"a background needs one spectrum; {len(parts)} are in the file", where=name, hint="give one of them"
            )
        self.log.info("Background: %s", name)
        return BackgroundSpectrum.of(spectrum_of(parts[0].spec_table)), Path(name).name

    def _of_association(self, background):
        """The weighted mean of the background spectra."""
        from hexcal.steps.spectrum.combine_1d import Combine1dStep
        from hexcal.steps.spectrum.combining import combine

        weight_of = Combine1dStep().weights()
        spectra: list[Any] = []
        first = None
        for exposure in background.each():
            first = exposure if first is None else first
            is_target = bool(exposure.get_meta("meta.observation.bkgdtarg"))
            column = "SURF_BRIGHT" if is_target else "BACKGROUND"
            self.log.info("Background of %s: column %s", exposure.get_meta("meta.filename"), column)
            for part in exposure.parts():
                spectra.append(spectrum_of(_as_brightness(part.spec_table, column), weight_of(exposure)))
        columns = combine(spectra)
        columns = {name: values[np.isfinite(columns["SURF_BRIGHT"])] for name, values in columns.items()}
        if not len(columns["WAVELENGTH"]):
            raise InputError("the background spectra have no usable element", where=self.where)
        columns["SURF_BRIGHT"] = smoothed(columns["SURF_BRIGHT"], self.median_kernel)
        self._save_spectrum(first, columns)
        return BackgroundSpectrum(columns["WAVELENGTH"], columns["SURF_BRIGHT"])

    def _save_spectrum(self, first, columns):
        if not self.save_background:
            return
        from hexcal.models.single import model_class

        product: Any = model_class("MultiCombinedSpecModel")()
        product.update(first)
        part = product.new_part()
        part.spec_table = as_table(columns)
        product.spec = [part]
        self.save_model(product, "masterbg", force=True, basepath=names.name_of_member(self, first))

    def _subtract(self, exposure, spectrum):
        """Subtract from all parts of an exposure; returns what was subtracted, if it is to be written."""
        removed = exposure.copied(shares_wcs=True) if self.save_background and not self.user_background else None
        is_ifu = exposure.get_meta("meta.exposure.type") in _IFU
        for number, part in enumerate(parts_of(exposure)):
            level, known = spectrum.at(_wavelengths(part, exposure))
            factor = _factor(part, exposure, self.log)
            subtracted = level if factor is None else level * factor
            part.data -= subtracted.astype(np.float32)
            if self.flag_beyond == "all" or not is_ifu:
                part.dq[..., ~known] |= pixel.DO_NOT_USE
            if removed is not None:
                copy = parts_of(removed)[number]
                copy.data = np.broadcast_to(subtracted, part.data.shape).astype(np.float32)
                copy.dq = part.dq.copy()
            if not known.any():
                self.log.warning(
                    "%s: the background spectrum has none of its wavelengths", name_of_part(part, exposure)
                )
        return removed


def _as_brightness(table, column):
    """A table whose surface brightness is that of another column."""
    columns = {name.upper(): name for name in table.dtype.names}
    if column not in columns:
        raise InputError(f"the background spectrum has no column {column}", hint="give spectra of extract_1d")
    if column == "SURF_BRIGHT":
        return table
    table = table.copy()
    table[columns["SURF_BRIGHT"]] = table[columns["BACKGROUND"]]
    if "BKGD_ERROR" in columns:
        table[columns["SB_ERROR"]] = table[columns["BKGD_ERROR"]]
    return table


def _wavelengths(part, exposure):
    """Wavelength of each pixel (ny, nx), NaN where there is none."""
    if part.wavelength is not None and np.any(part.wavelength):
        return np.where(part.wavelength > 0, part.wavelength, np.nan)
    from hexcal.steps.wcs import spectral

    if exposure.get_meta("meta.exposure.type") in _IFU:
        return spectral.ifu_wavelengths(exposure)
    return spectral.slit_coordinates(part).wavelength


def _factor(part, exposure, log):
    """What the background of a point source of NIRSpec is multiplied by; None for nothing."""
    exposure_type = exposure.get_meta("meta.exposure.type")
    source = (
        part.get_meta("source_type")
        if exposure_type == "NRS_FIXEDSLIT"
        else exposure.get_meta("meta.target.source_type")
    )
    if exposure_type not in ("NRS_FIXEDSLIT", "NRS_IFU") or source != "POINT":
        return None
    ratios = [("pathloss_uniform", "pathloss_point")]
    if exposure_type == "NRS_FIXEDSLIT" and part.get_meta("name") == exposure.get_meta("meta.instrument.fixed_slit"):
        ratios += [("flatfield_uniform", "flatfield_point"), ("photom_point", "photom_uniform")]
    factor = np.ones((1, 1))
    for over, under in ratios:
        above, below = getattr(part, over), getattr(part, under)
        if above is None or below is None:
            log.warning("%s holds no %s: the background is subtracted without it", name_of_part(part, exposure), under)
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = factor * (above.astype(np.float64) / below)
    return factor
