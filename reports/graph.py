"""Figures of the proof book: what needs what, and what AAT costs against the dense head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.ticker import NullLocator

from reports.ledger import LedgerRow
from reports.plots import STYLE
from theory.rates.matching import LEADING, OF_ONE_SIZE
from theory.symbols import K, R_inf, mu, n

_COLOURS = {"proved": "#00664b", "conditional": "#8a5a00", "refuted": "#5c5f66", "refused": "#b3261e"}
_LINES = ("#D55E00", "#0072B2", "#009E73", "#000000")
_COLUMN, _ROW = 2.6, 0.34


def draw_ratio(width: int = 64, smoothings: Sequence[float] = (0.02, 0.1, 1.0, 10.0)) -> Figure:
    """Claim R13 for R6: by which factor the leading term grows or shrinks when K votes are heard, smoothed by μ.

    Args:
        width: n, the number of units, with features of one size R_∞ = 1.
        smoothings: the μ, one line each.
    """
    factor = sp.lambdify((K, mu), LEADING.subs({**OF_ONE_SIZE, n: width}).subs(R_inf, 1), "numpy")
    heard = np.arange(1, width + 1)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.add_subplot()
        for colour, dashes, value in zip(_LINES, ("-", "--", "-.", ":"), smoothings, strict=False):
            axes.plot(heard, factor(heard, value), color=colour, ls=dashes, label=f"μ = {value:g}")
        axes.axhline(1, color="#777777", lw=0.8)
        axes.set(xscale="log", yscale="log", xlabel=f"votes heard, K of n = {width}",
                 ylabel="factor on the leading term of R6")  # fmt: skip
        axes.set_title("R13  AAT against the dense head, bound for bound", loc="left", fontsize=10, fontweight="bold")
        axes.set_xticks(ticks := [2**k for k in range(width.bit_length())], list(map(str, ticks)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.legend(title="below 1, the bound of AAT is the better one", title_fontsize=8)
    return figure


def draw(rows: Sequence[LedgerRow], sections: Mapping[str, Sequence[str]]) -> Figure:
    """One column a section, one label a claim in the colour of its status, an arrow for each need.

    Args:
        rows: of the ledger.
        sections: ids of claims by section, from left to right.
    """
    known = {row.id: row for row in rows}
    columns = {title: [id for id in ids if id in known] for title, ids in sections.items()}
    tallest = max(map(len, columns.values()), default=1)
    place = {
        id: (_COLUMN * column, -_ROW * (row + (tallest - len(ids)) / 2))
        for column, ids in enumerate(columns.values())
        for row, id in enumerate(ids)
    }
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_COLUMN * len(columns) + 0.4, _ROW * (tallest + 2)), layout="constrained")
        axes = figure.add_subplot()
        axes.axis("off")
        axes.set(xlim=(-0.8, _COLUMN * (len(columns) - 1) + 1.4), ylim=(-_ROW * tallest, 2 * _ROW))
        for column, title in enumerate(columns):
            axes.text(_COLUMN * column, _ROW, title, ha="center", fontweight="bold", color="#333333")
        labels = {}
        for id, (x, y) in place.items():
            colour = _COLOURS[known[id].status]
            box = {"boxstyle": "round,pad=0.25", "fc": "white", "ec": colour, "lw": 0.8}
            labels[id] = axes.text(x, y, id, ha="center", va="center", fontsize=8, color=colour, bbox=box)
        for id in place:
            for needed in filter(place.__contains__, known[id].needs):
                # within a column the arrow leaves it, so that it does not run through the labels between
                bent = 0.0 if place[needed][0] != place[id][0] else -0.6
                axes.add_patch(
                    FancyArrowPatch(
                        place[needed],
                        place[id],
                        patchA=labels[needed].get_bbox_patch(),
                        patchB=labels[id].get_bbox_patch(),
                        connectionstyle=f"arc3,rad={bent}",
                        arrowstyle="-|>",
                        mutation_scale=7,
                        lw=0.6,
                        color="#777777",
                        zorder=0,
                    )
                )
    return figure
