"""How close each rate comes to its bound: the tightest row of the runs, and the worst instance of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.falsify import Found
from reports.falsify.searched import Searched
from reports.verdict import Verdict
from theory import Rate


@dataclass(frozen=True)
class Tightness:
    """One rate.

    Attributes:
        claim: id.
        rows: how many the study has.
        run: the one with the largest measured/bound on which the claim says something; None: there is none.
        found: the worst instance of all searches; None: not searched.
        search: the search that found it.
    """

    claim: str
    rows: int
    run: Verdict | None
    found: Found | None
    search: Searched | None


def tightest(rates: Sequence[Rate], verdicts: Sequence[Verdict], searches: Sequence[Searched]) -> list[Tightness]:
    """One entry for every rate, in their order."""
    return [_of(rate.id, verdicts, searches) for rate in rates]


def _of(claim: str, verdicts: Sequence[Verdict], searches: Sequence[Searched]) -> Tightness:
    rows = [row for row in verdicts if row.claim == claim]
    runs = [row for row in rows if row.status != "void" and row.tightness is not None]
    found = [(row, search) for search in searches for row in search.rows if row.claim == claim]
    worst, search = max(found, key=lambda each: each[0].tightness, default=(None, None))
    return Tightness(claim, len(rows), max(runs, key=lambda row: row.tightness or 0.0, default=None), worst, search)
