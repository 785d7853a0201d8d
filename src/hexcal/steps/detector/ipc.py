"""Undo the interpixel capacitance, through which a pixel shows in its neighbours."""

from hexcal.core import Step
from hexcal.errors import ReferenceError_


class IPCStep(Step):
    """Convolve every group with the deconvolution kernel of the interpixel capacitance."""

    alias = "ipc"
    reference_types = ("ipc",)
    is_often_left_out = True
    input_model = "RampModel"
    by_integration = True

    def process(self, ramp, references):
        reference = references.ipc
        kernel = reference.data if len(reference.shape) == 2 else reference.cutout(ramp).data
        if kernel.ndim not in (2, 4) or kernel.shape[0] % 2 == 0 or kernel.shape[1] % 2 == 0:
            raise ReferenceError_(
                "an IPC kernel must have the shape (ky, kx) or (ky, kx, ny, nx) with odd ky and kx, "
                f"it has {kernel.shape}",
                where=str(reference.path or "a reference in memory"),
            )
        correct_ipc(ramp.data, kernel, *_science_window(ramp))
        return ramp


def _science_window(ramp):
    """Return slices (rows, columns) of the pixels of the exposure that are not reference pixels."""
    own = ramp.observatory.detector(ramp.meta.instrument.detector)
    ny, nx = ramp.shape[-2:]
    x, y = ramp.subarray[0] - 1, ramp.subarray[1] - 1
    rows = slice(max(own.bottom - y, 0), min(own.rows - own.top - y, ny))
    columns = slice(max(own.left - x, 0), min(own.columns - own.right - x, nx))
    return rows, columns


def correct_ipc(data, kernel, rows, columns, threads=None):
    """Convolve each image of a ramp with a kernel, in place.

    Reference pixels are not changed; they, and what is outside the image, count as zero.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    kernel : float32 array (ky, kx) or (ky, kx, ny, nx)
        Deconvolution kernel, of all pixels or of each; ky and kx are odd.
    rows, columns : slice
        The pixels that are not reference pixels; start and stop are given.
    threads : int, optional
        Default: the number of the run.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section ipc. Memory: one image besides the ramp.
    """
    import numpy as np

    from hexcal.core.bands import run_bands
    from hexcal.kernels.ipc import convolve, copy_science

    n_integrations, n_groups, ny, nx = data.shape
    weights = np.ascontiguousarray(kernel if kernel.ndim == 4 else kernel[:, :, None, None], np.float32)
    margin_y, margin_x = weights.shape[0] // 2, weights.shape[1] // 2
    window = columns.start, columns.stop, rows.start, rows.stop
    padded = np.zeros((ny + 2 * margin_y, nx + 2 * margin_x), np.float32)
    for integration in range(n_integrations):
        for group in range(n_groups):
            image = data[integration, group]
            run_bands(copy_science, ny, image, *window, margin_y, margin_x, padded, threads=threads)
            run_bands(convolve, ny, padded, weights, *window, image, threads=threads)
