"""Blended metadata, under their documented name: ``from hexcal.model_blender import blendmodels``."""

from hexcal.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    dict.fromkeys(
        (
            "KeywordRules",
            "KwRule",
            "blendmodels",
            "build_tab_schema",
            "cat_headers",
            "convert_dtype",
            "extract_filenames_from_product",
            "find_keywords_in_section",
            "get_blended_metadata",
            "interpret_attr_line",
            "interpret_entry",
            "metablender",
        ),
        "hexcal.models.blend_documented",
    ),
)
