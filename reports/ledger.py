"""The ledger as plain rows: computed once, saved beside the runs, shown in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import joblib

from aat import InputError, saved
from theory import Claim, Rate, claims, ledger
from theory.ledger import needs, rests_on
from theory.plain import plain
from theory.proof import StepReport
from theory.symbols import latex

LEDGER_FILE = "ledger.json"


@dataclass(frozen=True)
class ProofStep:
    """One step of a proof, for reading: its rule, what it says (LaTeX), in what sense, and its residual."""

    label: str
    rule: str
    latex: str
    sense: str
    residual: str


@dataclass(frozen=True)
class LedgerRow:
    """One claim and what came of its proof; also the schema of ``aat prove --json``.

    Attributes:
        id, title: of the claim.
        status: ``proved``, ``conditional``, ``refuted`` or ``refused``, see :attr:`theory.ledger.Row.status`.
        residual: the first non-zero residual, ``"0"`` in a proof.
        axioms: the assumptions that the proof used.
        mutants_total, mutants_refused: damaged copies of the proof, and those that the checker turned down.
        needs: ids of the claims that the proof takes over.
        rests_on: published results, not proved here, that make a proof conditional.
        z3: whether z3 agrees with every step, and if not, on how many.
        reason: why a proof is refused.
        steps: of the proof.
    """

    id: str
    title: str
    status: str
    residual: str
    axioms: tuple[str, ...]
    mutants_total: int
    mutants_refused: int
    needs: tuple[str, ...]
    rests_on: tuple[str, ...]
    z3: str
    reason: str
    steps: tuple[ProofStep, ...]


def prove(ids: Sequence[str] = (), workers: int = 1, with_mutants: bool = True) -> Iterator[LedgerRow]:
    """Check the proofs of ``ids`` (all of the ledger if empty), in the order asked for.

    Raises:
        UnknownClaim: an id that the ledger does not have.
    """
    wanted = list(dict.fromkeys(claims[id].id for id in ids)) or list(claims)
    processes = min(workers, len(wanted))
    yield from joblib.Parallel(n_jobs=processes, return_as="generator")(
        joblib.delayed(_row_of)(id, with_mutants) for id in wanted
    )


def rows_of(own: Iterable[Claim]) -> list[LedgerRow]:
    """The rows of claims that are not in the ledger."""
    return [_row(claim, with_mutants=True) for claim in own]


def save(rows: Sequence[LedgerRow], folder: Path) -> None:
    """Write the rows, whole or not at all."""
    saved.save(folder / LEDGER_FILE, {"rows": [asdict(row) for row in rows]})


def load(folder: Path, known: Container[str] = claims) -> list[LedgerRow]:
    """The saved rows of a folder, about ``known`` claims; InputError if it has none."""
    try:
        return [_read(known=known, **row) for row in saved.load(folder / LEDGER_FILE)["rows"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{folder} holds no ledger ({error}); expected the --out of an aat verify") from None


def _read(
    id: str,
    mutants_total: int,
    mutants_refused: int,
    axioms: list[str],
    needs: list[str],
    rests_on: list[str],
    steps: list[dict[str, str]],
    known: Container[str],
    **texts: str,
) -> LedgerRow:
    """A row from JSON; ValueError or TypeError unless every part is what it should be."""
    if id not in known:
        raise ValueError(f"unknown claim {id!r}")
    if not isinstance(mutants_total, int) or not isinstance(mutants_refused, int):
        raise ValueError("numbers of mutants that are no numbers")
    proof = tuple(ProofStep(**step) for step in steps)
    return LedgerRow(
        id=id,
        mutants_total=mutants_total,
        mutants_refused=mutants_refused,
        axioms=tuple(axioms),
        needs=tuple(needs),
        rests_on=tuple(rests_on),
        steps=proof,
        **texts,
    )


def markdown(rows: Sequence[LedgerRow]) -> str:
    """The tables of the documentation: the rates with their bounds, then every other claim."""
    tables = [["| id | rate | bound | tuned | status |", "|---|---|---|---|---|"]]
    tables.append(["| id | claim | status |", "|---|---|---|"])
    for row in rows:
        claim = claims[row.id]
        if isinstance(claim, Rate):
            bound, tuned = plain(claim.bound), plain(claim.tuning.rate)
            tables[0].append(f"| {row.id} | {row.title} | {bound} | {tuned} | {row.status} |")
        else:
            tables[1].append(f"| {row.id} | {row.title} | {row.status} |")
    return "\n\n".join("\n".join(lines) for lines in tables)


def _row_of(id: str, with_mutants: bool) -> LedgerRow:
    return _row(claims[id], with_mutants)


def _row(claim: Claim, with_mutants: bool) -> LedgerRow:
    (row,) = ledger([claim], with_mutants)
    faults = [row.checked.refused] if row.checked.refused else []
    faults += [f"surviving mutants: {', '.join(row.survivors)}"] if row.survivors else []
    faults += [f"z3 on {o.step}, {o.question}: not where {o.model}" for o in row.opinion.disagreements]
    return LedgerRow(
        id=claim.id,
        title=row.claim.title,
        status=row.status,
        residual=row.residual,
        axioms=row.checked.axioms,
        mutants_total=row.mutants_total,
        mutants_refused=row.mutants_refused,
        needs=needs(row.claim),
        rests_on=rests_on(row.claim),
        z3=str(row.opinion),
        reason="; ".join(faults),
        steps=tuple(_step(report) for report in row.checked.reports),
    )


def _step(report: StepReport) -> ProofStep:
    fact = report.fact
    said = "" if fact is None else f"{latex(fact.lhs)} {'=' if fact.equal else chr(92) + 'le'} {latex(fact.rhs)}"
    sense = "" if fact is None else ("in expectation" if fact.expected else "surely")
    return ProofStep(report.step.label, type(report.step).__name__, said, sense, str(report.residual))
