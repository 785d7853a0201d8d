"""Subtract the light that passes the closed shutters of NIRSpec."""

import numpy as np

from hexcal.core import Role, SkipStep, Step, StepParameters
from hexcal.errors import InputError

_RATES = ("ImageModel", "CubeModel", "IFUImageModel")


class ImprintStep(Step):
    """Subtract an exposure with all shutters closed (imprint) from one of the slitlets or the IFU of NIRSpec.

    Of several imprints that one is taken which is alone in being of a background target as the exposure is, or not of
    one; otherwise the one with the same observation (OBSERVTN) and dither position (PATT_NUM). If there is none, the
    step is skipped. Flags of the imprint are added; errors and variances stay as they are.
    """

    alias = "imprint"
    roles = (
        Role("science", _RATES, other_names=("sci", "target")),
        Role("imprint", _RATES, many=True, required=False),
    )
    changes_first_only = True

    class Parameters(StepParameters):
        """No parameters of its own."""

    def process(self, science, imprint):
        if imprint is None or not len(imprint):
            raise SkipStep("there is no imprint exposure")
        index = self._index_of(science, imprint)
        if index is None:
            raise SkipStep("there is no imprint exposure that belongs to the exposure")
        name = imprint.name_of(index)
        with imprint.borrowed(index, changed=False) as leak:
            values, flags = self._fitting(science, leak, name)
            science.data -= values
            science.dq |= flags
        self.log.info("Subtracted the imprint %s", name)
        return science

    def _index_of(self, science, imprints):
        """Number of the imprint that belongs to an exposure; None if there is none."""
        if len(imprints) == 1:
            return 0
        keys = []
        for index in range(len(imprints)):
            with imprints.borrowed(index, changed=False) as member:
                keys.append(_keys(member))
        own = _keys(science)
        alike = [index for index, key in enumerate(keys) if key[0] == own[0]]
        if len(alike) == 1:
            return alike[0]
        return next((index for index, key in enumerate(keys) if key[1:] == own[1:]), None)

    def _fitting(self, science, leak, name):
        """Values and flags of an imprint; InputError if it is of another size."""
        values, flags = np.asarray(leak.data), np.asarray(leak.dq)
        if values.shape[-2:] != science.shape[-2:] or values.ndim > len(science.shape):
            raise InputError(
                f"an imprint must have the size of the exposure, {science.shape}; {name} has {values.shape}",
                where=str(leak.path or name),
                hint="rates are subtracted from rates and from rates per integration, of the same subarray",
            )
        return values, flags


def _keys(model):
    """What tells which imprint belongs to an exposure: is it of a background target, observation, dither position."""
    return (
        model.get_meta("meta.observation.bkgdtarg"),
        model.get_meta("meta.observation.observation_number"),
        model.get_meta("meta.dither.position_number"),
    )
