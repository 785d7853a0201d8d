"""The modes of spectroscopy that can be simulated, by name."""

import importlib

from hexcal.errors import ParameterError, unknown_name

MODES = {
    "miri-lrs": ("lrs", "LrsSlit", "two nods along the slit, and blank sky"),
    "miri-lrs-slitless": ("lrs", "LrsSlitless", "a time series of a star with a transit"),
    "nirspec-fs": ("nirspec_slits", "FixedSlits", "three nods of a star in S200A1, the sky in all fixed slits"),
    "nirspec-bots": ("nirspec_slits", "BrightObject", "a time series of a bright star with a transit"),
    "nirspec-mos": ("nirspec_mos", "MultiObject", "three nods of a few slitlets: stars, a blob, the sky"),
    "nirspec-ifu": ("nirspec_ifu", "IntegralField", "two dithers of a star and a blob, in short slices"),
    "miri-mrs": ("mrs", "Mrs", "two dithers of a star, channels 1 and 2, with fringes"),
}
"""Name -> module, class, and what is taken."""
SERIES = ("miri-lrs-slitless", "nirspec-bots")
"""Those with a number of integrations."""


def series_of(mode, **options):
    """Return the series of exposures of a mode.

    Parameters
    ----------
    mode : str
        One of `MODES`.
    **options
        Of its class: ``seed``, ``noise``, ``bad_pixels``, ``whole_detector``, ``hits``, ``n_exposures``, and ``n_ints``
        of a time series.

    Returns
    -------
    Series

    Raises
    ------
    ParameterError
        For a mode that is not known (with the nearest one), or a number out of bounds.
    """
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES, where="simulate spectra")
    if options.get("n_ints") is not None and mode not in SERIES:
        raise ParameterError(
            f"{mode} is no time series: it has one integration", where="n_ints", hint=f"for {' and '.join(SERIES)}"
        )
    module, name, _ = MODES[mode]
    given = {option: value for option, value in options.items() if value is not None}
    return getattr(importlib.import_module(f"hexcal.simulate.spectra.{module}"), name)(**given)
