"""Decide whether sources of spectra are points or extended."""

from typing import Literal

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.models.parts import Parts
from hexcal.models.science import SlitModel
from hexcal.steps.spectrum.parts import name_of_part, parts_of

POINT, EXTENDED, UNKNOWN = "POINT", "EXTENDED", "UNKNOWN"
_ONE_TARGET = (
    "MIR_LRS-FIXEDSLIT",
    "MIR_LRS-SLITLESS",
    "MIR_MRS",
    "NRC_TSGRISM",
    "NRS_FIXEDSLIT",
    "NRS_BRIGHTOBJ",
    "NRS_IFU",
)
"""Exposures of one target, whose type the user may give."""
_TIME_SERIES = ("NRC_TSGRISM", "NRS_BRIGHTOBJ")
_DEFAULTS = {
    "MIR_LRS-FIXEDSLIT": POINT,
    "MIR_LRS-SLITLESS": POINT,
    "MIR_MRS": EXTENDED,
    "NIS_SOSS": POINT,
    "NRS_FIXEDSLIT": POINT,
    "NRS_BRIGHTOBJ": POINT,
    "NRS_IFU": EXTENDED,
}
_NODDED = ("NRS_IFU", "NRS_FIXEDSLIT")
"""Exposures whose PATTTYPE says that they are nodded; of MIR_MRS it is DITHOPFR."""
_SLITLESS = ("NIS_WFSS", "NRC_WFSS", "MIR_WFSS")
_STARS_ABOVE = 0.75
"""Stellarity of point sources of the micro-shutter assembly."""


class SourceTypeStep(Step):
    """Decide whether the source of a spectrum is a point or extended, for the corrections that depend on it (SRCTYPE).

    The first of these that applies: ``source_type``, if the exposure is of one target; a background target is extended;
    time series are of points; what the proposal says (SRCTYAPT); nodded exposures are of points; the default of the
    exposure type: extended for integral-field units, a point for slits, NIRISS SOSS and MIRI LRS; UNKNOWN for all else.

    Of fixed slits of NIRSpec that is the type in the slit of the target, the others see background: extended. Sources
    of the micro-shutter assembly are points by a stellarity below 0 or above 0.75, otherwise extended; those of
    wide-field slitless spectra as the source catalog has it.
    """

    alias = "srctype"
    by_integration = True
    input_model = (
        "ImageModel",
        "CubeModel",
        "IFUImageModel",
        "SlitModel",
        "MultiSlitModel",
        "MultiExposureModel",
    )

    class Parameters(StepParameters):
        """What the user says of the source."""

        source_type: Literal["POINT", "EXTENDED"] | None = parameter(
            None, "What the source is, for exposures of one target; goes before what the proposal says."
        )

    def process(self, model):
        exposure_type = model.meta.exposure.type
        if not exposure_type:
            raise SkipStep("EXP_TYPE is not set, which says how the type of the source is found")
        if exposure_type == "NRS_MSASPEC" and isinstance(model, Parts):
            self._by_part(model, lambda part: of_stellarity(part.get_meta("stellarity")))
        elif exposure_type in _SLITLESS and isinstance(model, Parts):
            self._by_part(model, _of_catalog)
        elif exposure_type == "NRS_FIXEDSLIT":
            self._of_fixed_slits(model, self._of_exposure(model))
        else:
            self._of_one_source(model, self._of_exposure(model))
        return model

    def _of_one_source(self, model, kind):
        if not isinstance(model, Parts):
            model.meta.target.source_type = kind
            if isinstance(model, SlitModel):
                # What the file of a single slit says is that of the slit.
                model.set_meta("source_type", kind)
            return
        for part in parts_of(model):
            part.set_meta("source_type", kind)

    def _of_exposure(self, model):
        kind, reason = source_type(model, self.parameters.source_type)
        self.log.info("SRCTYPE = %s: %s", kind, reason)
        return kind

    def _by_part(self, model, type_of):
        counts = dict.fromkeys((POINT, EXTENDED, UNKNOWN), 0)
        for part in parts_of(model):
            kind = type_of(part)
            part.set_meta("source_type", kind)
            counts[kind] += 1
            self.log.debug("%s: %s", name_of_part(part, model), kind)
        self.log.info("Sources: %s", ", ".join(f"{count} {name}" for name, count in counts.items() if count))

    def _of_fixed_slits(self, model, of_primary):
        """The slit of the target gets its type; all others see background."""
        if not isinstance(model, Parts):
            self._of_one_source(model, of_primary)
            return
        primary = model.meta.instrument.fixed_slit
        if primary is None:
            self.log.warning("There is no FXD_SLIT, the slit of the target: the sources of all slits are %s", EXTENDED)
        for part in parts_of(model):
            is_primary = part.get_meta("name") == primary
            kind = of_primary if is_primary else EXTENDED
            part.set_meta("source_type", kind)
            if kind == EXTENDED and part.get_meta("source_xpos") is not None:
                # It fills the slit: there is no place in it that would be its own.
                part.set_meta("source_xpos", 0.0)
                part.set_meta("source_ypos", 0.0)


def source_type(model, given=None):
    """Return the type of the source of an exposure of one target, and how it was found.

    Parameters
    ----------
    model : DataModel
        The exposure.
    given : {"POINT", "EXTENDED", None}
        What the user says.

    Returns
    -------
    type, reason : str

    Notes
    -----
    JWST pipeline documentation 1.13.5, srctype, "Single Source Observations". Where SRCTYAPT stands in the order:
    docs/decisions.md.
    """
    exposure_type = model.meta.exposure.type
    is_series = exposure_type in _TIME_SERIES or bool(model.meta.visit.tsovisit)
    if exposure_type not in (*_DEFAULTS, *_TIME_SERIES):
        if is_series:
            return POINT, "a time series"
        return UNKNOWN, f"exposures of type {exposure_type} have no source of one type"
    proposed = model.meta.target.source_type_apt
    pattern = str(model.get_meta("meta.dither.primary_type") or "")
    rules = (
        (given is not None and exposure_type in _ONE_TARGET, given, "given by source_type"),
        (bool(model.meta.observation.bkgdtarg), EXTENDED, "a background target (BKGDTARG)"),
        (is_series, POINT, "a time series"),
        (proposed in (POINT, EXTENDED), proposed, "the proposal says so (SRCTYAPT)"),
        (exposure_type in _NODDED and _is_nodded(pattern), POINT, f"nodded (PATTTYPE = {pattern})"),
        (
            exposure_type == "MIR_MRS" and model.get_meta("meta.dither.optimized_for") == "POINT-SOURCE",
            POINT,
            "dithered for a point source (DITHOPFR)",
        ),
    )
    for holds, kind, reason in rules:
        if holds:
            return kind, reason
    return _DEFAULTS[exposure_type], f"the default of {exposure_type}"


def _is_nodded(pattern):
    return pattern == "POINT-SOURCE" or "NOD" in pattern


def of_stellarity(stellarity):
    """Return the type of a source of the micro-shutter assembly by its stellarity; UNKNOWN without one."""
    if stellarity is None:
        return UNKNOWN
    return POINT if stellarity < 0 or stellarity > _STARS_ABOVE else EXTENDED


def _of_catalog(part):
    """What the source catalog said of a source, which extract_2d has noted."""
    is_extended = part.get_meta("is_extended")
    if is_extended is None:
        kind = part.get_meta("source_type")
        return kind if kind in (POINT, EXTENDED) else UNKNOWN
    return EXTENDED if is_extended else POINT
