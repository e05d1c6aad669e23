"""Formulas for a page without scripts: LaTeX between dollar signs becomes MathML."""

from __future__ import annotations

import re
from html import escape
from typing import Literal

from latex2mathml.converter import convert
from markupsafe import Markup


def formula(latex: str, display: Literal["inline", "block"] = "inline") -> Markup:
    """A formula as MathML."""
    return Markup(convert(latex, display=display))


def prose(text: str) -> Markup:
    """A sentence with formulas between dollar signs, as HTML."""
    parts = re.split(r"\$([^$]+)\$", text)
    return Markup("").join(formula(part) if odd % 2 else Markup(escape(part)) for odd, part in enumerate(parts))
