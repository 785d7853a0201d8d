"""Reading and layering parameter files by hand: ``from hexcal import config_parser``.

`load_config_file(path)`, `merge_config(config, other)`.
"""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {"load_config_file": "hexcal.core.config", "merge_config": "hexcal.core.config:merge"},
)
