"""Parts of skymatch under their documented names: modules ``region``, ``skyimage``, ``skymatch``, ``skystatistics``."""
