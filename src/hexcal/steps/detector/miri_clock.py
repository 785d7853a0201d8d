"""MIRI's electromagnetic interference: when each pixel is read, and which frequencies disturb which subarrays.

The pixel clock and its 10 us are published (Ressler et al. 2015, PASP 127, 675); that rows outside a subarray are
skipped at 7 clocks each follows from the published frame times of all subarrays.
"""

CLOCK = 1e-5
"""Period of the pixel clock, s; in each, one pixel of each of the four amplifiers is read."""
_DETECTOR_ROWS = 1024
_SKIPPED_ROW = 7

BEAT, COMMON = 390.625, 10.039216
"""Frequencies, Hz. The frame times of the large subarrays are in phase with the first one, so that it does not disturb
them.
"""
_IN_PHASE = ("FULL", "BRIGHTSKY", "SUB256")

_RESETS = {"FAST": 0, "SLOW": 0, "FASTR1": 2, "SLOWR1": 2}
"""Frame times between the last frame of an integration and the first of the next, by read-out pattern."""


def clocks(frame_time, n_rows):
    """Return the clocks from one row to the next, and from one frame to the next.

    Parameters
    ----------
    frame_time : float, s
        TFRAME.
    n_rows : int
        Rows of the subarray.

    Returns
    -------
    tuple of int
    """
    skipped = _SKIPPED_ROW * (_DETECTOR_ROWS - n_rows)
    row = round((frame_time / CLOCK - skipped) / n_rows)
    return row, row * n_rows + skipped


def known_pattern(readpatt):
    """Whether the times of the read-out pattern are those of single frames, so that a wave can be followed."""
    return readpatt in _RESETS


def frames_between(readpatt):
    """Return the number of frame times between two integrations."""
    return _RESETS[readpatt]


def default_frequencies(subarray):
    """Return the frequencies in Hz that disturb a subarray, strongest first."""
    return [COMMON] if subarray in _IN_PHASE else [BEAT, COMMON]
