"""Simple Improved Reference Subtraction: what the side reference pixels say of each output, with the best weights.

The reference columns at the two sides are two streams of reference samples, one for each line. Weights in Fourier
space, gamma for the stream of the first side and zeta for that of the last, give the part of the read noise of an
output that they know of (Rauscher et al. 2022, JATIS 8, 028002). Here they are applied as the convolution kernels that
they are the transforms of, cut off and smoothed, so that samples which are left out do no harm.
"""

import numpy as np

from hexcal.errors import ReferenceError_

_SIGMA_OF_DEVIATION = 1.48
"""Standard deviation of a normal distribution in units of its median absolute deviation, as release 3.0.0 has it."""


def kernels_for(step, ramp, references):
    """Return the kernels for the detector of an exposure, or None, which is logged, where there are none.

    Parameters
    ----------
    step : RefPixStep
    ramp : RampModel
    references : References
        With a sirskernel, or without.

    Returns
    -------
    float64 array (2, noutputs, 2 * halfwidth + 1) or None
        For the first side in the direction of the read-out, and for the last.

    Raises
    ------
    ReferenceError_
        If the file has coefficients of another layout.
    """
    own, name = step.parameters, str(ramp.meta.instrument.detector).lower()
    coefficients = references.sirskernel.tree.get(name) if "sirskernel" in references else None
    if coefficients is None:
        lack = f"the sirskernel reference has none of {name}" if "sirskernel" in references else "there is no reference"
        step.log.warning("no kernels for sirs, %s: the running median of the side reference pixels is taken", lack)
        return None
    outputs = ramp.observatory.detector(ramp.meta.instrument.detector).outputs
    sides = [np.asarray(coefficients.get(key, ())) for key in ("gamma", "zeta")]
    for key, weights in zip(("gamma", "zeta"), sides, strict=True):
        if weights.ndim != 2 or len(weights) < outputs or weights.shape[1] < 2:
            raise ReferenceError_(
                f"{key} of {name} must be at least {outputs} outputs x 2 frequencies, it is {weights.shape}",
                where=str(references.sirskernel.path),
                hint="give another override_sirskernel, or refpix_algorithm=median",
            )
    return np.array([convolution_kernels(weights[:outputs], own.gaussmooth, own.halfwidth) for weights in sides])


def convolution_kernels(weights, smoothing, half_width):
    """Return the kernels that belong to weights in Fourier space.

    Parameters
    ----------
    weights : array (noutputs, nfrequencies), real or complex
        Transforms (`numpy.fft.rfft`) of the kernels.
    smoothing : float, rows
        Standard deviation of the Gaussian that the kernels are smoothed with; 0 for none.
    half_width : int, rows
        They are cut off there, before they are smoothed and after it; so is the Gaussian.

    Returns
    -------
    float64 array (noutputs, 2 * half_width + 1)
        From the lag ``-half_width`` to ``half_width``.
    """
    full = np.fft.irfft(weights, axis=1)
    n = full.shape[1]
    reach = min(half_width, (n - 1) // 2)
    kernels = np.zeros((len(weights), 2 * half_width + 1))
    kernels[:, half_width - reach : half_width + reach + 1] = np.roll(full, reach, axis=1)[:, : 2 * reach + 1]
    if smoothing == 0:
        return kernels
    lags = np.arange(-half_width, half_width + 1)
    gaussian = np.exp(-0.5 * (lags / smoothing) ** 2)
    gaussian /= gaussian.sum()
    return np.array([np.convolve(kernel, gaussian, mode="same") for kernel in kernels])


def side_signal(strip, kernels, n_sigma):
    """Return what the reference pixels of one side say of each output.

    ``sum_j K(y - j) S(j) / sum_j K(y - j) n(j) * sum_j K(y - j)``, with S(j) the sum and n(j) the number of the values
    of line j that count, so that a mean takes the place of values that do not. Lines beyond the detector add nothing.

    Parameters
    ----------
    strip : float array (nslow, width), DN
        Values in the order of read-out. Those that are not finite, and those further than `n_sigma` from the median in
        units of 1.48 median absolute deviations, do not count.
    kernels : float64 array (noutputs, 2 * half_width + 1)
    n_sigma : float

    Returns
    -------
    float64 array (noutputs, nslow), DN
        0 where the kernel meets no value.
    """
    counts = np.isfinite(strip)
    if not counts.any():
        return np.zeros((len(kernels), len(strip)))
    apart = np.abs(strip - np.median(strip[counts]))
    counts &= apart <= n_sigma * _SIGMA_OF_DEVIATION * np.median(apart[counts])
    total, number = np.where(counts, strip, 0).sum(axis=1), counts.sum(axis=1).astype(float)
    signal = np.zeros((len(kernels), len(strip)))
    for of_output, kernel in zip(signal, kernels, strict=True):
        of_total, of_number, of_all = (_convolved(line, kernel) for line in (total, number, np.ones(len(strip))))
        np.divide(of_total * of_all, of_number, out=of_output, where=of_number != 0)
    return signal


def _convolved(line, kernel):
    half_width = len(kernel) // 2
    return np.convolve(line, kernel)[half_width : half_width + len(line)]


def correct_by_kernels(data, usable, where, by_parity, kernels, n_sigma, edge_sigma=3.0, threads=None):
    """Correct near-infrared full frames in place: the edges as always, the sides by convolution kernels.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    usable : bool array (ny, nx)
        Pixels without DO_NOT_USE; for the edges.
    where : hexcal.steps.detector.refpix_regions.Layout
        How the image lies on the detector.
    by_parity : bool
        Whether the edges are measured for odd and even columns apart.
    kernels : float64 array (2, noutputs, 2 * half_width + 1)
        For the first side and the last, in the order of read-out.
    n_sigma : float
        See `side_signal`.
    edge_sigma : float
        Limit of the clipped means at the edges.
    threads : int, optional
        Default: the number of the run.
    """
    from hexcal.core.bands import run_bands
    from hexcal.kernels.refpix import subtract_by_output
    from hexcal.steps.detector.refpix_levels import measure_edges, subtract_signals
    from hexcal.steps.detector.refpix_regions import side_strips

    images = data.reshape(-1, *data.shape[2:])
    along_fast = measure_edges(images, usable, where, by_parity, edge_sigma, threads)
    subtract_signals(images, where, along_fast, np.zeros((len(images), where.slow.size)), threads)
    sides = [slice(first, first + width) for first, width in side_strips(where)]
    along_slow = np.empty((len(images), where.amplifiers, where.slow.size), np.float32)
    as_read = slice(None, None, -1) if where.backwards else slice(None)
    for image, signal in zip(images, along_slow, strict=True):
        strips = [np.float64(where.as_read(image)[as_read, side]) for side in sides]
        strips = strips[::-1] if where.fast_backwards else strips
        parts = [side_signal(strip, of_side, n_sigma) for strip, of_side in zip(strips, kernels, strict=True)]
        signal[:] = (parts[0] + parts[1])[:, as_read]
    output = where.fast // (where.n_fast // where.amplifiers)
    output = where.amplifiers - 1 - output if where.fast_backwards else output
    run_bands(subtract_by_output, images.shape[1], images, where.transposed, output, along_slow, threads=threads)
