"""Spectral order and range of wavelengths of a NIRSpec exposure."""

from hexcal.errors import InputError, ReferenceError_

LAMPS = ("NRS_LAMP", "NRS_AUTOWAVE", "NRS_AUTOFLAT")
"""Exposure types whose light comes from a lamp: it stands in place of the filter."""


def order_and_range(model, reference):
    """Return spectral order and range of wavelengths.

    Parameters
    ----------
    model : DataModel
        The exposure: filter, or lamp where the filter is OPAQUE; grating.
    reference : TreeModel
        WAVELENGTHRANGE: ``waverange_selector`` (such as "F290LP_G395M"), ``order``, ``wavelengthrange``, as delivered
        files have them; or, as the documents say, a dictionary by such names with ``order`` and ``range``.

    Returns
    -------
    order : int
    wavelength_range : (float, float)
        Metres.
    listed : bool
        Whether the file has a row of both; else its first row of the grating is taken.

    Raises
    ------
    ReferenceError_
        If it is no such file, or does not know the grating.
    """
    names, orders, ranges = _listed(reference)
    if model.meta.instrument.grating is None:
        raise InputError(
            "the wavelengths of a spectrum follow from its grating, the header names none (GRATING)",
            where=str(model.path or "model in memory"),
            hint="set GRATING in the primary header",
        )
    name, grating = selector_of(model), str(model.meta.instrument.grating)
    rows = [place for place, row in enumerate(names) if row.rpartition("_")[2] == grating]
    if not rows:
        known = sorted({row.rpartition("_")[2] for row in names})
        raise ReferenceError_(
            f"the wavelengths of grating {grating} are needed, the WAVELENGTHRANGE file has {', '.join(known)}",
            where=str(reference.path or "WAVELENGTHRANGE"),
            hint="check GRATING in the primary header, or give another file with override_wavelengthrange",
        )
    place = names.index(name) if name in names else rows[0]
    return int(orders[place]), (float(ranges[place][0]), float(ranges[place][1])), name in names


def _listed(reference):
    """Names, orders and ranges of the rows of a file (lists), in either of its layouts."""
    tree = reference.described()
    if "waverange_selector" not in tree:
        content = tree if isinstance(tree, dict) else tree.whole()
        named = {name: row for name, row in content.items() if isinstance(row, dict) and {"order", "range"} <= set(row)}
        if named:
            rows = named.values()
            return list(named), [row["order"] for row in rows], [row["range"] for row in rows]
    try:
        return list(tree["waverange_selector"]), tree["order"], tree["wavelengthrange"]
    except KeyError as error:
        raise ReferenceError_(
            f"a WAVELENGTHRANGE file of NIRSpec needs waverange_selector, order, wavelengthrange; {error} is missing",
            where=str(reference.path or "WAVELENGTHRANGE"),
        ) from error


def selector_of(model):
    """Return the name of the row of the file: filter, or lamp, and grating."""
    instrument = model.meta.instrument
    lamp, source = str(instrument.lamp_state or "NONE"), str(instrument.filter)
    return f"{lamp if model.meta.exposure.type in LAMPS else source}_{instrument.grating}"


def set_range(model, reference, log):
    """Set order and range in the metadata of an exposure; return (order, range)."""
    order, wavelength_range, listed = order_and_range(model, reference)
    info = model.meta.wcsinfo
    info.waverange_start, info.waverange_end = wavelength_range
    info.spectral_order = order
    log.info(
        "%s: order %d, %.3g to %.3g micron%s",
        selector_of(model), order, wavelength_range[0] * 1e6, wavelength_range[1] * 1e6,
        "" if listed else " (the WAVELENGTHRANGE file has no row for it: that of another filter or lamp)",
    )  # fmt: skip
    return order, wavelength_range
