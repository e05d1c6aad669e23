"""Rate plots: verdicts → traces (plain data) → a matplotlib figure.

One figure for a claim on a problem: for each head the measured mean with its band, the bound, and the fitted slope.
Heads keep their colour, marker and order in every figure; colours are Okabe and Ito's, legible without colour vision,
and the markers and dashes tell them apart in grey.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from aat.files import write_whole
from reports.slope import Slope, fit
from reports.study import Study
from reports.verdict import Verdict
from sim import Run
from sim.results import fingerprint
from theory import Rate

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "svg.hashsalt": "aat",
    "svg.fonttype": "path",
}

# head → colour, marker
LOOK = {
    "dense": ("#000000", "s"),
    "hard": ("#D55E00", "o"),
    "entropic": ("#0072B2", "^"),
    "quadratic": ("#009E73", "D"),
}
_ORDER = list(LOOK)
# methods of one's own on problems of one's own, in turn
_OTHERS = (("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"))

# Letters that fit into the title's line.
_WIDE = 58
# Beyond this, a logarithmic axis has no room for its margins.
_DRAWABLE = 1e300
# Bytes of a file's name, which has at most 255 with its ending.
_LONG = 200


@dataclass(frozen=True)
class Trace:
    """One head in a figure.

    Attributes:
        method: the head in words.
        status: of the verdicts: one word if they agree, else all of them.
        engine: ``exact`` or ``monte_carlo``.
        horizons, measured, lower, upper: the measured curve and its band.
        bound: the claimed curve; empty when the claim is void.
        slope: fitted exponent of the measured curve, if it is defined.
        bound_slope: fitted exponent of the bound over the same horizons.
        trials: how many there were, or sample paths, at each horizon.
    """

    method: str
    status: str
    engine: str
    horizons: tuple[int, ...]
    measured: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    bound: tuple[float, ...]
    slope: Slope | None
    bound_slope: Slope | None
    trials: tuple[int, ...] = ()


@dataclass(frozen=True)
class RatePlot:
    """All heads for one claim on one problem; ``note``: what else the caption has to say."""

    claim: str
    problem: str
    metric: str
    traces: tuple[Trace, ...]
    title: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """File name without ending; a long one is cut, and ends with its digest."""
        exact = "-exact" if self.traces[0].engine == "exact" else ""
        name = slug(f"{self.claim}-{self.problem}{exact}")
        return name if len(name.encode()) <= _LONG else f"{name[:40]}-{fingerprint(name)}"

    @property
    def caption(self) -> str:
        """What is drawn, in one sentence."""
        exact = self.traces[0].engine == "exact"
        trials = _range(trials for trace in self.traces for trials in trace.trials)
        independent = f"{trials} independent trials".lstrip()
        how = "exact expectation over all sample paths" if exact else f"mean and confidence band over {independent}"
        grid = ", ".join(f"{T:,}" for T in sorted({T for trace in self.traces for T in trace.horizons}))
        bounds = "dashed: the bounds" if any(trace.bound for trace in self.traces) else "no bound applies"
        return f"{self.claim} on {self.problem}. {self.metric} at T = {grid}: {how}; {bounds}. {self.note}".rstrip()


def _range(numbers: Iterable[int]) -> str:
    """The smallest and the largest, or the only one; nothing of nothing."""
    return " to ".join(f"{number:,}" for number in sorted({min(found), max(found)})) if (found := [*numbers]) else ""


def slug(name: str) -> str:
    """A name as part of a file's name, or of an address."""
    return re.sub(r"[^\w.-]+", "-", name)


def rate_plots(study: Study, runs: Sequence[Run], verdicts: Sequence[Verdict]) -> list[RatePlot]:
    """The figures of a study."""
    return group([cell.rate for cell in study.cells], runs, verdicts)


def group(rates: Sequence[Rate], runs: Sequence[Run], verdicts: Sequence[Verdict]) -> list[RatePlot]:
    """Group runs, each with its claim, and their rows in order into figures, dense head first in each."""
    rows: dict[tuple[str, str, str], list[Trace]] = {}
    remaining = iter(verdicts)
    for rate, run in zip(rates, runs, strict=True):
        judged = [next(remaining) for _ in run.horizons]
        rows.setdefault((rate.id, run.problem, run.engine), []).append(_trace(run, judged))
    known = {rate.id: rate for rate in rates}
    return [
        RatePlot(claim, problem, known[claim].metric.title, tuple(sorted(traces, key=_place)), known[claim].title)
        for (claim, problem, _), traces in rows.items()
    ]


def _trace(run: Run, rows: Sequence[Verdict]) -> Trace:
    horizons = tuple(row.horizon for row in rows)
    void = any(row.status == "void" or row.bound is None for row in rows)
    bound = () if void else tuple(row.bound or math.nan for row in rows)
    return Trace(
        method=run.method,
        status=" / ".join(dict.fromkeys(row.status for row in rows)),
        engine=run.engine,
        horizons=horizons,
        measured=tuple(row.measured for row in rows),
        lower=tuple(row.lower for row in rows),
        upper=tuple(row.upper for row in rows),
        bound=bound,
        slope=fit(horizons, [np.asarray(h.values) for h in run.horizons], run.seed),
        bound_slope=fit(horizons, [np.asarray([b]) for b in bound], 0) if bound else None,
        trials=tuple(row.trials for row in rows),
    )


def _kind(method: str) -> str:
    return method.split()[0]


def _place(trace: Trace) -> int:
    return _ORDER.index(_kind(trace.method)) if _kind(trace.method) in LOOK else len(_ORDER)


def draw(plot: RatePlot) -> Figure:
    """The figure, without touching global state."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for i, trace in enumerate(plot.traces):
            colour, marker = LOOK.get(_kind(trace.method), _OTHERS[i % len(_OTHERS)])
            slope = f"slope {trace.slope}" if trace.slope else "no slope: not positive"
            label = f"{trace.method}: {trace.status}, {slope}"
            axes.plot(trace.horizons, _positive(trace.measured), color=colour, marker=marker, ms=4, lw=1.4, label=label)
            if trace.engine != "exact":
                band = _positive(trace.lower, floor=min(_positive(trace.measured), default=1.0) / 10)
                axes.fill_between(trace.horizons, band, _positive(trace.upper), color=colour, alpha=0.15, lw=0)
            if trace.bound:
                axes.plot(
                    trace.horizons, _positive(trace.bound), color=colour, ls=(0, (5, 2)), lw=1, marker=marker, ms=2.5
                )
        drawn = any(value > 0 for trace in plot.traces for value in _positive((*trace.measured, *trace.bound)))
        axes.set(
            xscale="log",
            yscale="log" if drawn else "linear",
            xlabel="horizon T (gradient evaluations)",
            ylabel=plot.metric,
        )
        ticks = sorted({horizon for trace in plot.traces for horizon in trace.horizons})
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        apart = " " if len(plot.title + plot.problem) < _WIDE else "\n"
        title = f"{plot.claim}  {plot.title}:{apart}{plot.problem}".replace("$", r"\$")
        axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
        axes.plot([], [], color="#777777", ls=(0, (5, 2)), lw=1, label=_bound_label(plot))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", fontsize=8, ncols=1)
    return figure


def _bound_label(plot: RatePlot) -> str:
    slopes = {f"{trace.bound_slope.value:.2f}" for trace in plot.traces if trace.bound_slope}
    return f"bound (dashed, in the head's colour), slope {' / '.join(sorted(slopes))}" if slopes else "no bound applies"


def _positive(values: Iterable[float], floor: float = math.nan) -> list[float]:
    """Values for a logarithmic axis: what is not positive becomes ``floor`` (a gap, unless one is given)."""
    return [value if 1 / _DRAWABLE < value < _DRAWABLE else floor for value in values]


def save(plot: RatePlot, folder: Path) -> tuple[Path, Path]:
    """Write the figure as SVG and PNG; returns both paths."""
    return write(draw(plot), folder, plot.name)


def write(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write a figure as SVG and PNG, the same bytes every time; returns both paths."""
    paths = folder / f"{name}.svg", folder / f"{name}.png"
    write_whole(paths[0], svg(figure))
    write_whole(paths[1], _rendered(figure, format="png", dpi=150))
    return paths


def svg(figure: Figure) -> bytes:
    """The SVG that :func:`write` writes."""
    return _rendered(figure, format="svg", metadata={"Date": None})


def _rendered(figure: Figure, **how: Any) -> bytes:
    content = BytesIO()
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # a name of one's own may have letters that the font has not; a box stands for them
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        # laid out once for all files
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        figure.savefig(content, **how)
    return content.getvalue()
