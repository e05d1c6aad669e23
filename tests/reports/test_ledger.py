"""Rows of the ledger: plain data of a checked proof, in the order that was asked for, saved and loaded."""

import importlib
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from aat import InputError
from aat.saved import sealed
from reports import ledger
from reports.ledger import LEDGER_FILE, LedgerRow
from theory import claims
from theory.ledger import UnknownClaim
from theory.mutants import Mutant, mutants

CHEAP = "G.logistic"


def test_a_row_says_what_the_checker_found() -> None:
    (row,) = ledger.prove([CHEAP])
    claim, made = claims[CHEAP], list(mutants(claims[CHEAP]))
    assert (row.id, row.title, row.status, row.residual, row.reason) == (CHEAP, claim.title, "proved", "0", "")
    assert row.mutants_total == row.mutants_refused == len(made) > 0
    assert set(row.axioms) <= {assumption.id for assumption in claim.assumptions}
    assert [step.label for step in row.steps] == [step.label for step in claim.proof]
    assert {step.residual for step in row.steps} == {"0"}


def test_without_names_the_whole_ledger_is_checked(rows: tuple[LedgerRow, ...]) -> None:
    assert [row.id for row in rows] == list(claims)
    assert {row.status for row in rows} == {"proved", "refuted"}


def test_an_unknown_claim_is_refused_before_anything_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_row", pytest.fail)
    with pytest.raises(UnknownClaim, match="R99"):
        list(ledger.prove([CHEAP, "R99"]))


def test_every_damaged_proof_is_refused_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("theory.ledger")
    monkeypatch.setattr(module, "mutants", lambda claim: ())
    for mutant in mutants(claims[CHEAP]):
        monkeypatch.setitem(claims._entries, CHEAP, mutant.claim)
        (row,) = ledger.prove([CHEAP])
        assert row.status == "refused"
        assert row.reason


def test_a_checker_that_lets_a_mutant_pass_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = Mutant("nothing at all", claims[CHEAP])
    monkeypatch.setattr(importlib.import_module("theory.ledger"), "mutants", lambda claim: (harmless,))
    (row,) = ledger.prove([CHEAP])
    assert (row.status, row.mutants_total, row.mutants_refused) == ("refused", 1, 0)
    assert "nothing at all" in row.reason


def test_rows_come_back_from_their_folder(rows: tuple[LedgerRow, ...], tmp_path: Path) -> None:
    ledger.save(rows, tmp_path)
    assert ledger.load(tmp_path) == list(rows)
    assert json.loads((tmp_path / LEDGER_FILE).read_text())["rows"][0]["id"] == rows[0].id


DAMAGED = {
    "missing": None,
    "cut": '[{"id": "R1", "ti',
    "a list": '[{"id": "R1"}]',
    "no rows": json.dumps(sealed({"id": "R1"})),
    "rows that are none": json.dumps(sealed({"rows": [1]})),
    "a row short of a field": json.dumps(sealed({"rows": [{"id": "R1"}]})),
    "an unknown claim": ("id", "R99"),
    "a word for a number": ("mutants_total", "many"),
    "a number for a list": ("axioms", 5),
    "steps that are none": ("steps", [1]),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_ledger_is_an_input_error(damage: str, rows: tuple[LedgerRow, ...], tmp_path: Path) -> None:
    written = DAMAGED[damage]
    if isinstance(written, tuple):
        field, value = written
        written = json.dumps(sealed({"rows": [{**asdict(rows[0]), field: value}]}))
    if written is not None:
        (tmp_path / LEDGER_FILE).write_text(written)
    with pytest.raises(InputError, match="ledger"):
        ledger.load(tmp_path)
