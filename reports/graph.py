"""The dependency graph of the claims as a figure: an arrow goes from a claim to one that takes it over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from reports.ledger import LedgerRow
from reports.plots import STYLE

_COLOURS = {"proved": "#00664b", "conditional": "#8a5a00", "refuted": "#5c5f66", "refused": "#b3261e"}
_COLUMN, _ROW = 2.6, 0.34


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
