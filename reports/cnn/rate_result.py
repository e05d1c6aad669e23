"""What a study of rates has found: a small file, from which runs, verdicts, figures and the page's section are made.

The constants in it were measured along the very runs that are judged. So a row is a posteriori: it says whether
measured curve and measured constants are consistent with the claim, and does not predict anything. L is the largest
curvature, or secant of ∇F, that was met at the records: a Lipschitz constant of the path, seen from below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from reports import plots, published
from reports.cnn.rate_plan import Plan, Series
from reports.plots import RatePlot
from reports.slope import Slope
from reports.verdict import Verdict, judge
from sim import Horizon, Run
from theory import Rate, claims

FILE = "rate.json"
# Those that the page shows.
PUBLISHED = "cnn_rate*.json"
_NOTE = "A posteriori: the constants of the bounds were measured along the same runs."
_UNCLAIMED = "The step is not constant, or too large for the L that was measured."
_SCHEDULED = "not met: the step is divided by 10 after 1/2, 3/4 and 7/8 of all steps; the claim is about a constant one"


@dataclass(frozen=True)
class Curve:
    """A quantity along the path, over the seeds: ``step`` is the mean of the steps drawn for a record."""

    step: tuple[float, ...]
    mean: tuple[float, ...]
    most: tuple[float, ...]


@dataclass(frozen=True)
class Measured:
    """Of one series, before step T.

    Attributes:
        T: the horizon.
        values: for each seed the mean of ‖∇F‖² over its records.
        L, sigma, G: the largest measured on any seed: curvature or secant, √noise, and √E‖g‖² of a minibatch.
    """

    T: int
    values: tuple[float, ...]
    L: float
    sigma: float
    G: float


@dataclass(frozen=True)
class Found:
    """Of one series: ``start`` is the largest F(w_0) of a seed; as a cross-entropy is at least 0, it is a Δ."""

    series: Series
    start: float
    measured: tuple[Measured, ...]
    curves: dict[str, Curve]


class Exponent(NamedTuple):
    """One line of the table of exponents."""

    claim: str
    method: str
    eta: float
    slope: Slope | None
    bound_slope: Slope | None
    status: str


@dataclass(frozen=True)
class RateResult:
    """A finished study.

    Attributes:
        plan: what was asked for.
        data: the images in words; ``images``: how many were trained on.
        device: in words.
        versions: of what computed it.
        found: one entry for each series.
    """

    plan: Plan
    data: str
    images: int
    device: str
    versions: dict[str, str]
    found: tuple[Found, ...]

    def save(self, file: Path) -> None:
        """Write it, with the command that makes it again, whole or not at all."""
        head = {"command": self.plan.command, "device": self.device, "versions": self.versions, "data": self.data,
                "images": self.images, "plan": asdict(self.plan)}  # fmt: skip
        published.write(file, head, "found", self.found)

    @classmethod
    def load(cls, file: Path) -> RateResult:
        """Read it.

        Raises:
            InputError: it is no such file.
        """

        def make(told: dict[str, Any]) -> RateResult:
            found = tuple(_found(**each) for each in told["found"])
            return cls(Plan.of(told["plan"]), told["data"], told["images"], told["device"], told["versions"], found)

        return published.read(file, make, "aat study rate")

    @property
    def terms(self) -> int:
        """Batches of an epoch, the N of R12."""
        return self.images // self.plan.batch

    @property
    def problem(self) -> str:
        """In words; that the constants were measured is part of it."""
        name = {"small-gn": "small CNN", "linear": "linear"}.get(self.plan.arch, self.plan.arch)
        return f"{self.data}, {name}, constants measured"

    def run(self, found: Found) -> Run:
        """One series as a run, its constants those that were measured."""
        series, last = found.series, found.measured[-1]
        blocks, momentum = series.claim == "R12", series.claim == "R9"
        beta = self.plan.momentum
        known = {"L": last.L, "sigma": last.sigma, "G": last.G, "Delta": found.start, "N": float(self.terms)}
        known |= {"beta": beta} if momentum else {}
        wanted = {symbol.name for symbol in _rate(series).constants} | {"L", "Delta"}
        constants = {name: value for name, value in known.items() if name in wanted}
        sampling = f"reshuffling of {self.terms} fixed batches" if blocks else "with replacement"
        rule = f"heavy ball (β={beta:g})" if momentum else "SGD"
        head = f"dense {rule}" if series.k is None else f"hard AAT-{rule}, K={series.k}"
        scheduled = ", scheduled" if series.schedule != "constant" else ""
        return Run(
            problem=self.problem + scheduled,
            method=f"{head}, B={self.plan.batch}, {sampling}{scheduled}",
            metric=_rate(series).metric.id,
            engine="monte_carlo",
            samples=self.terms if blocks else self.images,
            seed=0,
            constants=constants,
            convex=False,
            horizons=tuple(_horizon(series, each, constants) for each in found.measured),
            sampling=f"B={self.plan.batch} {sampling}",
            versions=self.versions,
        )

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """One for each series."""
        return tuple(self.run(each) for each in self.found)

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """On all runs, those of one study at one family-wise level; a claim says nothing of a scheduled one."""
        return tuple(row for rows in self._judged for row in rows)

    @cached_property
    def _judged(self) -> tuple[list[Verdict], ...]:
        told = list(zip(self.found, self.runs, strict=True))
        claimed = [(_rate(each.series), run, self.plan.command) for each, run in told if _constant(each)]
        rows = iter(judge(claimed, self.plan.level))
        return tuple(
            [next(rows) for _ in run.horizons]
            if _constant(each)
            else [_void(row) for row in judge([(_rate(each.series), run, self.plan.command)], self.plan.level)]
            for each, run in told
        )

    @cached_property
    def figures(self) -> tuple[RatePlot, ...]:
        """One for each claim, and one for the scheduled runs, both heads in each."""
        rates = [_rate(each.series) for each in self.found]
        drawn = plots.group(rates, self.runs, self.verdicts)
        return tuple(replace(plot, note=_NOTE if any(t.bound for t in plot.traces) else _UNCLAIMED) for plot in drawn)

    @property
    def exponents(self) -> list[Exponent]:
        """The table: one line for each series."""
        eta = {(run.problem, run.method): run.horizons[0].eta for run in self.runs}
        return [
            Exponent(
                plot.claim, trace.method, eta[plot.problem, trace.method], trace.slope, trace.bound_slope, trace.status
            )
            for plot in self.figures
            for trace in plot.traces
        ]


def _rate(series: Series) -> Rate:
    rate = claims[series.claim]
    assert isinstance(rate, Rate)
    return rate


def _constant(found: Found) -> bool:
    return found.series.schedule == "constant"


def _horizon(series: Series, measured: Measured, constants: dict[str, float]) -> Horizon:
    known = {"L": measured.L, "sigma": measured.sigma, "G": measured.G}
    audit = {name: value for name, value in known.items() if name in constants}
    return Horizon(T=measured.T, eta=series.lr, values=measured.values, rounding=0.0, audit=audit, low=0.0)


def _void(row: Verdict) -> Verdict:
    """The row of a scheduled run, to which no claim here applies."""
    return replace(
        row, bound=None, tightness=None, power=None, status="void", reason=f"step {_SCHEDULED}",
        assumptions={**row.assumptions, "step": _SCHEDULED},
    )  # fmt: skip


def _found(series: dict[str, Any], start: float, measured: Sequence[dict[str, Any]], curves: dict[str, Any]) -> Found:
    """From JSON; TypeError or ValueError unless every part is what it should be."""
    if not measured:
        raise ValueError("no horizons")
    return Found(
        Series(**series),
        float(start),
        tuple(Measured(**{**each, "values": tuple(map(float, each["values"]))}) for each in measured),
        {name: Curve(**{key: tuple(entry) for key, entry in each.items()}) for name, each in curves.items()},
    )
