"""Inter-pixel capacitance: the share of a pixel's signal that appears in its neighbours."""

from typing import Any

import numpy as np

from hexcal.core.parameters import parameter
from hexcal.models.reference import IPCModel
from hexcal.reffiles.maker import Maker, MakerParameters, NotSuitable, ramp_rows
from hexcal.reffiles.statistics import of_map

_BAD_GROUP = 1 | 2 | 4
"""DO_NOT_USE, SATURATED, JUMP_DET."""


class IpcMaker(Maker):
    """The kernel that undoes the coupling, from isolated hot pixels of darks.

    Around each isolated hot pixel the signal less the local background, divided by its sum over 3 x 3 pixels; the
    clipped mean over all of them is the kernel of the coupling. Its inverse by Fourier transform, cut to 3 x 3 and
    divided by its sum, is what the step ipc convolves with (Moore et al. 2006; Giles et al. 2018, arXiv:1805.09413).
    """

    label = "ipc"
    reference_type = "ipc"
    inputs = "D+"
    steps = "superbias-,refpix"
    forbidden = ("ipc",)
    needs = ("mask", "superbias", "saturation")
    without = ("mask",)

    class Parameters(MakerParameters):
        """Parameters of the search."""

        least_signal: float = parameter(300.0, "Signal of hot pixels that are used.", unit="DN", gt=0)
        least_pixels: int = parameter(10, "With fewer isolated hot pixels there is no kernel.", ge=1)
        clipping_sigma: float = parameter(3.0, "Clipping over the hot pixels.", unit="sigma", gt=1)

    def make(self, members, parameters, log):
        """Return the kernel."""
        signal = _signal(members)
        stamps = _stamps(signal, members.reference_pixels(), parameters)
        if len(stamps) < parameters.least_pixels:
            raise NotSuitable(
                f"the kernel is measured on isolated hot pixels of more than {parameters.least_signal:g} DN: it needs "
                f"{parameters.least_pixels}, and the darks show {len(stamps)}",
                hint="add longer darks or a larger subarray, accept fainter ones with --ipc.least_signal=..., or "
                "leave ipc out",
            )
        kernel = np.array(
            [[of_map(stamps[:, y, x], sigma=parameters.clipping_sigma)[0] for x in range(3)] for y in range(3)]
        )
        errors = stamps.std(axis=0) / np.sqrt(len(stamps)) / kernel.sum()
        kernel /= kernel.sum()
        log.info(
            "%d hot pixels: coupling %.5f in rows, %.5f in columns, %.5f to the corners; errors %.5f, %.5f, %.5f",
            *(len(stamps), kernel[1, ::2].mean(), kernel[::2, 1].mean(), kernel[::2, ::2].mean()),
            *(float(np.sqrt((part**2).sum()) / part.size) for part in (errors[1, ::2], errors[::2, 1],
                                                                     errors[::2, ::2])),
        )  # fmt: skip
        return IPCModel(inverse(kernel).astype(np.float32))


def _signal(members) -> Any:
    """Mean signal between the first and the last group of all integrations, (ny, nx)."""
    total, number = np.zeros(members.shape), np.zeros(members.shape)
    models, n_groups = members.of_kind("dark"), members.n_groups
    for first, last in members.bands(n_groups * max(model.shape_of("data")[0] for model in models)):
        for model in models:
            data, flags = ramp_rows(model, first, last, n_groups)
            good = ((flags & _BAD_GROUP) == 0).all(axis=1)
            rise = data[:, -1].astype(np.float64) - data[:, 0]
            total[first:last] += np.where(good, rise, 0).sum(axis=0)
            number[first:last] += good.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return total / number


def _stamps(signal, reference, parameters) -> Any:
    """Surroundings of isolated hot pixels, 3 x 3, divided by their sum: (n, 3, 3)."""
    middle, spread = of_map(signal, ~reference)
    hot = np.isfinite(signal) & ~reference & (signal - middle > parameters.least_signal)
    # A neighbour that is hot itself, or that is not known, spoils what is measured.
    disturbed = ~np.isfinite(signal) | reference | (signal - middle > max(5 * spread, 0.1 * parameters.least_signal))
    stamps = []
    for y, x in zip(*np.nonzero(hot), strict=True):
        if not (2 <= y < signal.shape[0] - 2 and 2 <= x < signal.shape[1] - 2):
            continue
        around = np.s_[y - 2 : y + 3, x - 2 : x + 3]
        others = disturbed[around].copy()
        own_limit = 0.05 * (signal[y, x] - middle)
        others &= ~np.isfinite(signal[around]) | reference[around] | (signal[around] - middle > own_limit)
        others[2, 2] = False
        if others.any():
            continue
        ring = np.concatenate([signal[y - 2, x - 2 : x + 3], signal[y + 2, x - 2 : x + 3], signal[y - 1 : y + 2, x - 2],
                               signal[y - 1 : y + 2, x + 2]])  # fmt: skip
        stamp = signal[y - 1 : y + 2, x - 1 : x + 2] - np.median(ring)
        stamps.append(stamp / stamp.sum())
    return np.array(stamps).reshape(-1, 3, 3)


def inverse(kernel, size: int = 32) -> Any:
    """Return the 3 x 3 kernel that undoes a convolution with another one; its sum is 1.

    Parameters
    ----------
    kernel : float array (3, 3)
        Of the coupling, with the sum 1.
    size : int
        Side of the images whose transforms are inverted.
    """
    image = np.zeros((size, size))
    image[:3, :3] = kernel
    image = np.roll(image, (-1, -1), axis=(0, 1))
    undone = np.fft.ifft2(1 / np.fft.fft2(image)).real
    cut = np.roll(undone, (1, 1), axis=(0, 1))[:3, :3]
    return cut / cut.sum()
