"""Settings of the documentation, which `make docs` builds; a warning, as of a link that leads nowhere, is an error."""

import tomllib
from pathlib import Path

_PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _PROJECT["name"]
release = _PROJECT["version"]
author = copyright = ""

# docstrings are reStructuredText in Google's layout (napoleon), pages are Markdown (myst)
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_show_copyright = html_show_sphinx = False

# anchors of headings are checked as links are
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a page that is included begins with a heading of its own

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
# jaxtyping's shapes are texts, which are not to be resolved as names
autodoc_preserve_defaults = True
napoleon_use_ivar = False
