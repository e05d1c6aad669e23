"""The figure of the detectors study: unique detectors by category and head, single seeds shown."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports import plots
from reports.cnn.detectors import ALL, DENSE, UNIQUE, Detectors

# colour and marker of AAT heads in turn; that of the dense head is the one it has everywhere
_HEADS = (("#D55E00", "o"), ("#0072B2", "^"), ("#009E73", "D"), ("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"))


def draw(study: Detectors) -> Figure:
    """A group of heads for all concepts together and for each category."""
    rows = [row for row in study.rows() if row.measure == UNIQUE]
    groups, heads = [ALL, *study.concepts], study.heads
    known = {ALL: sum(study.concepts.values()), **study.concepts}
    with mpl.rc_context(plots.STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        axes = figure.add_subplot()
        for turn, head in enumerate(heads):
            colour, marker = plots.LOOK[DENSE] if head == DENSE else _HEADS[turn % len(_HEADS)]
            aside = (turn - (len(heads) - 1) / 2) * 0.7 / len(heads)
            for place, category in enumerate(groups):
                row = next(row for row in rows if (row.head, row.category) == (head, category))
                counts = [sum(n.unique.values()) if category == ALL else n.unique[category] for n in study.of(head)]
                axes.plot([place + aside - 0.05] * len(counts), counts, marker, ms=3.5, mfc="none", color=colour)
                if row.value_lower is not None and row.value_upper is not None:
                    axes.vlines(place + aside + 0.05, max(0.0, row.value_lower), row.value_upper, color=colour, lw=1.5)
                told = head if place == 0 else None
                axes.plot(place + aside + 0.05, row.value, marker, ms=6, color=colour, label=told)
        axes.set_xticks(range(len(groups)), [f"{category}\n({known[category]} concepts)" for category in groups])
        axes.set(ylabel="concepts with a detector", ylim=(0, None))
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(axis="x", visible=False)
        axes.legend(loc="upper right", fontsize=8, title="mean, 95 %; open: single seeds", title_fontsize=8)
        figure.suptitle(f"Unique detectors: {study.name}", x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure
