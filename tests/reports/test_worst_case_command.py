"""`aat worst-case`: the table, its rows as JSON, the proof that is found, and what is said when it cannot be done."""

import json
import sys
from pathlib import Path

import pytest

from reports.cli import main

pytest.importorskip("PEPit")


def test_rows_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = tmp_path / "worst.json"
    assert main(["worst-case", "R1", "R3", "--horizon", "2", "--horizon", "1", "--json", str(told)]) == 0
    rows = json.loads(told.read_text())
    assert [(row["claim"], row["horizon"], row["samples"]) for row in rows] == [
        ("R1", 1, 1), ("R1", 2, 1), ("R3", 1, 1), ("R3", 2, 1),
    ]  # fmt: skip
    assert all(row["ratio"] == pytest.approx(1, abs=1e-6) for row in rows)
    assert capsys.readouterr().out.count("1.000000") == 4


def test_a_proof_that_is_found_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worst-case", "R3", "R6", "--horizon", "2", "--proof"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for text in ("F(w_1) − F(u) ≤ D²/(4·η) + G²·η/2", "1/2 convexity at w1 against w0", "proved, residual 0"):
        assert text in said
    assert "no proof is searched for R6" in said


@pytest.mark.parametrize(("arguments", "said"), [(["O1"], "no worst case is posed for O1"), (["R99"], "unknown claim")])
def test_a_claim_without_worst_case_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["worst-case", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_without_the_extra_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "PEPit", None)
    assert main(["worst-case", "R1"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install 'aat-sgd[pep]'" in said
