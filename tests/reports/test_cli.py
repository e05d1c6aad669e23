"""The `aat` command: what it prints, what it writes, and the exit codes 0 and 1."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reports import ledger, page
from reports.cell import Cell
from reports.cli import main
from reports.gallery import FILE as GALLERY
from reports.ledger import LedgerRow
from reports.page import PAGE_FILE
from reports.verdict import Verdict
from theory import claims
from theory.mutants import mutants

TINY = ["--data", "tiny", "--k", "2", "--exact", "--horizon", "1", "--horizon", "2", "--workers", "1"]

Verify = Callable[..., tuple[int, list[dict]]]


@pytest.fixture
def proofs_given(rows: tuple[LedgerRow, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Proofs as they were checked before."""
    monkeypatch.setattr(ledger, "prove", lambda ids, workers: [row for row in rows if row.id in (ids or claims)])


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without figures, where it is not about figures."""
    monkeypatch.setattr(page, "draw_all", lambda *_: [])


@pytest.fixture
def verify(tmp_path: Path, proofs_given: None) -> Verify:
    """`aat verify` on tiny data into ``tmp_path/out``; returns its exit code and rows."""

    def run(*arguments: str) -> tuple[int, list[dict]]:
        told = tmp_path / "verdicts.json"
        code = main(["verify", *arguments, *TINY, "--out", str(tmp_path / "out"), "--json", str(told)])
        return code, json.loads(told.read_text(), parse_constant=pytest.fail)

    return run


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- claims, show, prove ---


def test_claims_lists_the_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line[1:2].strip()]
    assert listed == ["id", *claims]


def test_show_has_the_statement_the_assumptions_and_the_proof(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "R1"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    claim = claims["R1"]
    for text in (claim.title, claim.source, "D²/(2·T·η) + G²·η/2", "D/(G·√T)", "in expectation", "proved"):
        assert text in said
    for name in (*(assumption.id for assumption in claim.assumptions), *(step.label for step in claim.proof)):
        assert name in said
    assert "30 of 30 mutants refused" in said


def test_claims_in_markdown_are_the_tables_of_the_documentation(
    rows: tuple[LedgerRow, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ledger, "prove", lambda with_mutants: iter(rows))
    assert main(["claims", "--markdown"]) == 0
    assert capsys.readouterr().out == ledger.markdown(rows) + "\n"


def test_show_says_where_a_refuted_claim_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "O11"]) == 0
    assert "Fails at" in capsys.readouterr().out


def test_a_book_with_a_refused_proof_has_exit_code_1(
    rows: tuple[LedgerRow, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refused = [replace(row, status="refused") if row.id == "R1" else row for row in rows]
    monkeypatch.setattr(ledger, "prove", lambda *_, **__: iter(refused))
    assert main(["book", "--out", str(tmp_path), "--workers", "1"]) == 1


def test_prove_writes_a_row_for_each_claim(tmp_path: Path) -> None:
    told = tmp_path / "new" / "ledger.json"
    assert main(["prove", "O4", "G.logistic", "--workers", "1", "--json", str(told)]) == 0
    rows = json.loads(told.read_text())
    assert [row["id"] for row in rows] == ["O4", "G.logistic"]
    for row in rows:
        made = len(list(mutants(claims[row["id"]])))
        assert row["status"] == "proved"
        assert row["residual"] == "0"
        assert set(row["axioms"]) <= {assumption.id for assumption in claims[row["id"]].assumptions}
        assert row["mutants_total"] == row["mutants_refused"] == made


@pytest.mark.parametrize("command", ["show G.logistic", "prove G.logistic --workers 1"])
def test_a_damaged_proof_is_refused_with_exit_code_1(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = next(mutant for mutant in mutants(claims["G.logistic"]) if "sign flipped" in mutant.damage)
    monkeypatch.setitem(claims._entries, "G.logistic", damaged.claim)
    assert main(command.split()) == 1
    assert "refused" in capsys.readouterr().out


# --- verify ---


def test_verify_writes_study_ledger_runs_figures_page_and_rows(
    verify: Verify, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows = verify("R1", "R6", "--problem", "logistic", "--smoothing", "entropic", "--mu", "0.1")
    assert code == 0
    assert [(row["claim"], row["horizon"], row["status"]) for row in rows] == [
        ("R1", 1, "void"),
        ("R1", 2, "void"),
        ("R6", 1, "holds"),
        ("R6", 2, "holds"),
    ]
    assert all(set(row) == set(Verdict.__dataclass_fields__) for row in rows)
    written = sorted(files(tmp_path / "out"))
    assert [name for name in written if not name.startswith("runs")] == [
        "figures/R1-logistic-tiny-exact.png",
        "figures/R1-logistic-tiny-exact.svg",
        "figures/R6-logistic-tiny-exact.png",
        "figures/R6-logistic-tiny-exact.svg",
        PAGE_FILE,
        "ledger.json",
        "study.json",
    ]
    assert len([name for name in written if name.startswith("runs")]) == 2
    out, err = capsys.readouterr()
    assert "2 holds, 0 violated, 2 void, 0 undecided" in out
    assert "2 rows void: convex not met: the problem is not convex" in out
    assert str(tmp_path / "out" / PAGE_FILE) in out
    assert err == ""


@pytest.mark.usefixtures("undrawn")
def test_a_step_outside_the_condition_of_a_claim_is_void(verify: Verify) -> None:
    code, rows = verify("R6", "--problem", "logistic", "--smoothing", "entropic", "--mu", "0.1", "--step", "100")
    assert code == 0
    assert {row["status"] for row in rows} == {"void"}
    assert all(row["assumptions"]["step"].startswith("not met") for row in rows)


@pytest.mark.usefixtures("undrawn")
def test_a_violated_claim_has_exit_code_1(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(claims._entries, "R1", replace(claims["R1"], bound=claims["R1"].bound / 100))
    code, rows = verify("R1", "--problem", "monotone")
    assert code == 1
    assert Counter(row["status"] for row in rows) == {"violated": 2}


@pytest.mark.usefixtures("undrawn")
def test_a_refused_proof_has_exit_code_1_although_the_run_holds(
    verify: Verify, rows: tuple[LedgerRow, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = replace(rows[0], status="refused", reason="a step is missing")
    monkeypatch.setattr(ledger, "prove", lambda ids, workers: [refused])
    code, judged = verify("R1", "--problem", "monotone")
    assert code == 1
    assert {row["status"] for row in judged} == {"holds"}


@pytest.mark.parametrize("arguments", [["--step", "1e308"], ["--step", "2", "--ridge", "1e200"]])
def test_a_run_that_diverges_is_reported_not_crashed_on(arguments: list[str], verify: Verify, tmp_path: Path) -> None:
    code, rows = verify("R1", "--problem", "monotone", *arguments)
    assert code == 0
    assert {row["status"] for row in rows} <= {"holds", "void", "undecided"}
    assert (tmp_path / "out" / PAGE_FILE).is_file()


@pytest.mark.usefixtures("undrawn")
def test_a_second_verify_takes_up_the_runs_of_the_first(
    verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = verify("R1", "--problem", "monotone")
    before = files(tmp_path / "out")
    monkeypatch.setattr(Cell, "run", lambda cell: pytest.fail("run again"))
    assert verify("R1", "--problem", "monotone") == first
    assert files(tmp_path / "out") == before


def test_an_interruption_is_no_failure_and_leaves_no_half_of_a_file(
    tmp_path: Path, proofs_given: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(cell: Cell) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Cell, "run", interrupt)
    assert main(["verify", "R1", "--problem", "monotone", *TINY, "--out", str(tmp_path)]) == 130
    assert sorted(files(tmp_path)) == ["ledger.json", "study.json"]


@pytest.mark.usefixtures("undrawn")
def test_without_a_terminal_there_are_no_bars_and_no_colours_and_names_stay_whole(
    verify: Verify, capsys: pytest.CaptureFixture[str]
) -> None:
    verify("R1", "--problem", "monotone", "--smoothing", "quadratic", "--mu", "0.125", "--ridge", "0.0625")
    out, err = capsys.readouterr()
    assert err == ""
    for word in ("checking", "running", "drawing", "\x1b", "━", "\r"):
        assert word not in out
    assert "monotone/tiny ridge=0.0625" in out
    assert "quadratic AAT-SGD, K=2, μ=0.125" in out


# --- plot, report ---


def test_plot_and_report_rebuild_the_same_files_from_the_runs(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    shutil.rmtree(copy / "figures")
    (copy / PAGE_FILE).unlink()
    assert main(["plot", str(copy)]) == 0
    drawn = {name: content for name, content in files(folder).items() if name != PAGE_FILE}
    gallery = (copy / GALLERY).read_text(encoding="utf-8")
    assert files(copy) == drawn | {GALLERY: gallery.encode()}
    assert all(f'<figure id="{Path(name).stem}">' in gallery for name in drawn if name.endswith(".svg"))
    said = capsys.readouterr().out.split()
    assert sorted(said) == sorted(str(copy / name) for name in (*drawn, GALLERY) if name.endswith((".svg", ".html")))
    assert main(["report", str(copy)]) == 0
    (copy / GALLERY).unlink()
    assert files(copy) == files(folder)
    assert capsys.readouterr().out.split() == [str(copy / PAGE_FILE)]


# --- The installed command ---


def test_the_installed_command_passes_on_its_exit_code() -> None:
    done = subprocess.run([Path(sys.executable).with_name("aat"), "show", "R99"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("aat: unknown claim 'R99'")
    assert done.stderr.count("\n") == 1
