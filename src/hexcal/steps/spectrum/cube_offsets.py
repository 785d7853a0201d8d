"""Offsets of exposures on the sky that a user gives."""

from pathlib import Path

import numpy as np

from hexcal.errors import InputError

_COLUMNS = ("filename", "raoffset", "decoffset")


def read_offsets(path, names):
    """Read a file of offsets.

    Parameters
    ----------
    path : path-like
        ASDF, with the lists ``filename``, ``raoffset`` and ``decoffset``, and ``units``, which is ``arcsec``.
    names : list of str
        File names of the exposures, each of which must have an offset.

    Returns
    -------
    dict
        File name -> (towards East, towards North), arcsec.

    Raises
    ------
    InputError
        If the file cannot be read as this, or an exposure is missing in it.
    """
    import asdf

    hint = "it is an ASDF file with units: arcsec, and the lists filename, raoffset and decoffset"
    try:
        with asdf.open(path, lazy_load=False, memmap=False) as file:
            tree = {key: file.tree.get(key) for key in ("units", *_COLUMNS)}
    except (OSError, ValueError) as error:
        raise InputError(f"the file of offsets cannot be read: {error}", where=str(path), hint=hint) from error
    missing = [name for name in _COLUMNS if tree[name] is None]
    if missing:
        raise InputError(f"the file of offsets has no {', '.join(missing)}", where=str(path), hint=hint)
    if str(tree["units"]) != "arcsec":
        raise InputError(
            f"the offsets must be in arcsec, the file says units: {tree['units']}", where=str(path), hint=hint
        )
    lengths = {name: len(list(tree[name] or ())) for name in _COLUMNS}
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"the lists of the file of offsets have different lengths: {lengths}", where=str(path), hint=hint
        )
    listed = {
        Path(str(name)).name: (float(ra), float(dec))
        for name, ra, dec in zip(*(tree[name] for name in _COLUMNS), strict=True)
    }
    for name in names:
        if Path(name).name not in listed:
            raise InputError(
                f"the file of offsets has none for {name}", where=str(path), hint="give one for each exposure"
            )
    return {name: listed[Path(name).name] for name in names}


def on_axes(offset, model):
    """Return an offset (East, North; arcsec) as what is added to RA and Dec, degrees."""
    dec = model.meta.wcsinfo.dec_ref or 0.0
    return offset[0] / 3600 / float(np.cos(np.radians(dec))), offset[1] / 3600
