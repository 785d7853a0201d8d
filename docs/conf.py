"""How sphinx makes the documentation (``make docs``)."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tools"))
sys.path.insert(0, str(HERE.parent / "src"))

from site_messages import messages, page  # noqa: E402
from site_pages import write_if_changed, write_pages  # noqa: E402

from hexcal import __version__  # noqa: E402

write_pages(HERE / "steps")
write_if_changed(HERE / "developer" / "messages.md", page(messages()))

project = "Hexcal"
author = "the Hexcal developers"
version = release = __version__
project_copyright = author

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
exclude_patterns = ["requirements/**"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autosummary_generate = False

html_theme = "pydata_sphinx_theme"
html_title = f"Hexcal {version}"
html_static_path = ["_static"]
html_favicon = "_static/hexcal.svg"
html_css_files = ["hexcal.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "Hexcal"},
    "show_toc_level": 2,
    "navigation_depth": 2,
    "show_nav_level": 1,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "auto"}
html_sidebars = {"index": [], "decisions": []}


def _without_links(app, what, name, obj, options, lines):
    """The name of an exception that ends in an underscore is no link."""
    lines[:] = [line.replace("ReferenceError_", r"ReferenceError\_") for line in lines]


def setup(app):
    """Called by sphinx."""
    app.connect("autodoc-process-docstring", _without_links)
