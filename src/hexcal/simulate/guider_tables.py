"""The tables that come with exposures of the guider functions, in the documented columns."""

import numpy as np

_PLANNED = [
    ("guide_star_order", "i4"),
    ("reference_star_id", "S12"),
    *((name, "f8") for name in ("ra", "dec", "id_x", "id_y", "fgs_mag", "fgs_mag_uncert")),
    *((name, "f8") for name in ("count_rate", "count_rate_uncert")),
]
_FLIGHT = [("reference_star_id", "S2"), ("id_x", "f8"), ("id_y", "f8"), ("count_rate", "f8")]
_ANGLES = ("ddc_ra", "ddc_dec", "aperture_pa", "v1_ra", "v1_dec", "v3_pa", "j1_ra", "j1_dec", "j3_pa")
_POINTING = [("time", "f8"), ("jitter", "f8"), *((f"delta_{name}", "f8") for name in _ANGLES), ("HGA_motion", "i4")]
_CENTROID = [
    ("observatory_time", "S23"),
    ("centroid_time", "S23"),
    *((f"guide_star_{name}", "f8") for name in ("position_x", "position_y", "instrument_counts_per_sec")),
    *((name, "f8") for name in ("signal_to_noise_current_frame", "delta_signal", "delta_noise")),
    *((name, "i4") for name in ("psf_width_x", "psf_width_y", "data_quality")),
    ("bad_pixel_flag", "S4"),
    ("bad_centroid_dq_flag", "S50"),
    ("cosmic_ray_hit_flag", "S5"),
    ("sw_subwindow_loc_change_flag", "S5"),
    ("guide_star_at_detector_subwindow_boundary_flag", "S5"),
    ("subwindow_out_of_FOV_flag", "S5"),
]
_TRACK = [("observatory_time", "S23"), ("x_corner", "f8"), ("y_corner", "f8"), ("x_size", "i2"), ("y_size", "i2")]
_COLUMNS = {
    "planned_star_table": _PLANNED,
    "flight_star_table": _FLIGHT,
    "pointing_table": _POINTING,
    "centroid_table": _CENTROID,
    "track_sub_table": _TRACK,
}
_OF_FUNCTION = {
    "FGS_ID-IMAGE": ("planned_star_table", "flight_star_table"),
    "FGS_ID-STACK": ("planned_star_table", "flight_star_table"),
    "FGS_TRACK": ("pointing_table", "centroid_table", "track_sub_table"),
    "FGS_FINEGUIDE": ("pointing_table", "centroid_table"),
}


def tables(exp_type, n_rows):
    """Return the tables of an exposure, with plausible values.

    Parameters
    ----------
    exp_type : str
        Value of EXP_TYPE.
    n_rows : int
        Rows of each table.

    Returns
    -------
    dict of str to structured array
        By the attribute of the model. Columns and types: JWST pipeline documentation 1.13.5, section on guide star data
        products.
    """
    return {name: _filled(_COLUMNS[name], n_rows) for name in _OF_FUNCTION.get(exp_type, ())}


def _filled(columns, n_rows):
    table = np.zeros(n_rows, columns)
    rows = np.arange(n_rows)
    for number, (name, kind) in enumerate(columns):
        if kind.startswith("S"):
            texts = [f"2023-02-25 00:00:{row % 60:02d}.000" if "time" in name else f"{row % 100}" for row in rows]
            table[name] = [text.encode() for text in texts]
        else:
            table[name] = rows + (0.125 * number if kind == "f8" else number)
    return table
