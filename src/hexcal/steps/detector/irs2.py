"""How a NIRSpec IRS2 frame is laid out, and when its pixels are read.

A frame has five outputs of 640 x 2048 values that are read at the same time: the reference output and four sectors. In
a line of a sector 16 normal pixels and 4 reference pixels take turns (8 normal pixels at both ends); the frame of NRS2
is that of NRS1 turned by 180 degrees. All is in the frame of NRS1 here (`as_read`): lines are columns of the image, in
the order of time; the reference output comes first; odd sectors are read backwards, and so is the stored reference
output. A line takes the time of 712 pixels: a jump to reference pixels, or back, takes that of one, the overhead at its
end that of eight (JWST pipeline documentation 1.13.5, section refpix; Rauscher et al. 2017, PASP 129, 105003).
"""

import numpy as np

SECTOR = 640
"""Values of a line of an output."""
SECTORS = 4
LINES = 2048
PERIOD = 712
"""Times of a pixel in a line."""
N_TIMES = PERIOD * LINES
JUMPS = 32
"""Visits of the reference pixels in a line."""
NORMAL, REFERENCE = 16, 4
_FIRST = NORMAL // 2

_place = np.arange(SECTOR) - _FIRST
IS_REFERENCE = (_place >= 0) & (_place % (NORMAL + REFERENCE) < REFERENCE)
"""bool (640,): interleaved reference pixels of a line."""
COLUMN_PARITY = np.where(IS_REFERENCE, _place % (NORMAL + REFERENCE) // 2, np.arange(SECTOR)) % 2
"""int (640,): whether the column that is read is an even or an odd one; each reference pixel is read twice in a row."""
_normal = np.arange(SECTOR - JUMPS * REFERENCE)
TIMES_NORMAL = _normal + (REFERENCE + 2) * ((_normal + _FIRST) // NORMAL)
"""int (512,): when normal pixels are read, from the start of the line."""
_visit = _FIRST - 1 + np.arange(JUMPS) * (NORMAL + REFERENCE + 2)
TIMES_REFERENCE = _visit[:, None] + 2 + np.arange(REFERENCE)
"""int (32, 4): when reference pixels are read."""
TIMES_VISIT = _visit[:, None] + np.arange(REFERENCE + 4)
"""int (32, 8): from the last normal pixel before a visit of the reference pixels to the first after it."""


def is_irs2(model) -> bool:
    """Whether an exposure was read out so."""
    return "IRS2" in (model.meta.exposure.readpatt or "")


def is_interleaved(model) -> bool:
    """Whether an exposure was read out so and still has its reference pixels."""
    return is_irs2(model) and model.shape[-2:] == (SECTOR * (SECTORS + 1), LINES)


def as_read(image, detector):
    """Return a view of frames, (..., 3200, 2048) or (..., 2048, 2048), in the frame of NRS1.

    The same call turns it back.
    """
    return image[..., ::-1, ::-1] if detector == "NRS2" else image


def sector(frame, k):
    """Return the view (..., 640, 2048) of sector ``k`` in the order of time; -1 is the reference output."""
    rows = frame[..., SECTOR * (k + 1) : SECTOR * (k + 2), :]
    return rows[..., ::-1, :] if k % 2 == 1 else rows


def normal_rows():
    """Return bool (3200,): rows of normal pixels."""
    return np.concatenate([np.zeros(SECTOR, bool), *[~IS_REFERENCE] * SECTORS])


def only_normal(frame, detector):
    """Return a copy (..., 2048, 2048) of the normal pixels of frames (..., 3200, 2048)."""
    rows = normal_rows()
    return np.ascontiguousarray(frame[..., rows[::-1] if detector == "NRS2" else rows, :])


def interleave(image, detector, filling):
    """Return a frame (3200, 2048) with an image (2048, 2048) in its normal pixels and ``filling`` in the others."""
    rows = normal_rows()
    frame = np.full((rows.size, image.shape[-1]), filling, image.dtype)
    frame[rows[::-1] if detector == "NRS2" else rows] = image
    return frame
