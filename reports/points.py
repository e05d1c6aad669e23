"""Where the measured points of a rate figure are, and what they say: the page lays them over the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.plots import RatePlot, Trace

_INCH = 72


class Point(NamedTuple):
    """One measured value: its place, from the upper left of the picture, and its value in words."""

    x: float
    y: float
    told: str


class Overlay(NamedTuple):
    """The points of a picture of ``width`` × ``height``; all lengths are in the unit of its SVG, 1/72 inch."""

    width: float
    height: float
    points: tuple[Point, ...]


def overlay(plot: RatePlot, figure: Figure) -> Overlay:
    """The points of ``plot`` on its figure, which must have been written, so that its layout is final."""
    width, height = (float(_INCH * inches) for inches in figure.get_size_inches())
    per_unit = _INCH / figure.dpi
    found = (point for trace in plot.traces for point in _points(trace, figure.axes[0], per_unit, height))
    return Overlay(width, height, tuple(point for point in found if 0 <= point.x <= width and 0 <= point.y <= height))


def _points(trace: Trace, axes: Axes, per_unit: float, height: float) -> Iterator[Point]:
    for i, (T, measured) in enumerate(zip(trace.horizons, trace.measured, strict=True)):
        # what has no place on a logarithmic axis was not drawn
        if measured > 0 or axes.get_yscale() == "linear":
            x, y = per_unit * axes.transData.transform((T, measured))
            yield Point(round(x, 1), round(height - y, 1), _told(trace, i))


def _told(trace: Trace, i: int) -> str:
    band = "" if trace.engine == "exact" else f" [{trace.lower[i]:.4g}, {trace.upper[i]:.4g}]"
    bound = f"bound {trace.bound[i]:.4g}" if trace.bound else "no bound applies"
    return f"{trace.method}, T = {trace.horizons[i]:,}: measured {trace.measured[i]:.4g}{band}, {bound}"
