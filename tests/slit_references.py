"""References of the corrections of NIRSpec slits, for tests of what all steps promise."""

import numpy as np

from hexcal import datamodels

_GRID = np.linspace(0.5, 6.5, 61)


def of(alias):
    """Return reference type -> model for a step that corrects the slits of `slits.make_slits`."""
    if alias == "pixel_replace":
        return {}
    return {"flat_field": _flats, "pathloss": _pathloss, "barshadow": _barshadow, "photom": _photom}[alias]()


def _flats():
    rows = np.zeros(
        1,
        [("slit_name", "S15"), ("nelem", "i4")] + [(name, "f4", (61,)) for name in ("wavelength", "data", "error")],
    )
    rows["slit_name"], rows["nelem"], rows["wavelength"], rows["data"], rows["error"] = "ANY", 61, _GRID, 1.1, 0.01
    flats = {}
    for name in ("fflat", "sflat", "dflat"):
        flats[name] = datamodels.NirspecFlatModel()
        flats[name].flat_table = rows.copy()
    return flats


def _pathloss():
    model = datamodels.PathlossModel()
    entries = []
    for name in ("S200A1", "S400A1", "MOS1x1", "MOS1x3"):
        entry = model.new_part()
        entry.name = name
        entry.pointsource_data, entry.uniform_data = np.full((61, 11, 11), 0.8, "f4"), np.full(61, 0.9, "f4")
        axes = {"pointsource_wcs": [(-1.5, 0.3), (-1.5, 0.3), (0.5e-6, 1e-7)], "uniform_wcs": [(0.5e-6, 1e-7)]}
        for which, keys in axes.items():
            for number, (start, step) in enumerate(keys, 1):
                for key, value in (("crpix", 1.0), ("crval", start), ("cdelt", step)):
                    entry.set_meta(f"{which}.{key}{number}", value)
        entries.append(entry)
    model.apertures = entries
    return {"pathloss": model}


def _barshadow():
    model = datamodels.BarshadowModel()
    model.data1x1 = model.data1x3 = np.full((1001, 101), 0.9, "f4")
    model.crval1, model.cdelt1, model.crval2, model.cdelt2 = 0.6e-6, 4.7e-8, -1.0, 0.002
    return {"barshadow": model}


def _photom():
    columns = [("filter", "S12"), ("grating", "S15"), ("slit", "S15"), ("photmj", "f4"), ("uncertainty", "f4")]
    columns += [("nelem", "i2"), ("wavelength", "f4", (61,)), ("relresponse", "f4", (61,))]
    columns += [("reluncertainty", "f4", (61,))]
    slits = ("S200A1", "S400A1")
    rows = np.array([("CLEAR", "PRISM", slit, 1e-9, 0, 61, _GRID, 1 + _GRID, 0 * _GRID) for slit in slits], columns)
    area = datamodels.NirspecSlitAreaModel()
    area.area_table = np.array([(slit, 0.02) for slit in slits], [("slit_id", "S15"), ("pixarea", "f4")])
    return {"photom": datamodels.NrsFsPhotomModel(phot_table=rows), "area": area}
