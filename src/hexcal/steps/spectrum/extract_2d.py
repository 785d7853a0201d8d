"""Cut the spectrum of each slit out of an exposure."""

from typing import Any

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import InputError, unknown_name
from hexcal.models.stored_wcs import wcs_of
from hexcal.steps.wcs.nirspec_range import LAMPS

SLITS = ("NRS_FIXEDSLIT", "NRS_MSASPEC", *LAMPS)
BRIGHT_OBJECTS = "NRS_BRIGHTOBJ"
SLITLESS = ("NRC_WFSS", "NIS_WFSS", "NRC_TSGRISM", "MIR_WFSS")


class Extract2dStep(Step):
    """Cut the spectrum of each slit out of an exposure: data, errors, flags, variances; with wavelengths and a WCS.

    Exposures of NIRSpec with slits: fixed slits, micro-shutters and lamps become a product of many slits, bright
    objects one of a single slit with its integrations. The window of a slit is the bounding box of its WCS. Each slit
    carries its name, place in the frame (SLTSTRT1, SLTSIZE1, SLTSTRT2, SLTSIZE2; the first pixel is 1), source, outline
    on the sky, and DISPAXIS; wavelengths are NaN where a pixel does not see the slit. In the fixed slit with the target
    its place follows from XOFFSET and YOFFSET.
    """

    alias = "extract_2d"
    by_integration = True
    input_model = ("ImageModel", "CubeModel", "IFUImageModel")
    reference_types = ("wavelengthrange",)

    class Parameters(StepParameters):
        """Which slits are cut out."""

        slit_name: str | None = parameter(
            None, "Name of the one slit that is cut out (a fixed slit, or the number of a slitlet); None: all."
        )
        slit_names: list[str] | None = parameter(None, "Names of the slits that are cut out; None: all.")
        source_ids: list[str] | None = parameter(
            None, "Numbers of sources whose slits are cut out, in addition to those of `slit_names`; None: all."
        )

    def references_needed(self, model):
        """None: spectra of slits have theirs in the WCS."""
        return ()

    def process(self, model, references):
        exposure_type = model.meta.exposure.type
        where = str(model.path or "model in memory")
        if exposure_type in SLITLESS:
            raise InputError(
                f"Hexcal does not yet cut out spectra without slits ({exposure_type})",
                where=where,
                hint="it does so for the slits of NIRSpec",
            )
        if exposure_type not in (*SLITS, BRIGHT_OBJECTS):
            raise SkipStep(f"an exposure of type {exposure_type} has no slits to cut out", is_expected=True)
        if wcs_of(model) is None:
            if model.meta.cal_step.assign_wcs == "SKIPPED":
                raise SkipStep("there is no WCS, assign_wcs was skipped")
            raise InputError("a WCS with slits is required, there is none", where=where, hint="run assign_wcs first")
        return self._cut(model, where)

    def _cut(self, model, where):
        from hexcal.steps.spectrum import slit_cutouts

        slits = slit_cutouts.open_slits_of(wcs_of(model))
        if not slits:
            raise SkipStep("the WCS holds no slits: an image through the mirror is not cut", is_expected=True)
        chosen = self._chosen(slits, where)
        if model.meta.exposure.type == BRIGHT_OBJECTS:
            return slit_cutouts.product_of_one(model, chosen[0])
        product = slit_cutouts.product_of_slits(model, chosen)
        self.log.info("%d slits cut out: %s", len(chosen), ", ".join(str(slit.name) for slit in chosen))
        return product

    def _chosen(self, slits, where) -> list[Any]:
        """The slits that the parameters name; InputError for a name that there is not."""
        given = self.parameters
        names = [*(given.slit_names or []), *([given.slit_name] if given.slit_name else [])]
        sources = list(given.source_ids or [])
        if not names and not sources:
            return slits
        known = {str(slit.name): slit for slit in slits}
        for name in names:
            if name not in known:
                raise unknown_name("slit", name, list(known), where=where, error=InputError)
        numbers = {str(slit.source_id) for slit in slits}
        for number in sources:
            if str(number) not in numbers:
                raise unknown_name("source", str(number), sorted(numbers), where=where, error=InputError)
        wanted = set(names)
        return [slit for slit in slits if str(slit.name) in wanted or str(slit.source_id) in map(str, sources)]
