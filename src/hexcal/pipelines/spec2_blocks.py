"""Time series of spectra in calwebb_spec2, some integrations at a time: the memory does not grow with their number."""

from typing import Any

from hexcal.core import blocks
from hexcal.errors import HexcalError
from hexcal.models.scratch import Scratch
from hexcal.models.streamed import Streamed, StreamedTable, with_streamed


class GatheredSpectra:
    """Spectra of blocks of integrations, put together into one product; their tables wait in a scratch file.

    Parameters
    ----------
    scratch : Scratch
        Where they wait.
    """

    def __init__(self, scratch: Scratch):
        self.scratch = scratch
        self.product: Any = None
        self.parts: list = []

    def add(self, spectra: Any) -> None:
        """Add the spectra of a block: further ones, or further rows of the same table (TSOMultiSpecModel)."""
        in_rows = spectra.model_type == "TSOMultiSpecModel"
        self.product = self.product or spectra
        for part in spectra.spec:
            rows = part.contents.arrays["spec_table"]
            if not (in_rows and self.parts):
                part.contents.container = self.product
                self.parts.append(with_streamed(part, {"spec_table": StreamedTable(self.scratch, "spectra")}))
            self.parts[-1].contents.arrays["spec_table"].append(rows)

    def of(self, exposure: Any) -> Any:
        """Return the product of all integrations of an exposure, which is good for nothing but to be saved."""
        product, own = self.product, exposure.meta.exposure
        product.spec = self.parts
        product.meta.exposure.integration_start = own.integration_start
        product.meta.exposure.integration_end = own.integration_end
        if exposure.has("int_times"):
            product.int_times = exposure.plain_table("int_times")
        return product


def in_blocks(
    pipeline: Any, corrections: list, after: list, exposure: Any, others: dict, parts: list
) -> tuple[Any, Any, HexcalError | None]:
    """Pass blocks of integrations through steps of calwebb_spec2.

    Parameters
    ----------
    pipeline : Spec2Pipeline
        That runs.
    corrections : list of Step
        Up to the calibrated exposure.
    after : list of Step
        What is done to it for its spectra, which extract_1d makes.
    exposure : CubeModel
        With its WCS.
    others : dict of str to tuple
        What a step takes beside the exposure, by the name of the step.
    parts : list of (int, int)
        As of `hexcal.core.blocks.parts_of_rates`.

    Returns
    -------
    calibrated : SlitModel
        Its arrays of integrations are streamed.
    spectra : MultiSpecModel or TSOMultiSpecModel or None
        Their tables are streamed; None where nothing was extracted.
    failure : HexcalError or None
        Why no spectra can be made; all integrations are calibrated nevertheless.

    Raises
    ------
    BlocksDisagree
        If a step finds in one block what it has not found in another.
    """
    scratch, planes, calibrated, failure = Scratch(), {}, None, None
    spectra = GatheredSpectra(scratch)
    with blocks.BlockRun(pipeline, parts) as run:
        for block in run.blocks(exposure):
            slit: Any = block
            for step in corrections:
                slit = run.step(step, pipeline.as_part(slit, step), *others.get(step.name, ()))
            failure = failure or _extract(run, after, slit, spectra)
            for name in [name for name in slit.loaded() if name in slit.per_integration and name != "int_times"]:
                planes.setdefault(name, Streamed(scratch, name)).append(getattr(slit, name))
                slit.forget(name)
            calibrated = calibrated or slit
    assert calibrated is not None
    calibrated.stand_for(exposure)
    if exposure.has("int_times") and not calibrated.has("int_times"):
        calibrated.int_times = exposure.plain_table("int_times")
    product = spectra.of(exposure) if spectra.product is not None and failure is None else None
    return with_streamed(calibrated, planes), product, failure


def _extract(run, steps, slit, spectra):
    """Add the spectra of a block; the calibrated exposure is a product as it is. Returns why it cannot be, or None."""
    result = slit
    try:
        for step in steps:
            if step.parameters.skip:
                run.step(step, slit)
            elif step.name == "extract_1d":
                extracted = run.made_of(step, result)
                if step.last_status == "COMPLETE":
                    spectra.add(extracted)
            else:
                result = run.step(step, result.copied(shares_wcs=True) if result is slit else result)
    except HexcalError as error:
        return error
    return None
