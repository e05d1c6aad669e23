"""What the page shows beside the runs of its own study: studies and comparisons that are published with the code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

from reports import published
from reports.bench import result
from reports.cnn import detectors, nec, parity, rate_result, routing
from reports.falsify import searched
from reports.verdict import STATUSES, Verdict


class Judged(NamedTuple):
    """A verdict of a study that is no row of the table of verdicts.

    Attributes:
        anchor: the id of its section.
        study: on what.
        claim: what was judged, of which ``head``.
        status, reason: as in :class:`reports.verdict.Verdict`.
    """

    anchor: str

    study: str
    claim: str
    head: str
    status: str
    reason: str


@dataclass(frozen=True)
class Shown:
    """All that is published, by kind, in the order of the page."""

    parities: list[parity.Parity]
    routings: list[routing.RoutingStudy]
    necs: list[nec.Nec]
    detectors: list[detectors.Detectors]
    rates: list[rate_result.RateResult]
    speeds: list[result.Result]
    searches: list[searched.Searched]

    @classmethod
    def published(cls) -> Self:
        """Everything in ``reports/results``."""
        return cls(
            parities=published.kept(parity.PUBLISHED, parity.Parity.load),
            routings=published.kept(routing.PUBLISHED, routing.RoutingStudy.load),
            necs=published.kept(nec.PUBLISHED, nec.Nec.load),
            detectors=published.kept(detectors.PUBLISHED, detectors.Detectors.load),
            rates=published.kept(rate_result.PUBLISHED, rate_result.RateResult.load),
            speeds=published.kept(result.PUBLISHED, result.Result.load),
            searches=published.kept(searched.PUBLISHED, searched.Searched.load),
        )

    @property
    def verdicts(self) -> list[Verdict]:
        """Rows of real CNNs that are held against a rate, a posteriori."""
        return [verdict for study in self.rates for verdict in study.verdicts]

    @cached_property
    def judged(self) -> list[Judged]:
        """Every other verdict of a study; rows that are told, not judged, are left out."""
        accurate, more = "no loss of accuracy", "more unique detectors than dense"
        rows = [
            *(Judged("parity", s.name, accurate, r.head, r.status, r.reason) for s in self.parities for r in s.rows()),
            *(Judged("routing", s.name, r.claim, r.head, r.status, r.reason) for s in self.routings for r in s.rows()),
            *(Judged("detectors", s.name, more, r.head, r.status, r.reason) for s in self.detectors for r in s.rows()),
        ]
        return [row for row in rows if row.status in STATUSES]

    @property
    def counts(self) -> Counter[str]:
        """How many verdicts of each status there are, in all studies."""
        return Counter(row.status for row in self.verdicts) + Counter(row.status for row in self.judged)
