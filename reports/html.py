"""Templates: pages that stand alone, without network; a page's policy lets run the one script that it names, if any."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.mathml import formula, prose

_TEMPLATES = Path(__file__).parent / "templates"


class Script(NamedTuple):
    """A script as it stands in the page, and its hash as a content security policy names it."""

    text: Markup
    hash: str


def script(name: str) -> Script:
    """A script of ``reports/templates``; it must not contain the end of its own element."""
    text = (_TEMPLATES / name).read_text(encoding="utf-8")
    return Script(Markup(text), f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}")


def render(template: str, **content: object) -> str:
    """The page of a template in ``reports/templates``."""
    return _environment().get_template(template).render(**content)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "formula": formula,
        "prose": prose,
        "number": _number,
        "percent": _percent,
        "svg_uri": _svg_uri,
    }
    return environment


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"


def _svg_uri(svg: Path | bytes) -> str:
    content = svg if isinstance(svg, bytes) else svg.read_bytes()
    return f"data:image/svg+xml;base64,{b64encode(content).decode()}"
