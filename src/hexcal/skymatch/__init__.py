"""Parts of skymatch under their documented names: modules ``region``, ``skyimage`` and ``skystatistics``."""
