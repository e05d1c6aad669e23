"""Figures of a routing study: which units each class uses, and how many units images need."""

from __future__ import annotations

from itertools import cycle

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator, PercentFormatter

from reports import plots
from reports.cnn.routing import Map, RoutingStudy

MAPS = "For how many of the images that are put in a class a unit is among those that carry 90 %; first seed."
UNITS = "Test images whose class needs at most so many units, a line for each network."
# Told apart by their dashes where there is no colour.
_LINES = (("#D55E00", "-"), ("#0072B2", (0, (5, 1))), ("#009E73", (0, (3, 1, 1, 1))), ("#CC79A7", (0, (1, 1))))
_DENSE_LINE = ("#000000", (0, (5, 2)))
_SHADES = 20


def drawn(study: RoutingStudy) -> list[tuple[str, bytes]]:
    """Both figures, for the page: caption and SVG."""
    return [(MAPS, plots.svg(draw_maps(study))), (UNITS, plots.svg(draw_units(study)))]


def sorted_map(found: Map) -> np.ndarray:
    """Share of a class's images (rows) for which each unit (columns) carries, zero where a class has none.

    The units are sorted by the class that uses them most and then by that share; those of no class come last.
    """
    images = np.maximum(np.array(found.images), 1)
    share = np.array(found.carries) / images[:, None]
    most, where = share.max(0), np.where(share.any(0), share.argmax(0), len(share))
    return share[:, np.lexsort((-most, where))]


def draw_maps(study: RoutingStudy) -> Figure:
    """Class × unit, a panel for each head, of the networks of the first seed."""
    with mpl.rc_context(plots.STYLE | {"axes.grid": False}):
        tall = 0.35 + 0.16 * len(study.classes)
        figure = Figure(figsize=(7.2, 0.7 + tall * len(study.heads)), layout="constrained")
        colours = mpl.colormaps["Greys"].resampled(_SHADES)
        panels = figure.subplots(len(study.heads), 1, sharex=True, squeeze=False)[:, 0]
        for axes, head in zip(panels, study.heads, strict=True):
            share = sorted_map(study.maps[head])
            _fill(axes, share, colours)
            used = int(share.any(0).sum())
            axes.set_title(f"{head}: {used} of {share.shape[1]} units are used", loc="left", fontsize=9)
            axes.set_yticks(np.arange(len(study.classes)) + 0.5, study.classes, fontsize=7)
            axes.set(xlim=(0, share.shape[1]), ylim=(len(study.classes), 0))
        panels[-1].set_xlabel("units, by the class that uses them most")
        bar = figure.colorbar(
            ScalarMappable(Normalize(0, 1), colours), ax=list(panels), format=PercentFormatter(1.0), aspect=30, pad=0.02
        )
        bar.set_label("share of the class's images", fontsize=8)
        figure.suptitle(study.name, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def _fill(axes: Axes, share: np.ndarray, colours: Colormap) -> None:
    """One path for all cells of one shade: a file of vectors stays small."""
    shades = np.ceil(share * _SHADES).astype(int) - 1
    # what is not there is not drawn
    for shade in np.unique(shades[shades >= 0]):
        row, column = np.nonzero(shades == shade)
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
        path = Path.make_compound_path_from_polys(np.stack([column, row], 1)[:, None] + corners)
        axes.add_patch(PathPatch(path, facecolor=colours(int(shade)), lw=0, antialiased=False))


def draw_units(study: RoutingStudy) -> Figure:
    """Share of images that need at most so many units, a line for each network."""
    with mpl.rc_context(plots.STYLE):
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        axes = figure.add_subplot()
        # the dense head is last
        lines = [line for line, _ in zip(cycle(_LINES), study.heads[:-1], strict=False)] + [_DENSE_LINE]
        for head, (colour, dashes) in zip(study.heads, lines, strict=True):
            for network in study.of(head):
                reached = np.cumsum(network.units) / sum(network.units)
                axes.step(range(len(reached)), reached, where="post", color=colour, ls=dashes, lw=1.2,
                          label=head if network is study.of(head)[0] else None)  # fmt: skip
        axes.set(xlabel="units that carry 90 % of the evidence", ylabel="images that need at most so many")
        axes.set_xlim(0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.legend(loc="lower right", fontsize=8)
        figure.suptitle(study.name, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure
