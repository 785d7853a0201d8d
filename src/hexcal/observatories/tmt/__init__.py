"""The Thirty Meter Telescope and its infrared imager and integral-field spectrograph, IRIS.

Keywords, models, calibrations.

Two observatories share these tables, since two caches of reference files serve the same exposures: `observatory`
(mappings ``tmt``), and `ligeriri` (mappings ``ligeriri``, of the pipeline that IRIS has in common with Liger at the
Keck Observatory). An exposure of TMT is asked of the first, unless a context of the second is named.
"""

import os

from hexcal.observatories.base import Observatory

__all__ = ["ligeriri", "observatory"]

_FOLDER = os.path.dirname(os.path.abspath(__file__))

# DATE is the time that the data stand for: references are chosen by it, so the time of writing goes elsewhere.
observatory = Observatory(
    name="tmt",
    telescope="TMT",
    folder=_FOLDER,
    instruments=("IRIS",),
    path_of_writing="meta.date_created",
    association_rules=("hexcal.associations.rules.iris",),
)
ligeriri = Observatory(
    name="ligeriri",
    telescope="Keck",
    telescopes=("Keck I", "Keck II"),
    folder=_FOLDER,
    instruments=("IRIS", "Liger"),
    path_of_writing="meta.date_created",
    has_models=False,
)
