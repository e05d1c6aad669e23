"""What AAT does not achieve, and what is not shown or not measured here: computed from the rows, said plainly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from reports.ledger import LedgerRow
from reports.shown import Judged, Shown
from reports.tightness import Tightness
from reports.verdict import Verdict


class Shortfall(NamedTuple):
    """One entry of the list: a status or ``not measured``, what about, and where the page says more (an id)."""

    kind: str
    about: str
    anchor: str


def shortfalls(
    ledger: Sequence[LedgerRow], verdicts: Sequence[Verdict], shown: Shown, tightness: Sequence[Tightness]
) -> list[Shortfall]:
    """All of them, the worst first; ``verdicts`` are the rows of the page's table."""
    rows = sorted(_unmet(verdicts, shown), key=lambda entry: ("violated", "undecided", "void").index(entry.kind))
    refuted = [Shortfall(row.status, f"{row.id}: {row.title}", "ledger") for row in ledger if _failed(row)]
    silent = [Shortfall("not measured", about, anchor) for about, anchor in _unmeasured(shown, tightness)]
    return [*refuted, *rows, *silent]


def _failed(row: LedgerRow) -> bool:
    return row.status not in ("proved", "cited")


def _unmet(verdicts: Sequence[Verdict], shown: Shown) -> Iterator[Shortfall]:
    wanting = [row for row in verdicts if row.status != "holds"]
    for (status, claim), group in groupby(sorted(wanting, key=_by_claim), _by_claim):
        rows = list(group)
        problems = ", ".join(dict.fromkeys(row.problem for row in rows))
        yield Shortfall(status, f"{claim} on {problems}: {_rows(len(rows))}", "verdicts")
    for row in shown.judged:
        if row.status != "holds":
            yield Shortfall(row.status, _told(row), row.anchor)


def _by_claim(row: Verdict) -> tuple[str, str]:
    return row.status, row.claim


def _told(row: Judged) -> str:
    return f"{row.claim}: {row.head} on {row.study}" + (f" ({row.reason})" if row.reason else "")


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _unmeasured(shown: Shown, tightness: Sequence[Tightness]) -> Iterator[tuple[str, str]]:
    if not any(study.gpu for study in shown.parities):
        yield "accuracy of CNNs trained on a GPU (CUDA)", "parity" if shown.parities else "overview"
    if not any(row.backend == "triton" for speed in shown.speeds for row in speed.rows):
        yield "the speed of the triton backend, which needs CUDA", "speed" if shown.speeds else "overview"
    if shown.detectors and all("synthetic" in study.recipe.data for study in shown.detectors):
        yield "unique detectors on photographs of scenes, as in the paper: here the scenes are synthetic", "detectors"
    if silent := [each.claim for each in tightness if not each.rows]:
        yield f"rates without a row in this study: {', '.join(silent)}", "tightness"
    if unsearched := [each.claim for each in tightness if each.found is None]:
        yield f"worst instances, by search, of {', '.join(unsearched)}", "tightness"
