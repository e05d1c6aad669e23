"""``aat claims``, ``show``, ``prove``, ``worst-case`` and ``book``: the theory alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import click
from rich.table import Table

from aat import InputError
from reports import book, ledger
from reports.cli.common import Place, coloured, console, ids_argument, json_option, progress, workers_option, write_json
from theory import Claim, Rate, claims
from theory.claim import Refuted
from theory.discover import NotFound, discover
from theory.plain import fact, plain, sentence
from theory.steps import Certificate
from theory.symbols import GLOSSARY
from theory.terms import square
from theory.worst_case import SETTINGS, worst_case


@click.command("claims")
@click.option("--markdown", is_flag=True, help="As the tables of the documentation.")
def list_claims(markdown: bool) -> None:
    """List the ledger: every claim, and whether its proof holds; `aat prove` damages the proofs too."""
    rows = list(ledger.prove(with_mutants=False))
    if markdown:
        print(ledger.markdown(rows))
        return
    table = Table("id", "claim", "status", "source", box=None)
    for row in rows:
        table.add_row(row.id, row.title, coloured(row.status), claims[row.id].source)
    console.print(table)


@click.command()
@click.argument("id")
def show(id: str) -> None:
    """Show one claim: statement, assumptions, symbols, and its proof with residuals."""
    claim = claims[id]
    (row,) = ledger.prove([id])

    def say(*lines: str) -> None:
        console.print(*lines, sep="\n", highlight=False, markup=False)

    console.print(f"[bold]{claim.id}[/bold]  {claim.title}", highlight=False)
    sense = "   (in expectation)" if claim.statement.expected else ""
    say("", sentence(claim.setting), "", f"    {fact(claim.statement)}{sense}")
    if isinstance(claim, Refuted):
        values = ", ".join(f"{plain(name)} = {plain(value)}" for name, value in claim.counterexample.items())
        say("", f"Fails at {values}")
    if isinstance(claim, Rate):
        say("", f"tuned step η = {plain(claim.tuning.eta)} gives {plain(claim.tuning.rate)}")
        for name in sorted(claim.bound.free_symbols, key=str):
            meaning = GLOSSARY[str(name)]
            say(f"    {plain(name)}: {meaning.meaning}; {meaning.domain}")
    if claim.assumptions:
        say("", "Assumptions", *(f"    {each.id}: {sentence(each.statement)}" for each in claim.assumptions))
    if claim.proof:
        table = Table("step", "rule", "fact", "holds", "residual", box=None)
        for report, step in zip(claim.prove().reports, row.steps, strict=True):
            said = "" if report.fact is None else fact(report.fact)
            table.add_row(step.label, step.rule, said, step.sense, step.residual)
        say("", "Proof")
        console.print(table)
    mutants = f"{row.mutants_refused} of {row.mutants_total} mutants refused"
    console.print(
        f"\n{row.status}, residual {row.residual}; {mutants}; z3: {row.z3}. Source: {claim.source}.", highlight=False
    )
    for word, taken in (("Needs", row.needs), ("Rests on", row.rests_on)):
        if taken:
            console.print(f"{word} {', '.join(taken)}.", highlight=False, markup=False)
    if row.status == "refused":
        raise SystemExit(1)


@click.command()
@ids_argument
@workers_option
@json_option
def prove(ids: tuple[str, ...], workers: int, json_file: Path | None) -> None:
    """Check proofs in exact arithmetic and by z3, and that every damaged copy of them is refused."""
    rows = proved(ids or None, workers)
    if json_file:
        write_json(json_file, (asdict(row) for row in rows))
    if any(row.status == "refused" for row in rows):
        raise SystemExit(1)


@click.command("worst-case")
@ids_argument
@click.option("--horizon", type=click.IntRange(min=1), multiple=True, default=(1, 2, 4, 8), show_default=True,
              help="T; repeat it for several.")  # fmt: skip
@click.option("--samples", type=click.IntRange(min=1), default=1, show_default=True,
              help="N, equally likely gradients at each iterate; 1 is the method without noise.")  # fmt: skip
@click.option("--proof", is_flag=True, help="Also turn the dual of R1, R3, or R6 at T = 1, into an exact proof.")
@json_option
def worst_cases(
    ids: tuple[str, ...], horizon: tuple[int, ...], samples: int, proof: bool, json_file: Path | None
) -> None:
    """Compare the bounds of rates with the exact worst case, a semidefinite program (extra `pep`)."""
    wanted = ids or tuple(id for id in claims if id in SETTINGS)
    for id in wanted:
        if claims[id].id not in SETTINGS:
            raise InputError(f"no worst case is posed for {id}; expected one of {', '.join(SETTINGS)}")
    rates = [claim for claim in map(claims.__getitem__, wanted) if isinstance(claim, Rate)]
    with progress() as bar:
        task = bar.add_task("solving", total=len(rates) * len(horizon))
        rows = []
        for claim in rates:
            for steps in sorted(set(horizon)):
                rows.append(worst_case(claim, steps, samples))
                bar.advance(task)
    table = Table("claim", "T", "N", "bound", "worst case", "bound / worst case", box=None)
    for row in rows:
        numbers = (f"{row.bound:.6g}", f"{row.worst_case:.6g}", f"{row.ratio:.6f}")
        table.add_row(row.claim, str(row.horizon), str(row.samples), *numbers)
    console.print(table)
    if json_file:
        write_json(json_file, map(asdict, rows))
    if proof:
        for claim in rates:
            for steps in sorted(set(horizon)):
                _print_found(claim, steps)


def _print_found(claim: Rate, horizon: int) -> None:
    """The proof that the dual of the worst case turns into."""
    try:
        found = discover(claim, horizon)
    except NotFound as reason:
        console.print(f"\n{reason}", highlight=False, markup=False)
        return
    console.print(f"\n[bold]{found.id}[/bold]  {fact(found.statement)}", highlight=False)
    table = Table("multiplier", "of", box=None)
    last = found.proof[-1]
    assert isinstance(last, Certificate)
    for label, multiplier in last.using.items():
        table.add_row(plain(multiplier), label)
    for coefficient, root in last.squares:
        table.add_row(plain(coefficient), plain(square(root)))
    console.print(table)
    console.print(f"proved, residual {found.prove().residual}; {found.source}", highlight=False)


@click.command("book")
@click.option("--out", type=Place(folder=True), default=Path("out/book"), show_default=True,
              help="Folder for the book.")  # fmt: skip
@workers_option
def write_book(out: Path, workers: int) -> None:
    """Check every proof and write the proof book: symbols, assumptions, claims and proofs on one page."""
    rows = proved(None, workers)
    console.print(f"book: {book.write_book(rows, out).resolve()}", highlight=False, soft_wrap=True)
    if any(row.status == "refused" for row in rows):
        raise SystemExit(1)


def proved(ids: Sequence[str] | None, workers: int, stated: Sequence[Claim] = ()) -> list[ledger.LedgerRow]:
    """Check the proofs of ``ids`` (all if None) and of ``stated`` claims with a progress bar, then print the rows."""
    rows = []
    with progress() as bar:
        task = bar.add_task("checking proofs", total=(len(claims) if ids is None else len(ids)) + len(stated))
        proofs = [] if ids == [] else ledger.prove(ids or [], workers)
        for row in chain(proofs, ledger.rows_of(stated)):
            rows.append(row)
            bar.advance(task)
    table = Table("id", "claim", "status", "residual", "mutants refused", "z3", box=None)
    for row in rows:
        mutants = f"{row.mutants_refused}/{row.mutants_total}"
        table.add_row(row.id, row.title, coloured(row.status), row.residual, mutants, row.z3)
    console.print(table)
    for row in rows:
        if row.reason:
            console.print(f"{row.id}: {row.reason}", highlight=False, markup=False)
    return rows
