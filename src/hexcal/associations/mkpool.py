"""A pool made from the headers of exposures: ``mkpool`` and ``asn_make_pool``."""

from pathlib import Path
from typing import Any

from hexcal.associations.pool import AssociationPool
from hexcal.associations.pool_rows import rows_of_headers
from hexcal.errors import InputError, ParameterError
from hexcal.files import gate
from hexcal.python_texts import literal


def mkpool(data, asn_candidate=None, dms_note="", is_imprt="f", pntgtype="science", **kwargs):
    """Make a pool from exposures: one row each, one column for every keyword that any of the primary headers has.

    Parameters
    ----------
    data : list of path-like, HDUList or HDU
        The exposures.
    asn_candidate : list of (str, str), or str, optional
        Candidates that every exposure belongs to besides its observation, such as ``[('c1000', 'background')]``; also
        as text.
    dms_note : str
        Remark of the processing before: "wfsc_los_jitter" makes the wavefront rule leave the exposure out.
    is_imprt : {'f', 't'}
        Whether the exposures are NIRSpec imprints.
    pntgtype : str
        "science" or "target_acquisition".
    **kwargs
        For `astropy.io.fits.getheader`.

    Returns
    -------
    AssociationPool
        Columns in alphabetical order; ``null`` where a header lacks a keyword.

    Raises
    ------
    InputError
        If a file is missing, is not FITS, or its header does not say which observation it belongs to, where the rules
        of its observatory need that.

    Notes
    -----
    A keyword DMS_NOTE, IS_IMPRT or PNTGTYPE in a header stands where the parameter has its default. ``targetid``
    numbers the names of targets (TARGNAME, else TARGPROP) as they appear. Files are named without their folder, as in
    an association.
    """
    from astropy.io import fits

    candidates = _candidates(asn_candidate)
    added = {"dms_note": dms_note, "is_imprt": is_imprt, "pntgtype": pntgtype}
    data = [data] if isinstance(data, str | Path | fits.HDUList) or hasattr(data, "header") else list(data)
    if not data:
        raise InputError("a pool needs at least one exposure")
    rows = rows_of_headers((_header(source, kwargs) for source in data), candidates, added).rows
    return AssociationPool({name: [row[name] for row in rows] for name in rows[0]})


def _candidates(given):
    """Return the candidates as a list of pairs of texts."""
    if given is None:
        return []
    try:
        listed = literal(given) if isinstance(given, str) else given
        pairs = [(name, kind) for name, kind in listed]
    except (ValueError, SyntaxError, TypeError):
        pairs = None
    if not pairs or not all(isinstance(text, str) for pair in pairs for text in pair):
        raise ParameterError(
            f"candidates must be a list of (id, type), got: {str(given)[:80]}",
            where="asn_candidate",
            hint="[('c1000', 'background'), ('c1001', 'coronagraphic')]",
        )
    return pairs


def _header(source, kwargs):
    """Return (bare file name, header) of an exposure."""
    from astropy.io import fits

    if isinstance(source, str | Path):
        path = Path(source)
        if not path.is_file():
            raise InputError("the exposure does not exist" if not path.exists() else "not a file", where=str(path))
        gate.reading(path, "exposure")
        try:
            return path.name, fits.getheader(path, **kwargs)
        except (OSError, LookupError, ValueError) as error:
            raise InputError(f"the header cannot be read: {error}", where=str(path)) from error
    if isinstance(source, fits.HDUList):
        hdu: Any = source[kwargs.get("ext", 0)]
        path = source.filename()
    elif isinstance(getattr(source, "header", None), fits.Header):
        hdu, path = source, (source.fileinfo() or {}).get("filename")
    else:
        raise InputError(f"an exposure is a path, an HDUList or an HDU, got {type(source).__name__}")
    name = path or hdu.header.get("FILENAME")
    if not name:
        raise InputError("an exposure in memory needs the keyword FILENAME in its header")
    return Path(str(name)).name, hdu.header
