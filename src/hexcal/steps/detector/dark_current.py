"""Subtract the dark current, group by group."""

import numpy as np

from hexcal.core import SkipStep, Step, StepParameters, parameter
from hexcal.errors import ReferenceError_
from hexcal.steps.detector.flags import add_flags
from hexcal.steps.detector.planes import planes_of, require_same_subarray, subtract_images


class DarkCurrentStep(Step):
    """Subtract the dark current from every group, averaged over frames as the science data are."""

    alias = "dark_current"
    status = "dark_sub"
    reference_types = ("dark",)
    reads_ahead = {"dark": ("dq",)}
    input_model = "RampModel"

    class Parameters(StepParameters):
        dark_output: str | None = parameter(
            None,
            "File for the dark as it is subtracted (averaged over frames); in output_dir unless absolute.",
            writes=True,
        )

        average_dark_current: float | None = parameter(
            None,
            "Rate whose Poisson noise ramp_fit adds for the dark current; default that of the dark reference, "
            "if it has one.",
            unit="DN/s",
            ge=0,
        )

    def needs_all_integrations(self, model):
        """Only to write the dark, which is done once."""
        return "dark_output is written once" if self.parameters.dark_output else None

    def process(self, ramp, references):
        dark = references.dark
        require_same_subarray(ramp, dark, "dark")
        if len(dark.shape) not in (3, 4):
            raise ReferenceError_(
                f"SCI of a dark must have the axes ([nints,] ngroups, ny, nx), found shape {dark.shape}",
                where=str(dark.path),
            )
        self._note_average(ramp, dark)
        n_groups = ramp.shape[1]
        n_averaged, stride = averaging(ramp.meta.exposure, dark.meta.exposure)
        needed, available = (n_groups - 1) * stride + n_averaged, dark.shape[-3]
        if needed > available:
            raise SkipStep(
                f"the dark has {available} groups, {needed} are needed to match {n_groups} groups of the science data"
            )
        self.log.info("dark of %d groups: averages of %d, every %d", available, n_averaged, stride)
        subtract_dark(
            ramp.data,
            ramp.pixeldq,
            frames_of(dark, "data"),
            _planes(dark),
            dark.dq,
            n_averaged,
            stride,
            ramp.meta.exposure.integration_start or 1,
        )
        if self.parameters.dark_output:
            self.make_output_dir()
            averaged = averaged_model(dark, n_groups, n_averaged, stride, ramp.meta.exposure)
            self.log.info(
                "dark saved as %s", averaged.save(self.parameters.dark_output, dir_path=self.inherited("output_dir"))
            )
        return ramp

    def _note_average(self, ramp, dark):
        """Note the average dark current, of which ramp_fit adds the noise.

        As given, or that of the reference, an image or a keyword.
        """
        average = self.parameters.average_dark_current
        if average is None and "average_dark_current" in dark.specs and dark.average_dark_current is not None:
            image = dark.average_dark_current
            if image.shape == ramp.shape[-2:]:
                ramp.average_dark_current = np.array(image, np.float32)
                return
            self.log.warning("the average dark current of the reference has the shape %s: it is not used", image.shape)
            return
        average = dark.meta.exposure.average_dark_current if average is None else average
        if average:
            ramp.average_dark_current = np.full(ramp.shape[-2:], average, np.float32)


def _planes(dark):
    return dark.shape[0] if len(dark.shape) == 4 else 1


def averaging(science, dark):
    """Return how the groups of a dark must be combined to match the groups of a science exposure.

    A dark with the read-out of the science data is used as it is; otherwise its groups are taken as frames, of which
    ``nframes`` are averaged and ``groupgap`` left out (JWST pipeline documentation 1.13.5, section dark_current).

    Parameters
    ----------
    science, dark : metadata
        With NFRAMES and GROUPGAP as ``nframes`` and ``groupgap``; one frame and no gap where they are not set.

    Returns
    -------
    tuple of int
        Number of dark groups to average, and distance between the first ones of two averages.

    Raises
    ------
    SkipStep
        If the dark itself has averages or gaps that the science data do not have: it cannot be brought to their times.
    """
    n_frames, gap = science.nframes or 1, science.groupgap or 0
    dark_frames, dark_gap = dark.nframes or 1, dark.groupgap or 0
    if (n_frames, gap) == (dark_frames, dark_gap):
        return 1, 1
    if dark_frames > n_frames or dark_gap > gap:
        raise SkipStep(
            f"the dark has NFRAMES = {dark_frames}, GROUPGAP = {dark_gap}; "
            f"it cannot serve for data with NFRAMES = {n_frames}, GROUPGAP = {gap}"
        )
    return n_frames, n_frames + gap


def frames_of(dark, name):
    """Return ``read(plane, frame, rows)`` for an array of a dark with or without integrations.

    Only these rows are read.
    """

    def read(plane, frame, rows):
        return dark.read(name, (plane, frame, rows) if len(dark.shape) == 4 else (frame, rows))

    return read


def average_of(read, plane, first_frame, n_averaged, rows):
    """Average adjacent frames of the dark; NaN counts as 0.

    Parameters
    ----------
    read : callable
        As `frames_of` gives.
    plane, first_frame, n_averaged : int
        Integration of the dark, first frame, and number of frames.
    rows : slice
        Rows to read.

    Returns
    -------
    float32 array (rows, nx), DN
        Summed in float32, frame after frame, as the reference implementation does.
    """
    image = read(plane, first_frame, rows)
    if n_averaged == 1:
        return image
    image = _without_nan(image)
    for frame in range(first_frame + 1, first_frame + n_averaged):
        image += _without_nan(read(plane, frame, rows))
    image /= np.float32(n_averaged)
    return image


def _without_nan(image):
    return np.where(np.isnan(image), np.float32(0), image)


def subtract_dark(data, pixel_dq, read, n_planes, dark_dq, n_averaged=1, stride=1, first_integration=1, threads=None):
    """Subtract the dark of each group, in place.

    ``data[i, g] -= mean(dark[min(i, nints_dark - 1), g * stride : g * stride + n_averaged])``, where i counts from the
    start of the exposure.

    Parameters
    ----------
    data : float32 array (nints, ngroups, ny, nx), DN
        The ramp.
    pixel_dq : uint32 array (ny, nx)
        Gets the flags of the dark as well, of all its integrations.
    read : callable
        ``read(integration, frame, rows)`` gives rows of the dark, float32 (rows, nx); NaN counts as 0.
    n_planes : int
        Integrations in the dark: 1 for near-infrared detectors.
    dark_dq : uint32 array (..., ny, nx) or None
        Flags of the dark, in master bits: one image, or one per integration.
    n_averaged, stride : int
        As `averaging` gives.
    first_integration : int
        INTSTART, 1-based.
    threads : int, optional
        Default: the number of the run.

    Notes
    -----
    JWST pipeline documentation 1.13.5, section dark_current.
    """
    for flags in () if dark_dq is None else dark_dq.reshape(-1, *dark_dq.shape[-2:]):
        add_flags(pixel_dq, flags, threads)

    def image_of(plane, group, rows):
        return average_of(read, plane, group * stride, n_averaged, rows)

    subtract_images(
        data, image_of, data.shape[1], planes_of(first_integration, data.shape[0], n_planes), threads=threads
    )


def averaged_model(dark, n_groups, n_averaged, stride, exposure):
    """Return the dark as it is subtracted: averaged over frames, one group per science group.

    Parameters
    ----------
    dark : DarkModel
        The reference.
    n_groups, n_averaged, stride : int
        Science groups, and as `averaging` gives.
    exposure : metadata
        NFRAMES and GROUPGAP of the science data.

    Returns
    -------
    DarkModel
        SCI with NaN as 0; ERR ``sqrt(sum(err**2)) / n_averaged``, if the dark has one; DQ in master bits.
    """
    n_planes, rows = _planes(dark), slice(None)
    shape = (n_planes, n_groups, *dark.shape[-2:])
    read_data, read_err = frames_of(dark, "data"), frames_of(dark, "err")
    data = np.empty(shape, np.float32)
    err = np.empty(shape, np.float32) if dark.shape_of("err") == dark.shape else None
    for plane in range(n_planes):
        for group in range(n_groups):
            first = group * stride
            data[plane, group] = _without_nan(average_of(read_data, plane, first, n_averaged, rows))
            if err is not None:
                variance = sum(
                    read_err(plane, frame, rows).astype(np.float64) ** 2 for frame in range(first, first + n_averaged)
                )
                err[plane, group] = np.sqrt(variance) / n_averaged
    flat = len(dark.shape) == 3
    averaged = type(dark)(data[0] if flat else data)
    averaged.update(dark)
    if err is not None:
        averaged.err = err[0] if flat else err
    averaged.dq = dark.dq
    averaged.meta.exposure.nframes, averaged.meta.exposure.groupgap, averaged.meta.exposure.ngroups = (
        exposure.nframes,
        exposure.groupgap,
        n_groups,
    )
    return averaged
