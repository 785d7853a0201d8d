"""The levels that reference pixels show, of amplifiers and along lines, subtracted from images.

Near-infrared detectors read through several outputs or one, and MIRI.
"""


def _measure(images, classes, n_sigma, base=None, threads=None):
    """Clipped means of all classes in all images: float64 (nimages, nclasses)."""
    import numpy as np

    from hexcal.core.bands import run_bands
    from hexcal.kernels.refpix import measure_classes

    means = np.empty((len(images), classes.starts.size - 1))
    base = np.full(len(images), -1) if base is None else base
    run_bands(measure_classes, len(images), images, base, *classes, n_sigma, means, threads=threads)
    return means


def _average(signal, other):
    """Mean of two signals; where one of them is NaN the other; 0 where both are."""
    import numpy as np

    both = (signal + other) / 2
    return np.nan_to_num(np.where(np.isnan(both), np.where(np.isnan(signal), other, signal), both))


def measure_edges(images, usable, where, by_parity, n_sigma, threads):
    """Return the signal of the reference pixels in the first and last lines: float32 (nimages, nfast), DN."""
    import numpy as np

    from hexcal.steps.detector.refpix_regions import edge_classes

    classes, of_fast = edge_classes(usable, where, by_parity)
    means = _measure(images, classes, n_sigma, threads=threads)
    half = means.shape[1] // 2
    return _average(means[:, :half], means[:, half:])[:, of_fast].astype(np.float32)


def subtract_signals(images, where, along_fast, along_slow, threads):
    """Subtract signals along both directions of the read-out, (nimages, nfast) and (nimages, nslow), in place."""
    import numpy as np

    from hexcal.core.bands import run_bands
    from hexcal.kernels import refpix as kernels

    along_x, along_y = (along_slow, along_fast) if where.transposed else (along_fast, along_slow)
    run_bands(
        kernels.subtract_signals,
        images.shape[1],
        images,
        np.ascontiguousarray(along_x, np.float32),
        np.ascontiguousarray(along_y, np.float32),
        threads=threads,
    )


def correct_amplifiers(data, usable, where, by_parity, use_sides, length, gain, n_sigma=3.0, threads=None):
    """Correct a near-infrared full frame, or a subarray read through four amplifiers, in place.

    In each image (group of an integration): the clipped mean of the reference pixels of an amplifier in the first four
    lines of the detector and that in the last four are averaged and subtracted from the amplifier, odd and even columns
    apart if `by_parity`. Then the running median of the four reference columns at one side and that at the
    other are averaged, multiplied by `gain` and subtracted line by line. Where only one edge or side has usable pixels
    it stands alone; where none has, that part is left out.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    usable : bool array (ny, nx)
        Pixels without DO_NOT_USE.
    where : hexcal.steps.detector.refpix_regions.Layout
        How the image lies on the detector.
    by_parity, use_sides : bool
        See above.
    length : int
        Lines in the window of the running median; it is mirrored at both ends of the detector and ends at the edges of
        a subarray. An even window reaches one line further back than forward in the order of read-out.
    gain : float
        See above.
    n_sigma : float
        Limit of the clipped means.
    threads : int, optional
        Default: the number of the run.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section refpix.
    """
    import numpy as np

    from hexcal.core.bands import run_bands
    from hexcal.kernels.refpix import measure_side
    from hexcal.steps.detector.refpix_regions import side_strips

    images = data.reshape(-1, *data.shape[2:])
    along_fast = measure_edges(images, usable, where, by_parity, n_sigma, threads)
    along_slow = np.zeros((len(images), where.slow.size))
    if use_sides:
        before = length - 1 - length // 2 if where.backwards else length // 2
        medians = []
        for first, width in side_strips(where):
            strip = np.ascontiguousarray(where.as_read(usable)[:, first : first + width])
            medians.append(np.empty(along_slow.shape, np.float32))
            run_bands(
                measure_side,
                len(images),
                images,
                where.transposed,
                first,
                strip,
                along_fast,
                int(where.slow[0]),
                where.n_slow,
                before,
                length,
                medians[-1],
                threads=threads,
            )
        if medians:
            along_slow = gain * _average(medians[0], medians[-1])
    subtract_signals(images, where, along_fast, along_slow, threads)


def correct_single_output(data, usable, where, by_parity, n_sigma=3.0, threads=None):
    """Correct a near-infrared subarray read through one amplifier, in place.

    In each image the clipped mean of all reference pixels is subtracted from all pixels; odd and even columns
    apart if `by_parity`.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    usable : bool array (ny, nx)
        Reference pixels without DO_NOT_USE.
    where : hexcal.steps.detector.refpix_regions.Layout
        How the image lies on the detector.
    by_parity : bool
        See above.
    n_sigma : float
        Limit of the clipped means.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    bool
        False, and nothing is changed, if an image has no usable reference pixel of a class.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section refpix.
    """
    import numpy as np

    from hexcal.steps.detector.refpix_regions import flagged_classes

    images = data.reshape(-1, *data.shape[2:])
    classes, of_fast = flagged_classes(usable, where, by_parity)
    means = _measure(images, classes, n_sigma, threads=threads)
    if np.isnan(means).any():
        return False
    subtract_signals(images, where, means[:, of_fast], np.zeros((len(images), where.slow.size)), threads)
    return True


def correct_stripes(data, usable, where, by_parity, n_sigma=3.0, threads=None):
    """Correct the stripes of a multistripe read-out, in place.

    In each image the clipped mean of all reference pixels of an amplifier, those at the sides included, is subtracted
    from the amplifier; odd and even columns apart if `by_parity`. An amplifier without any keeps its values.

    Parameters
    ----------
    data, usable, where, by_parity, n_sigma, threads
        As of `correct_single_output`.

    Returns
    -------
    bool
        False if there is no usable reference pixel.

    Notes
    -----
    As the reference implementation 3.0.0 does; the documents do not know such read-outs.
    """
    import numpy as np

    from hexcal.steps.detector.refpix_regions import flagged_classes

    images = data.reshape(-1, *data.shape[2:])
    classes, of_fast = flagged_classes(usable, where, by_parity, by_amplifier=True)
    means = _measure(images, classes, n_sigma, threads=threads)
    signal = np.nan_to_num(means)[:, of_fast]
    subtract_signals(images, where, signal, np.zeros((len(images), where.slow.size)), threads)
    return bool(np.isfinite(means).any())


def correct_miri(data, usable, by_parity, n_sigma=3.0, threads=None):
    """Correct a MIRI full frame, in place.

    In each image after the first of an integration, and relative to the first: the clipped mean of the
    reference column of an amplifier on the left and that on the right are averaged and subtracted from the columns of
    the amplifier; odd and even rows apart if `by_parity`. Images in which any of these means is missing are not
    changed, as in the reference implementation.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    usable : bool array (ny, nx)
        Pixels without DO_NOT_USE.
    by_parity : bool
        See above.
    n_sigma : float
        Limit of the clipped means.
    threads : int, optional
        Default: the number of the run.

    Returns
    -------
    int
        Number of images that are not corrected, apart from the first of each integration.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section refpix.
    """
    import numpy as np

    from hexcal.core.bands import run_bands
    from hexcal.kernels.refpix import subtract_pattern
    from hexcal.steps.detector.refpix_regions import MIRI_AMPLIFIERS, miri_classes

    n_integrations, n_groups, ny, nx = data.shape
    images = data.reshape(-1, ny, nx)
    first = np.repeat(np.arange(n_integrations) * n_groups, n_groups)
    means = _measure(images, miri_classes(usable, by_parity), n_sigma, first, threads=threads)
    half = means.shape[1] // 2
    signal = (means[:, :half].astype(np.float32) + means[:, half:].astype(np.float32)) / np.float32(2)
    missing = np.isnan(signal).any(axis=1)
    signal[missing] = 0
    signal = signal.reshape(n_integrations, n_groups, -1, MIRI_AMPLIFIERS)
    pattern = np.ascontiguousarray(signal[..., np.arange(nx) % MIRI_AMPLIFIERS], np.float32)
    run_bands(subtract_pattern, ny, data, pattern, threads=threads)
    return int((missing & (first != np.arange(len(images)))).sum())
