"""Subtract the average of background exposures."""

import contextlib
from typing import Literal

import numpy as np

from hexcal.core import Role, SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError
from hexcal.models.container import ModelContainer
from hexcal.steps.flux.background_average import Clipping, Window, average

_WFSS = ("NIS_WFSS", "NRC_WFSS", "MIR_WFSS")
_MUST_AGREE = {
    "meta.instrument.name": "INSTRUME",
    "meta.instrument.detector": "DETECTOR",
    "meta.exposure.type": "EXP_TYPE",
    "meta.instrument.grating": "GRATING",
    "meta.instrument.band": "BAND",
    "meta.bunit_data": "BUNIT",
}
_SHOULD_AGREE = {"meta.instrument.filter": "FILTER", "meta.instrument.pupil": "PUPIL"}


class BackgroundStep(Step):
    """Subtract the average of background exposures from an exposure.

    Outliers among the backgrounds (sources, cosmic rays) are clipped, of rates per integration first within each
    exposure. Flags of the backgrounds are added to those of the target. Its errors stay as they are, unless
    `add_errors` adds those of the average.

    Wide-field slitless spectra, whose background is a scaled reference image, are refused until a later version.
    """

    alias = "background"
    status = "bkg_subtract"
    reference_types = ("wfssbkg", "wavelengthrange")
    roles = (
        Role("science", ("ImageModel", "CubeModel", "IFUImageModel"), other_names=("sci", "target")),
        Role(
            "background", ("ImageModel", "CubeModel", "IFUImageModel"), many=True, required=False, other_names=("bkg",)
        ),
    )
    changes_first_only = True
    by_integration = True
    bkg_suffix = "combinedbackground"
    combined_model = "ImageModel"
    """Name of the class of the average that is written."""

    class Parameters(StepParameters):
        """How backgrounds are combined."""

        bkg_list: list[str] | None = parameter(
            None, "Files of background exposures, where neither the association nor the call names any."
        )
        save_combined_background: bool = parameter(
            False, "Write the average background, with suffix _combinedbackground."
        )
        sigma: float = parameter(3.0, "Values farther than this from the others are clipped.", unit="sigma", gt=0)
        maxiters: int | None = parameter(
            None, "Most iterations of clipping by scatter; None: until nothing more is clipped.", ge=0
        )
        clip_by: Literal["scatter", "noise"] = parameter(
            "scatter",
            "'scatter': by the standard deviation of the values, which clips nothing of two; 'noise': "
            "by their errors, leaving out values flagged DO_NOT_USE.",
        )
        add_errors: bool = parameter(
            False,
            "Add the variance of the average background to ERR and to VAR_POISSON, from which later steps compute ERR.",
        )
        wfss_mmag_extract: float | None = parameter(
            None,
            "Faintest AB magnitude of sources whose spectra are masked. Only for wide-field slitless spectra.",
            unit="mag",
        )

    def references_needed(self, model):
        """None: only wide-field slitless spectra have a reference image."""
        return ()

    def extra_products(self):
        """The average background."""
        return [{"suffix": self.bkg_suffix}] if self.parameters.save_combined_background else []

    def process(self, science, background, references):
        _refuse_wfss(science)
        mean = self.once("average", lambda: self.average_of(science, background))
        science.data -= mean.data
        science.dq |= mean.dq
        if self.parameters.add_errors:
            add_variance(science, mean.err)
        return science

    def average_of(self, science, background):
        """Return the average of the background exposures over the target, and save it if that is asked for.

        Parameters
        ----------
        science : DataModel
            The target.
        background : ModelContainer or None
            The background exposures.

        Returns
        -------
        Average

        Raises
        ------
        SkipStep
            If there is none.
        """
        backgrounds = self._backgrounds(background)
        if not len(backgrounds):
            raise SkipStep("there is no background exposure")
        with contextlib.ExitStack() as stack:
            members = [
                stack.enter_context(backgrounds.borrowed(index, changed=False)) for index in range(len(backgrounds))
            ]
            windows = [_window(member) for member in members]
            target = _window(science)
            for number, (member, window) in enumerate(zip(members, windows, strict=True)):
                self._check(science, target, member, window, backgrounds.name_of(number))
            clipping = Clipping(self.clip_by, self.sigma, self.maxiters)
            mean = average(list(zip(members, windows, strict=True)), target, clipping)
        self.log.info("Average of %d background exposures; %d values were clipped", len(backgrounds), mean.n_clipped)
        without = mean.covered.size - np.count_nonzero(mean.covered)
        if without:
            self.log.warning(
                "%d of %d pixels have no background, nothing is subtracted there", without, mean.covered.size
            )
        if self.parameters.save_combined_background:
            self._save(science, mean)
        return mean

    def _backgrounds(self, given):
        """The background exposures, as a container."""
        if given is not None and (len(given) or not self.parameters.bkg_list):
            return given
        return ModelContainer([self.make_input_path(name) for name in self.parameters.bkg_list or ()])

    def _check(self, science, target, member, window, name):
        """Refuse a background that does not belong to the target, and warn of one that may not."""
        for path, keyword in _MUST_AGREE.items():
            needed, actual = science.get_meta(path), member.get_meta(path)
            if None not in (needed, actual) and needed != actual:
                raise InputError(
                    f"a background exposure must have {keyword} = {needed}, as the target; {name} has {actual}",
                    where=str(member.path or name),
                    hint="take it out of the association, or leave the step out with skip=true",
                )
        for path, keyword in _SHOULD_AGREE.items():
            needed, actual = science.get_meta(path), member.get_meta(path)
            if None not in (needed, actual) and needed != actual:
                self.log.warning("The background %s has %s = %s, the target %s", name, keyword, actual, needed)
        if target.overlap(window) is None:
            raise InputError(
                f"the background {name} covers no pixel of the target: it begins at column {window.x + 1}, "
                f"row {window.y + 1} "
                f"with {window.shape} pixels (ny, nx); the target at column {target.x + 1}, "
                f"row {target.y + 1} with {target.shape}",
                where=str(member.path or name),
                hint="a background of the same subarray or of the full detector is needed",
            )

    def _save(self, science, mean):
        from hexcal.models.single import model_class

        combined = model_class(self.combined_model)(mean.data, err=mean.err, dq=mean.dq)
        combined.update(science)
        self.save_model(combined, suffix=self.bkg_suffix, force=True)


def add_variance(exposure, error):
    """Add the noise of what was subtracted from an exposure to its own, in place.

    Parameters
    ----------
    exposure : DataModel
        Images (ny, nx) or integrations (nints, ny, nx). Its ``err`` and its variance of the photon noise change, since
        later steps make ``err`` of the variances. That of the read noise stays: it is the weight when pixels are
        resampled, and weights that follow the light of the background would bias what is seen beside its sources.
    error : float32 array (ny, nx)
        Standard deviation of what was subtracted, in the unit of the exposure.
    """
    variance = np.square(error)
    exposure.var_poisson += variance
    exposure.err[...] = np.sqrt(np.square(exposure.err) + variance)


def _refuse_wfss(science):
    if science.meta.exposure.type in _WFSS:
        raise InputError(
            f"the background of wide-field slitless spectra (EXP_TYPE {science.meta.exposure.type}) is not in this "
            "version of Hexcal",
            where=str(science.path or "EXP_TYPE"),
            hint="skip=true leaves the step out",
        )


def _window(model):
    """The part of the detector that an exposure covers."""
    x, y, _, _ = model.subarray
    return Window(x - 1, y - 1, tuple(model.shape[-2:]))
