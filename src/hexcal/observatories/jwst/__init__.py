"""The James Webb Space Telescope: keywords, detectors, exposure types, read-out patterns, subarrays, product names.

Each table has a module of its own with an accessor function; this module only provides the `observatory` object.
"""

import os

from hexcal.observatories.base import Observatory

__all__ = ["observatory"]

_RULES = ("hexcal.associations.rules.jwst_level2", "hexcal.associations.rules.jwst_level3")

observatory = Observatory(
    name="jwst",
    telescope="JWST",
    folder=os.path.dirname(os.path.abspath(__file__)),
    instruments=("FGS", "MIRI", "NIRCAM", "NIRISS", "NIRSPEC"),
    association_rules=_RULES,
    association_releases=(
        ("1.13.4", _RULES),
        ("3.0.0", ("hexcal.associations.rules.jwst_3_level2", "hexcal.associations.rules.jwst_3_level3")),
    ),
)
