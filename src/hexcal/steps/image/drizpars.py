"""Parameters of drizzling as a reference file has them."""


def drizpars_of(table, count, filter_name):
    """Return what a table of drizzle parameters says for some exposures.

    Parameters
    ----------
    table : structured array
        Columns numimages, filter, pixfrac, kernel, fillval, wht_type, stepsize.
    count : int
        Number of exposures.
    filter_name : str
        Their filter.

    Returns
    -------
    dict
        pixfrac, kernel, fillval, weight_type of the row for the largest number of images that is not above `count`, of
        the filter, else of ANY; empty if there is none.
    """
    best = None
    for row in table:
        name, number = str(row["filter"]).strip().upper(), int(row["numimages"])
        if name not in (str(filter_name).upper(), "ANY") or number > count:
            continue
        rank = (name != "ANY", number)
        if best is None or rank > best[0]:
            best = rank, row
    if best is None:
        return {}
    row = best[1]
    values = {"pixfrac": float(row["pixfrac"]), "kernel": str(row["kernel"]).strip()}
    return {**values, "fillval": str(row["fillval"]).strip(), "weight_type": str(row["wht_type"]).strip()}
