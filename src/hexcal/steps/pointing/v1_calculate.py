"""Where the axis of the telescope points over time, and how that compares with what was proposed."""

from typing import Any

from hexcal.steps.pointing.set_telescope_pointing import calc_wcs_over_time, t_pars_from_model
from hexcal.steps.pointing.transforms import TransformParameters

_FROM_TELESCOPE = "MIRIM_FULL"
"""Any aperture: the axis of the telescope does not depend on it."""
_POSITIONS = {
    "target": ("meta.target.ra", "meta.target.dec"),
    "v1": ("meta.pointing.ra_v1", "meta.pointing.dec_v1"),
    "refpoint": ("meta.wcsinfo.ra_ref", "meta.wcsinfo.dec_ref"),
}


def v1_calculate_from_models(sources, siaf_path=None, **calc_wcs_from_time_kwargs):
    """Return where V1 points during exposures.

    Parameters
    ----------
    sources : list of path-like or DataModel
        The exposures.
    siaf_path : None
        Hexcal has one table of apertures.
    **calc_wcs_from_time_kwargs
        Values of `TransformParameters`, such as ``engdb_url``, ``method`` and ``reduce_func``.

    Returns
    -------
    astropy.table.Table
        Columns ``source``, ``obstime`` (Time) and ``v1`` (`WCSRef`: ra, dec, pa of V3), one row for each pointing.
    """
    from hexcal.models.open import open as open_model

    rows = []
    for source in sources:
        model = open_model(source)
        t_pars = t_pars_from_model(model, **calc_wcs_from_time_kwargs)
        rows += _rows(source, t_pars.obsstart, t_pars.obsend, t_pars)
    return _table(rows)


def v1_calculate_over_time(obsstart, obsend, siaf_path=None, **calc_wcs_from_time_kwargs):
    """Return where V1 points during an interval, by the coarse method, which needs no exposure.

    Parameters
    ----------
    obsstart, obsend : float
        MJD, both included.
    siaf_path : None
        Hexcal has one table of apertures.
    **calc_wcs_from_time_kwargs
        As of `v1_calculate_from_models`.

    Returns
    -------
    astropy.table.Table
        As of `v1_calculate_from_models`, with "time range" as the source.
    """
    from hexcal import observatories

    apertures = observatories.get("jwst").apertures
    t_pars = TransformParameters(siaf=apertures[_FROM_TELESCOPE], siaf_db=apertures, **calc_wcs_from_time_kwargs)
    return _table(_rows("time range", obsstart, obsend, t_pars))


def _rows(source, obsstart, obsend, t_pars):
    obstimes, _, vinfos = calc_wcs_over_time(obsstart, obsend, t_pars)
    return [(source, time, v1) for time, v1 in zip(obstimes, vinfos, strict=True)]


def _table(rows):
    from astropy.table import Column, Table
    from astropy.time import Time

    table = Table()
    table["source"] = Column([str(source) for source, _, _ in rows], dtype=object)
    table["obstime"] = Time([time.mjd for _, time, _ in rows], format="mjd")
    v1 = Column(length=len(rows), dtype=object)
    for number, (_, _, value) in enumerate(rows):
        v1[number] = value
    table["v1"] = v1
    return table


def simplify_table(table):
    """Return the table with columns that any format can hold: ra, dec and pa_v3 instead of v1, and times as text."""
    from astropy.table import Table

    simple = Table()
    simple["source"] = [str(source) for source in table["source"]]
    simple["obstime"] = [time.isot for time in table["obstime"]]
    for name, element in (("ra", "ra"), ("dec", "dec"), ("pa_v3", "pa")):
        simple[name] = [getattr(value, element) for value in table["v1"]]
    return simple


def calc_deltas(exposures, extra_meta=()):
    """Return how far the pointings of exposures are from their targets.

    Parameters
    ----------
    exposures : list of path-like or DataModel
        With pointing keywords.
    extra_meta : sequence of str
        Dotted paths of further metadata, each a column.

    Returns
    -------
    astropy.table.Table
        Columns ``exposure``, ``target``, ``v1``, ``refpoint`` (SkyCoord), ``delta_v1``, ``delta_refpoint`` (degrees
        from the target), and the extra ones. NaN where the header does not say.
    """
    import numpy as np
    from astropy import units
    from astropy.coordinates import SkyCoord
    from astropy.table import Table

    from hexcal.models.open import open as open_model

    models = [open_model(exposure) for exposure in exposures]
    table = Table()
    table["exposure"] = [model.meta.filename or str(name) for model, name in zip(models, exposures, strict=True)]
    positions: dict[str, SkyCoord] = {}
    for name, paths in _POSITIONS.items():
        values: Any = [
            [np.nan if (value := model.get_meta(path)) is None else value for path in paths] for model in models
        ]
        table[name] = positions[name] = SkyCoord(values, unit=units.deg)
    for name in ("v1", "refpoint"):
        separation: Any = positions[name].separation(positions["target"])
        table[f"delta_{name}"] = separation.deg
    for path in extra_meta:
        table[path] = [str(model.get_meta(path, strict=True)) for model in models]
    return table
