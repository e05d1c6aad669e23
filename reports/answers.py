"""What was found, as the table of the README: every number is one of the results that are kept (``reports/results``).

``python -m reports.answers`` prints it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reports import published
from reports.cnn import detectors, nec, parity, rate_result, routing
from theory import Rate, claims
from theory.claim import Refuted


def markdown() -> str:
    """The table: question, what was found, verdict."""
    lines = ["| question | found | verdict |", "|---|---|---|"]
    parts = (_proofs, _rates, _parity, _routing, _few_units, _detectors)
    return "\n".join(lines + [f"| {' | '.join(row)} |" for part in parts for row in part()])


def _proofs() -> Iterator[tuple[str, str, str]]:
    false = [claim.id for claim in claims.values() if isinstance(claim, Refuted)]
    rates = sum(isinstance(claim, Rate) for claim in claims.values())
    told = f"{len(claims)} claims, {rates} of them rates; all proved but {', '.join(false)}, which is refuted"
    yield "Are the rates true?", told, "proved"


def _rates() -> Iterator[tuple[str, str, str]]:
    for found in published.kept(rate_result.PUBLISHED, rate_result.RateResult.load):
        counts = Counter(verdict.status for verdict in found.verdicts)
        which = ", ".join(dict.fromkeys(verdict.claim for verdict in found.verdicts))
        told = f"{which} with constants measured along the training, {found.data}, {found.plan.seeds} seeds"
        yield "Does a real CNN train at them?", told, ", ".join(f"{count} {status}" for status, count in counts.items())


def _parity() -> Iterator[tuple[str, str, str]]:
    for found in published.kept(parity.PUBLISHED, parity.Parity.load):
        for row in found.rows():
            if row.difference is None:
                continue
            least = "" if row.lower is None else f", at least {_points(row.lower)} (level {row.level:.2g})"
            frozen = f", frozen {found.recipe.backbone}" if found.recipe.backbone else f", {row.arch}"
            told = f"{row.data}{frozen}, {row.head}, seeds: {row.seeds}: {_points(row.difference)}{least}"
            yield f"As accurate as dense, within {100 * row.margin:g} point?", told, row.status


def _routing() -> Iterator[tuple[str, str, str]]:
    for found in published.kept(routing.PUBLISHED, routing.RoutingStudy.load):
        for head in found.heads[:-1]:
            few, dense = found.row(head, "units"), found.row("dense", "units")
            told = f"{few.value:.1f} units carry 90 % of an image's evidence; dense {dense.value:.1f}"
            yield "Is an image driven by few units?", f"{few.data}, {head}: {told}", few.status
            chosen = found.row(head, "pooled_class")
            told = f"those of a class are {chosen.value:.2f} times those of one of its images"
            yield f"Are they chosen by image ({found.times:g} times)?", f"{few.data}, {head}: {told}", chosen.status


def _few_units() -> Iterator[tuple[str, str, str]]:
    for found in published.kept(nec.PUBLISHED, nec.Nec.load):
        best = [f"{each.method} {100 * each.anec_avg.value:.1f} %" for each in found.summaries() if each.anec_avg]
        told = f"{found.recipe.data}, ANEC-avg: {'; '.join(best)}"
        yield "Is it the most accurate with few units?", told, found.status


def _detectors() -> Iterator[tuple[str, str, str]]:
    for found in published.kept(detectors.PUBLISHED, detectors.Detectors.load):
        rows = [row for row in found.rows() if (row.measure, row.category) == ("unique detectors", "all")]
        told = ", ".join(f"{row.head}: {row.value:.1f}" for row in rows)
        yield "Does it see more concepts?", f"{found.name}: unique detectors of {told}", rows[0].status


def _points(share: float) -> str:
    return f"{100 * share:+.2f} points".replace("-", "−")


if __name__ == "__main__":
    print(markdown())
