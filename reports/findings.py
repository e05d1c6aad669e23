"""What each published study found, in one sentence that is computed from its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import singledispatch

from reports.bench.head import DEFINITION, DIRECTIONS
from reports.bench.result import Result
from reports.cnn.detectors import ALL, UNIQUE, Detectors
from reports.cnn.nec import Nec
from reports.cnn.paired import DENSE
from reports.cnn.parity import Parity
from reports.cnn.rate_result import RateResult
from reports.cnn.routing import RoutingStudy
from reports.verdict import STATUSES


@singledispatch
def finding(study: object) -> str:
    """One sentence; TypeError for what is no study."""
    raise TypeError(f"{type(study).__name__} is no study")


@finding.register
def _(study: Parity) -> str:
    """Test accuracy less the dense head's, for each AAT head."""
    told = (
        f"{row.head}: {_points(row.difference)}{_between(row.lower, row.upper)}, {row.status}"
        for row in study.rows()
        if row.difference is not None
    )
    return f"{'; '.join(told)} (points of accuracy, less dense; margin {100 * study.margin:g})."


@finding.register
def _(study: RateResult) -> str:
    """How many rows there are of each status, and of which claims."""
    ids = ", ".join(dict.fromkeys(row.claim for row in study.verdicts))
    falling = sum(line.slope is not None and line.slope.upper < 0 for line in study.exponents if line.bound_slope)
    claimed = sum(line.bound_slope is not None for line in study.exponents)
    return (
        f"{ids}, a posteriori: {count_of(row.status for row in study.verdicts)}. In {falling} of {claimed} kinds of "
        f"runs with a bound ‖∇F‖² falls with T: the 95 % interval of its exponent is below 0."
    )


@finding.register
def _(study: RoutingStudy) -> str:
    """How each of the three claims fared, for each AAT head."""
    rows = [row for row in study.rows() if row.claim]
    units = {head: study.row(head, "units").value for head in study.heads}
    needs = ", ".join(f"{_number(value)} ({head})" for head, value in units.items())
    told = "; ".join(f"{row.head}, {row.claim}: {row.status}" for row in rows)
    return f"Units that carry 90 % of an image’s evidence: {needs}. {told}."


@finding.register
def _(study: Nec) -> str:
    """Who is ahead at few units."""
    return study.verdict()


@finding.register
def _(study: Detectors) -> str:
    """Unique detectors less the dense head's, for each AAT head."""
    rows = [row for row in study.rows() if (row.measure, row.category) == (UNIQUE, ALL)]
    (dense,) = (row.value for row in rows if row.head == DENSE)
    told = (
        f"{row.head} {_number(row.value)}, {_signed(row.difference)}"
        + ("" if row.lower is None or row.upper is None else f" [{_signed(row.lower)}, {_signed(row.upper)}]")
        + f", {row.status}"
        for row in rows
        if row.difference is not None
    )
    return f"Concepts with a detector, of {sum(study.concepts.values())}: dense {_number(dense)}; {'; '.join(told)}."


@finding.register
def _(study: Result) -> str:
    """The fastest backend's time over that of nn.Linear, over all cases; and that of the definition."""
    told = []
    for direction in DIRECTIONS:
        multiples = study.multiples(direction)
        cases = dict.fromkeys((case, features) for case, features, _ in multiples)
        best = [min(m for key, m in multiples.items() if key[:2] == c and key[2] != DEFINITION) for c in cases]
        defined = [multiples[*case, DEFINITION] for case in cases]
        told.append(f"{direction}: {_range(best)} (the definition: {_range(defined)})")
    return f"The fastest backend’s time over that of nn.Linear, {'; '.join(told)}."


def count_of(statuses: Iterable[str]) -> str:
    """How many there are of each, in words: ``3 holds, 1 void``."""
    counts = Counter(statuses)
    return ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status]) or "none"


def _points(share: float) -> str:
    return f"{100 * share:+.2f}".replace("-", "−")


def _between(lower: float | None, upper: float | None) -> str:
    return "" if lower is None or upper is None else f" [{_points(lower)}, {_points(upper)}]"


def _signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", "−")


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3g}"


def _range(values: list[float]) -> str:
    low, high = (f"{value:.3g}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
