"""Hexcal: calibrates raw exposures of the James Webb Space Telescope, and of observatories that join it as plug-ins.

Three modules are the public doors; names are imported from them when first used:

- ``hexcal.pipeline``: pipelines, such as ``Detector1Pipeline``;
- ``hexcal.step``: single steps, such as ``JumpStep``;
- ``hexcal.datamodels``: files as models, ``datamodels.open("x_rate.fits")``.

What can go wrong is in ``hexcal.errors``. Importing ``hexcal`` itself imports nothing else.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
