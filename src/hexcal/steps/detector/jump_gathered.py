"""Sigma clipping of an exposure whose integrations come in blocks.

The ramps wait on disk, and are looked at tile by tile, all integrations at a time.
"""

import dataclasses
from typing import Any

import numpy as np

from hexcal.core.bands import threads_of
from hexcal.models.scratch import Scratch
from hexcal.steps.detector.jump import JumpStep, flag_jumps, mark_without_gain, search_from

TILE_BYTES = 32 << 20
"""Size of what is looked at together: values and flags of all integrations of some pixels, and of the pixels around
them.
"""
_FEWEST_COLUMNS = 64


class JumpsOfAll:
    """The jumps of an exposure, found in two passes.

    `add` takes the blocks, `find` looks for jumps, `block` gives them back with their flags.

    The bits are those of the step on the whole exposure: what is flagged in a pixel depends on its own ramps and, where
    jumps pass to neighbours, on those of the four pixels beside it.

    Parameters
    ----------
    step : JumpStep
        With its parameters.
    scratch : Scratch
        Where the ramps wait: on disk, as large as the float32 ramp and half of it again.
    """

    def __init__(self, step: JumpStep, scratch: Scratch):
        self.step, self.scratch = step, scratch
        self.sizes: list[int] = []
        self.search: Any = None
        self.images: Any = None
        self.pixel_dq: Any = None
        self.shape: Any = None
        self.has_zero_frame = False

    def add(self, block, references) -> Any:
        """Take a block as the steps before the search have left it; returns it."""
        if self.images is None:
            self.images = references.gain.cutout(block).data, references.readnoise.cutout(block).data
            search = search_from(self.step.parameters, block.groupdq, block.meta.exposure)
            self.search = dataclasses.replace(search, sigma_clip=True)
            self.pixel_dq, self.shape = block.pixeldq.copy(), block.data.shape[1:]
            self.has_zero_frame = block.zeroframe is not None
            self.step.log.info("method: sigma clipping")
        self.pixel_dq |= block.pixeldq
        flags = np.ascontiguousarray(block.groupdq).data
        self.scratch.append("ramp", (np.ascontiguousarray(block.data).data,))
        # What was flagged before decides what is found; what is found goes into a file of its own.
        self.scratch.append("flags_before", (flags,))
        self.scratch.append("flags", (flags,))
        if self.has_zero_frame:
            self.scratch.append("zero_frame", (np.ascontiguousarray(block.zeroframe).data,))
        self.sizes.append(len(block.data))
        return block

    def find(self) -> None:
        """Look for the jumps of all integrations."""
        from hexcal.kernels.jump_differences import Samples

        threads, (gain, read_noise) = threads_of(self.step), self.images
        n_ints, (n_groups, ny, nx) = sum(self.sizes), self.shape
        images = n_ints * n_groups, ny, nx
        for inner, outer in self._tiles(n_ints):
            data = self.scratch.read_window("ramp", np.float32, images, outer)
            flags = self.scratch.read_window("flags_before", np.uint8, images, outer)
            ramps = (array.reshape(n_ints, n_groups, *array.shape[1:]) for array in (data, flags))
            noise = (np.require(image[outer], np.float32, ["C", "W"]) for image in (gain, read_noise))
            samples = Samples(*ramps, *noise, inverse_frames=1.0 / self.search.n_frames)
            flag_jumps(samples, self.search, threads)
            own = (
                slice(of.start - around.start, of.stop - around.start) for of, around in zip(inner, outer, strict=True)
            )
            self.scratch.write_window("flags", flags[:, *own], images, inner)

    def _tiles(self, n_ints):
        """Yield rows and columns of tiles that cover the detector, with and without surroundings.

        Pairs of slices: of the tile, and of the tile with the pixels around it.
        """
        n_groups, ny, nx = self.shape
        of_pixel = 5 * n_ints * n_groups
        columns = min(nx, max(TILE_BYTES // (3 * of_pixel), _FEWEST_COLUMNS))
        rows = max(1, TILE_BYTES // (of_pixel * columns) - 2)
        for y in range(0, ny, rows):
            for x in range(0, nx, columns):
                last_y, last_x = min(y + rows, ny), min(x + columns, nx)
                outer = slice(max(y - 1, 0), min(last_y + 1, ny)), slice(max(x - 1, 0), min(last_x + 1, nx))
                yield (slice(y, last_y), slice(x, last_x)), outer

    def block(self, ramp, first: int, last: int) -> Any:
        """Return integrations ``first <= i < last`` as a model, with the flags of the jumps.

        The metadata are those of the ramp.
        """
        block = ramp.integrations(first, last)
        shape, size = (last - first, *self.shape), int(np.prod(self.shape))
        block.data = self.scratch.read("ramp", np.float32, shape, first * size)
        block.groupdq = self.scratch.read("flags", np.uint8, shape, first * size)
        block.pixeldq = self.pixel_dq.copy()
        if self.has_zero_frame:
            image = self.shape[1:]
            block.zeroframe = self.scratch.read(
                "zero_frame", np.float32, (last - first, *image), first * int(np.prod(image))
            )
        return block

    def finish(self, block, references) -> Any:
        """Do what the step does to each integration once its jumps are known; returns the block."""
        gain, read_noise = self.images
        mark_without_gain(block, gain)
        self.step.finish(block, gain, read_noise, self.search, threads_of(self.step))
        return block
