"""Parameters of the bad-pixel mask, under the names that the original has for them."""

from typing import Literal

from hexcal.core.parameters import parameter
from hexcal.reffiles.maker import MakerParameters

_FLAGS = {"hot": "HOT", "rc": "RC", "low_pedestal": "OTHER_BAD_PIXEL", "high_cr": "TELEGRAPH"}


class MaskParameters(MakerParameters):
    """Parameters of the searches."""

    dead_search: bool = parameter(True, "Look for pixels that do not respond.")
    low_qe_and_open_search: bool = parameter(True, "Look for pixels that respond too little.")
    dead_search_type: Literal["sigma_rate", "absolute_rate", "zero_signal"] = parameter(
        "sigma_rate",
        "DEAD: by dead_sigma_threshold below the mean; by max_dead_norm_signal; or without signal in a group of the "
        "ramps.",
    )
    dead_zero_signal_fraction: float = parameter(
        0.9, "zero_signal: pixels without signal in this share of the integrations are DEAD.", gt=0, le=1
    )
    zero_signal_group: int = parameter(9, "zero_signal: group that is looked at, from 0.", ge=1)
    flat_mean_sigma_threshold: float = parameter(3.0, "Clipping in the mean of flats.", unit="sigma", gt=0)
    flat_mean_normalization_method: Literal["smoothed", "mean", "fit2d", "none"] = parameter(
        "smoothed", "What the mean flat is divided by: itself smoothed, its mean, a polynomial in x and y, nothing."
    )
    fit2d_order: int = parameter(3, "Order of that polynomial.", ge=1, le=8)
    smoothing_box_width: int = parameter(15, "Side of the box that smooths.", unit="pixels", ge=3)
    smoothing_type: Literal["Box2D", "median"] = parameter("Box2D", "Mean or median in the box.")
    dead_sigma_threshold: float = parameter(5.0, "Pixels that are farther below the mean are DEAD.", unit="sigma", gt=0)
    max_dead_norm_signal: float | None = parameter(
        0.05,
        "Pixels with less than this share of the signal around them are DEAD; with sigma_rate, a further condition.",
    )
    run_dead_flux_check: bool = parameter(
        False, "A pixel that is bright at the end of the ramps of dead_flux_check_files is not DEAD."
    )
    dead_flux_check_files: list[str] | None = parameter(None, "Raw exposures for that check.")
    flux_check: float = parameter(
        45000.0, "A pixel is bright if the mean of its last four groups is above this.", unit="DN"
    )
    max_low_qe_norm_signal: float = parameter(
        0.5, "Pixels with less than this share of the signal around them are LOW_QE.", gt=0
    )
    max_open_adj_norm_signal: float = parameter(
        1.05, "A pixel is OPEN if its neighbours have more than this share of the signal around them.", gt=0
    )
    hot_sigma: float = parameter(
        5.0, "Pixels that are farther above the median rate of darks are HOT.", unit="sigma", gt=0
    )
    hot_rate: float | None = parameter(None, "Rate from which a pixel is HOT. Default: by hot_sigma.", unit="DN/s")
    warm_rate: float | None = parameter(None, "Rate from which a pixel is WARM. Default: none is.", unit="DN/s")
    dark_stdev_clipping_sigma: float = parameter(
        5.0, "Clipping in the map of the scatter of darks.", unit="sigma", gt=0
    )
    dark_max_clipping_iters: int = parameter(5, "Most iterations of that clipping.", ge=0)
    dark_noisy_threshold: float = parameter(
        5.0,
        "Pixels are noisy whose scatter between integrations is farther above that of the others.",
        unit="sigma",
        gt=0,
    )
    min_slopes: int = parameter(5, "With fewer integrations of darks nothing is called noisy.", ge=2)
    max_saturated_fraction: float = parameter(
        0.5, "Pixels that are saturated in all groups of this share of the integrations are HOT too.", gt=0, le=1
    )
    max_jump_limit: int = parameter(10, "More jumps than this in an integration are too many.", ge=0)
    jump_ratio_threshold: float = parameter(
        5.0,
        "RC pixels have too many jumps, at a rate in the early groups of this many times that of the whole ramp.",
        gt=0,
    )
    early_cutoff_fraction: float = parameter(0.25, "Share of the ramp that is early.", gt=0, le=0.5)
    pedestal_sigma_threshold: float = parameter(
        5.0,
        "Pixels whose pedestal is farther above the mean are RC; farther below it, it is a low pedestal.",
        unit="sigma",
        gt=0,
    )
    rc_fraction_threshold: float = parameter(
        0.8, "Share of the darks that must show it for a pixel to be RC.", gt=0, le=1
    )
    low_pedestal_fraction: float = parameter(0.8, "Share of the darks that must show a low pedestal.", gt=0, le=1)
    high_cr_fraction: float = parameter(0.8, "Share of the darks that must show too many jumps.", gt=0, le=1)
    flag_values: dict[str, str] = parameter(_FLAGS, "Which flag a kind of bad pixel of darks gets.")
    flat_do_not_use: list[str] = parameter(["DEAD", "OPEN"], "Types of flats that get DO_NOT_USE.")
    dark_do_not_use: list[str] = parameter(
        ["hot", "rc", "low_pedestal", "high_cr"], "Kinds of darks, or flags, that get DO_NOT_USE."
    )
    manual_flag_file: str | None = parameter(
        None, "Text with columns x, y, flag: further pixels, from 0; ranges a:b (with b), a:, :b and : are allowed."
    )
    former_mask: str | None = parameter(
        None, "Former mask: the log says which pixels are new, and which are no longer bad."
    )
    changes_list: str | None = parameter(
        None, "Beginning of the names of lists of the new pixels and of those that vanish.", writes=True
    )
    output_list: str | None = parameter(None, "Name of a list of all bad pixels, which is written.", writes=True)
