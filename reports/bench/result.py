"""What ``aat bench head`` has found, with what it was found on: a file, a table and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, Self

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import StrMethodFormatter

from reports import plots, published
from reports.bench.head import DEFINITION, DIRECTIONS, LINEAR, PORTABLE, BenchRow
from sim.results import versions

FILE, FIGURE = "head.json", "head"
# Those that the page shows.
PUBLISHED = "bench_head*.json"

# way → colour (Okabe and Ito's), marker; `reference` would lie on the definition
_LOOK = {
    "cpu": ("#0072B2", "o"),
    "triton": ("#D55E00", "^"),
    PORTABLE: ("#009E73", "D"),
    DEFINITION: ("#000000", "s"),
}
COLUMNS = ("ms", "/ nn.Linear", "definition /", "chunked /", "extra MB", "definition MB", "share")
_FEATURES = {"relu": "ReLU features", "gaussian": "Gaussian features"}


class Line(NamedTuple):
    """One line of the table: a backend on a case, against all peers.

    Attributes:
        case, features, direction, backend: as in the rows.
        numbers: under :data:`COLUMNS`; None: nothing to tell.
    """

    case: str
    features: str
    direction: str
    backend: str
    numbers: tuple[float | None, ...]


@dataclass(frozen=True)
class Result:
    """All rows of a run, and what computed them."""

    rounds: int
    versions: dict[str, str]
    rows: tuple[BenchRow, ...]

    @classmethod
    def of(cls, rows: Sequence[BenchRow], rounds: int) -> Self:
        """Rows that were computed here."""
        used = {name: version for name, version in versions().items() if name in ("python", "torch")}
        return cls(rounds, used, tuple(rows))

    @property
    def devices(self) -> tuple[str, ...]:
        """Where it was run, in words."""
        return tuple(dict.fromkeys(row.device for row in self.rows))

    @property
    def threads(self) -> tuple[int, ...]:
        """Of PyTorch."""
        return tuple(dict.fromkeys(row.threads for row in self.rows))

    def save(self, file: Path) -> None:
        """Write it, one row a line, whole or not at all."""
        head = {"device": self.devices, "threads": self.threads, "rounds": self.rounds, "versions": self.versions}
        published.write(file, head, "rows", self.rows)

    @classmethod
    def load(cls, file: Path) -> Result:
        """Read it.

        Raises:
            InputError: it is no such file.
        """

        def make(told: dict[str, Any]) -> Result:
            return cls(told["rounds"], told["versions"], tuple(BenchRow(**row) for row in told["rows"]))

        return published.read(file, make, "aat bench head")

    def lines(self) -> list[Line]:
        """The table: one line for all peers of a backend."""
        found = []
        for key, group in groupby(self.rows, lambda row: (row.case, row.features, row.direction, row.backend)):
            of = {row.peer: row for row in group}
            linear, defined = of[LINEAR], of[DEFINITION]
            portable = of[PORTABLE].ratio if PORTABLE in of else None
            times = (linear.ms, linear.ratio, defined.ratio, portable)
            found.append(Line(*key, (*times, linear.extra_mb, defined.peer_extra_mb, defined.share)))
        return found

    def multiples(self, direction: str) -> dict[tuple[str, str, str], float]:
        """Time as a multiple of nn.Linear's, by case, features and way; the definition is one of these."""
        found: dict[tuple[str, str, str], float] = {}
        for row in self.rows:
            if row.direction == direction and row.peer == LINEAR:
                found[row.case, row.features, row.backend] = row.ratio
        for row in self.rows:
            if row.direction == direction and row.peer == DEFINITION:
                found[row.case, row.features, DEFINITION] = (
                    found[row.case, row.features, row.backend] * row.peer_ms / row.ms
                )
        return found


def draw(result: Result) -> Figure:
    """Times as multiples of nn.Linear's, for each case, without touching global state."""
    cases = list(dict.fromkeys(row.case for row in result.rows))
    ways = [way for way in _LOOK if any(way in (row.backend, row.peer) for row in result.rows)]
    with mpl.rc_context(plots.STYLE):
        figure = Figure(figsize=(7.2, 1.3 + 0.5 * len(cases)), layout="constrained")
        panels = figure.subplots(1, len(DIRECTIONS), sharex=True, sharey=True)
        for axes, direction in zip(panels, DIRECTIONS, strict=True):
            _panel(axes, result.multiples(direction), cases)
            axes.set_title(direction, loc="left", fontsize=10, fontweight="bold")
        panels[0].set_yticks(range(len(cases)), cases)
        panels[0].set_ylim(len(cases) - 0.5, -0.5)
        handles = [Line2D([], [], ls="", color=_LOOK[way][0], marker=_LOOK[way][1], label=way) for way in ways]
        handles += [
            Line2D([], [], ls="", marker="o", color="#777777", mfc=_fill(kind, "#777777"), label=label)
            for kind, label in _FEATURES.items()
        ]
        figure.legend(handles=handles, loc="outside lower left", fontsize=8, ncols=len(handles))
    return figure


def _panel(axes: Axes, multiples: dict[tuple[str, str, str], float], cases: Sequence[str]) -> None:
    axes.set(xscale="log", xlabel=f"time / time of {LINEAR}")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.axvline(1.0, color="#777777", lw=1, ls=(0, (5, 2)))
    for (case, features, way), multiple in multiples.items():
        if way not in _LOOK:
            continue
        colour, marker = _LOOK[way]
        place = cases.index(case) + (-0.15 if features == "relu" else 0.15)
        axes.plot(multiple, place, marker, color=colour, mfc=_fill(features, colour), ms=5)


def _fill(features: str, colour: str) -> str:
    return colour if features == "relu" else "white"
