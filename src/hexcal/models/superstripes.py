"""Ramps of superstripes: integrations that show one place of the detector after the other.

A superstripe read-out moves its lines by SSTR_STP after each integration, and begins anew after SSTR_NST of them, which
together, a turn, show what one integration of a common subarray does. Until the places are put together, in refpix,
each has flags of its own, and its own lines of the references.
"""

from typing import Any

import numpy as np

from hexcal.models.layout import Array
from hexcal.models.science import RampModel


class SuperstripeRampModel(RampModel):
    """A ramp of superstripe read-outs: as a RampModel, with an image of PIXELDQ for each of SSTR_NST places."""

    layout = (Array("pixeldq", "PIXELDQ", "u4", (3,)),)

    @property
    def n_places(self):
        """How many places take turns, SSTR_NST; 1 if that is not known."""
        return self.meta.subarray.num_superstripe or 1

    def load_array(self, spec):
        """As of all models; flags that the file does not have are zeros, for each place."""
        if spec.name == "pixeldq" and spec.name not in self.contents.arrays and not self.contents.extension(spec):
            shape = self.n_places, *self.shape[-2:]
            self.contents.arrays["pixeldq"] = np.zeros(shape, np.uint32)
            return self.contents.arrays["pixeldq"]
        return super().load_array(spec)

    def at_place(self, place):
        """Return the integrations of one place, from 0, as a RampModel; its arrays are copies, its metadata are not."""
        part = RampModel()
        self.metadata_tree()
        part.contents, part.observatory = self.contents.shared(), self.observatory
        part.contents.arrays = dict.fromkeys(part.specs)
        for name in self._arrays_of_places():
            part.contents.arrays[name] = np.ascontiguousarray(getattr(self, name)[place :: self.n_places])
        flags: Any = self.pixeldq
        part.contents.arrays["pixeldq"] = flags[place].copy()
        part.superstripe = place
        return part

    def take_place(self, place, part):
        """Take over the arrays that a step has changed in `at_place`."""
        for name in self._arrays_of_places():
            getattr(self, name)[place :: self.n_places] = getattr(part, name)
        flags: Any = self.pixeldq
        flags[place] = part.pixeldq

    def _arrays_of_places(self):
        return [name for name in ("data", "groupdq", "zeroframe") if getattr(self, name) is not None]
