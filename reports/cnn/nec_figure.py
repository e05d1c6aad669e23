"""Accuracy against the number of units that a class hears, by method, as a figure."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter

from reports import plots
from reports.cnn import nec
from reports.cnn.nec import Nec, Point

# method → colour, marker, dashes; in grey the markers and dashes tell them apart
_LOOK = {
    nec.AAT: ("#D55E00", "o", "-"),
    nec.CUT: ("#CC79A7", "v", (0, (4, 1.5))),
    nec.SPARSE: ("#0072B2", "^", (0, (1, 1))),
    nec.EM: ("#E69F00", "P", "-"),
}
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
_PANELS = {"nec": "units heard per class and image (NEC)", "used": "units heard by a class on any test image"}


def draw(study: Nec) -> Figure:
    """Two panels, against NEC and against the units used at all; means over seeds with 95 % bands."""
    own = study.mean([study.of(nec.OWN, seed)[0].accuracy for seed in study.seeds]).value
    with mpl.rc_context(plots.STYLE):
        figure = Figure(figsize=(9.2, 4.0), layout="constrained")
        for axes, (what, title) in zip(figure.subplots(1, 2, sharey=True), _PANELS.items(), strict=True):
            for method in _LOOK:
                _line(axes, study, method, what)
            axes.axhline(
                own, color="#000000", lw=1, ls=(0, (5, 2)), label=f"own head of the network: {study.recipe.head}"
            )
            axes.set(xscale="log", xlabel=title)
            low, high = axes.get_xlim()
            ticks = [tick for tick in _TICKS if low <= tick <= high]
            axes.set_xticks(ticks)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        # bands may leave the figure; with two seeds they would be most of it
        shown = [study.mean([point.accuracy for point in place]).value for place in _places(study, *_LOOK)]
        low, high = min(*shown, own), max(*shown, own)
        figure.axes[0].set(ylabel="test accuracy", ylim=(max(0, low - 0.1), min(1, high + 0.05)))
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower left", fontsize=8, ncols=5)
        figure.suptitle(study.name, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def _line(axes: Axes, study: Nec, method: str, what: str) -> None:
    colour, marker, dashes = _LOOK[method]
    places = _places(study, method)
    across = [_mean(place, what) for place in places]
    found = [study.mean([point.accuracy for point in place]) for place in places]
    means = [mean.value for mean in found]
    axes.plot(across, means, color=colour, marker=marker, ls=dashes, ms=4.5, lw=1.3, label=method)
    bounds = [(mean.lower, mean.upper) for mean in found if mean.lower is not None and mean.upper is not None]
    if len(bounds) == len(found) > 1:
        axes.fill_between(across, *np.transpose(bounds), color=colour, alpha=0.15, lw=0)
    elif bounds:
        axes.plot(across * 2, bounds[0], color=colour, lw=3, alpha=0.4)


def _places(study: Nec, *methods: str) -> list[tuple[Point, ...]]:
    """Heads that belong together: along a path, those of one place; a path may be longer under one seed."""
    return [place for m in methods for place in zip(*(study.of(m, seed) for seed in study.seeds), strict=False)]


def _mean(place: tuple[Point, ...], what: str) -> float:
    return float(np.mean([getattr(point, what) for point in place]))
