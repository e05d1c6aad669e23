"""Templates: pages that stand alone, without network or script."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from reports.mathml import formula, prose


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
