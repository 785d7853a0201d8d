"""An open file of astropy as the file behind a model: its content, as it is in memory."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from hexcal.errors import InputError
from hexcal.models.fits_scan import scan
from hexcal.models.fits_source import FitsSource


def is_hdu_list(value):
    """Whether a value is an HDUList of astropy (which is not imported for it)."""
    return any(cls.__name__ == "HDUList" for cls in type(value).__mro__)


class MemorySource(FitsSource):
    """The HDUs of an HDUList, with what was changed in memory; the list may be closed afterwards.

    Parameters
    ----------
    hdus : astropy.io.fits.HDUList
        Not changed.

    Raises
    ------
    InputError
        If it cannot be written as FITS.
    """

    def __init__(self, hdus):
        from astropy.io import fits

        name = hdus.filename()
        self.path: Any = Path(name) if name else None
        self.packing: Any = "memory"
        buffer = io.BytesIO()
        try:
            hdus.writeto(buffer, output_verify="fix+ignore")
        except (fits.VerifyError, ValueError, TypeError) as error:
            raise InputError(f"the HDUList cannot be written as FITS: {error}", where=str(name or "memory")) from error
        self._content: Any = np.frombuffer(buffer.getvalue(), "u1")
        self.extensions = scan(io.BytesIO(self._content), len(self._content), name or "HDUList in memory")
        self._index()

    def release(self):
        """Do nothing: there is no file to read the content from again."""

    def _unchanged(self):
        """Do nothing: nobody else can change it."""
