"""Exposures that were calibrated with other reference files than are asked for: made again from their raw files."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from hexcal.errors import HexcalError, InputError
from hexcal.reffiles import pipeline_steps
from hexcal.reffiles.inputs import Selection, exposure_of
from hexcal.workflow.references import Choices

_SELF = "SELF"


class Restarts:
    """Finds the raw exposures of those that cannot be used as they are.

    Parameters
    ----------
    references : dict of str to str
        Type -> CRDS, SELF, or a file, that is asked for.
    inputs : list of Input
        All inputs: a raw exposure may be among them, or beside the calibrated one.
    """

    def __init__(self, references: dict[str, str], inputs: list[Any]):
        self.references = references
        self.raw = {item.path.name: item.path for item in inputs if "_uncal." in item.path.name}
        self.choices: Choices | None = None

    def member(self, exposure: Any, steps: str) -> Any:
        """Return an exposure, or its raw one if it was calibrated with another reference file than is asked for.

        Raises
        ------
        InputError
            If there is no raw exposure.
        """
        reason = self._other_reference(exposure)
        if reason is None:
            return exposure
        name = re.sub(r"_[a-z0-9]+(\.fits(\.gz)?)$", r"_uncal\1", exposure.path.name)
        path = self.raw.get(name, exposure.path.with_name(name))
        if name == exposure.path.name or not path.is_file():
            raise InputError(reason, where=str(exposure.path), hint=f"put {name} beside it, or among the inputs")
        return replace(exposure_of(path, Selection()), kind=exposure.kind)

    def _other_reference(self, exposure):
        """Why an exposure cannot be used: a reference of a complete step is not the one that is asked for."""
        for kind, wanted in self.references.items():
            done = [step for step in pipeline_steps.steps_with(kind) if _is_complete(exposure, step)]
            used = _recorded(exposure, kind)
            if not done or used is None:
                continue
            expected = self._expected(kind, wanted, exposure)
            if expected is None or used == expected:
                continue
            step = kind if kind in done else done[-1]
            return f"{step} used {used} as {kind} reference, asked for is {expected}"
        return None

    def _expected(self, kind, wanted, exposure):
        """Name of the reference file that is asked for; None where it cannot be said."""
        if wanted == _SELF:
            return "the one of this run (SELF)"
        if wanted != "CRDS":
            return "N/A" if wanted == "N/A" else Path(wanted).name
        self.choices = self.choices or Choices()
        try:
            path = self.choices.path(kind, exposure.path)
        except HexcalError:
            return None
        return None if path is None else Path(path).name


def _is_complete(exposure, step):
    status = pipeline_steps.step_defs()[step].status
    return (exposure.steps.get(status) or exposure.steps.get(step)) == "COMPLETE"


def _recorded(exposure, kind):
    """Name of the reference file that the header says was used."""
    from hexcal import observatories

    observatory = observatories.of_header(exposure.header, default="jwst")
    row = observatory.keywords.of_path(f"meta.ref_file.{kind}.name")
    value = exposure.header.get(row.keyword) if row is not None else None
    return None if value is None else Path(str(value).removeprefix("crds://")).name
