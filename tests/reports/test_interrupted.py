"""An `aat verify` that is interrupted anywhere and called again ends with the same files, byte by byte."""

from pathlib import Path

import pytest

from reports import cli, ledger, page
from reports.cell import Cell
from reports.ledger import LedgerRow
from sim import Run

CALL = ["verify", "R1", "R3", "--problem", "monotone", "--data", "tiny", "--k", "2", "--horizon", "2", "--horizon", "4",
        "--trials", "4", "--workers", "1", "--json", "rows.json"]  # fmt: skip


@pytest.fixture(autouse=True)
def _with_proofs_that_are_checked_elsewhere(rows: tuple[LedgerRow, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "prove", lambda ids, workers: (row for row in rows if row.id in ids))


def called(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    return cli.main(CALL)


def everything(folder: Path) -> dict[str, bytes]:
    # PNG and SVG too; commands and paths in them are relative to where the call was made
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("where", ["in the second run", "while a run is saved", "while the page is drawn"])
def test_it_goes_on_and_ends_with_the_same_bytes(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert called(tmp_path / "whole", monkeypatch) == 0
    really_run, ran = Cell.run, []

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def tire(cell: Cell) -> Run:
        if ran:
            raise KeyboardInterrupt
        ran.append(cell)
        return really_run(cell)

    with monkeypatch.context() as patch:
        match where:
            case "in the second run":
                patch.setattr(Cell, "run", tire)
            case "while a run is saved":
                patch.setattr(Run, "save", stop)
            case "while the page is drawn":
                patch.setattr(page, "draw_all", stop)
        assert called(tmp_path / "parts", monkeypatch) == 130
    finished = {"in the second run": 1, "while a run is saved": 0, "while the page is drawn": 2}[where]
    assert len(list((tmp_path / "parts").rglob("runs/*.json"))) == finished

    again: list[Cell] = []
    monkeypatch.setattr(Cell, "run", lambda cell: (again.append(cell), really_run(cell))[1])
    assert called(tmp_path / "parts", monkeypatch) == 0
    assert len(again) == 2 - finished
    assert everything(tmp_path / "parts") == everything(tmp_path / "whole")
