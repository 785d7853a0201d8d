"""Astrometric catalogues of the web service, under their documented names."""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "TIMEOUT": "hexcal.steps.image.gaia",
        "compute_radius": "hexcal.steps.image.astrometric_catalogs",
        "create_astrometric_catalog": "hexcal.steps.image.astrometric_catalogs",
        "get_catalog": "hexcal.steps.image.astrometric_catalogs",
    },
)
