"""The formats that models are written in and read from, by the end of a file's name."""

from pathlib import Path

from hexcal.errors import ParameterError

WRITTEN = (".fits", ".fits.gz", ".asdf")
"""What a model can be saved as; ``.fits.gz`` is packed with gzip."""
READ = (*WRITTEN, ".fits.bz2", ".fits.xz")
"""What files of models are called."""


def split(path):
    """Return the path of a file without the end of its name that says the format, and that end.

    Parameters
    ----------
    path : path-like
        Such as ``a/x_rate.fits.gz``.

    Returns
    -------
    stem : str
        ``a/x_rate``.
    ending : str
        ``.fits.gz``; where it is no known one, what follows the last dot; empty where there is none.
    """
    text = str(path)
    known = next((ending for ending in sorted(READ, key=len, reverse=True) if text.lower().endswith(ending)), None)
    ending = text[-len(known) :] if known else Path(text).suffix
    return text.removesuffix(ending), ending


def require_written(path):
    """Return the format that a model is saved in under a name; one of `WRITTEN`.

    Raises
    ------
    ParameterError
        If the name ends otherwise; carries the formats that there are.
    """
    ending = split(path)[1].lower()
    if ending not in WRITTEN:
        actual = f"'{ending}'" if ending else "a name without one"
        raise ParameterError(
            f"models are saved as {', '.join(WRITTEN[:-1])} or {WRITTEN[-1]}, found {actual}",
            where=str(path),
            hint="change the end of the file name, or output_ext",
        )
    return ending
