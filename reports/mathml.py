"""Formulas for a page without scripts: LaTeX between dollar signs becomes MathML."""

from __future__ import annotations

import re
from html import escape

from latex2mathml.converter import convert
from markupsafe import Markup


def formula(latex: str) -> Markup:
    """A formula as inline MathML."""
    return Markup(convert(latex))


def prose(text: str) -> Markup:
    """A sentence with formulas between dollar signs, as HTML."""
    parts = re.split(r"\$([^$]+)\$", text)
    return Markup("").join(formula(part) if odd % 2 else Markup(escape(part)) for odd, part in enumerate(parts))
