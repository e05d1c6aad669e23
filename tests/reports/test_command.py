"""The command of a cell, given to the command line, is that cell again, and runs it to the last bit."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import cli, ledger, page
from reports.cell import Cell
from reports.study import Study

paths = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).map(lambda s: s + ".npz")
positive = st.floats(0, exclude_min=True, allow_infinity=False)


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    exact = draw(st.booleans())
    return Cell(
        claim=draw(st.sampled_from(["R1", "R3", "R6"])),
        problem=draw(st.sampled_from(["routing", "monotone", "logistic", "softmax"])),
        data=draw(st.sampled_from(["synthetic", "tiny", "digits"]) | paths),
        k=draw(st.none() | st.integers(1, 99)),
        smoothing=draw(st.sampled_from([None, "entropic", "quadratic"])),
        mu=draw(st.none() | positive),
        ridge=draw(st.just(0.0) | positive),
        exact=exact,
        horizons=tuple(sorted(draw(st.sets(st.integers(1, 10**6), min_size=1, max_size=5)))),
        trials=32 if exact else draw(st.integers(2, 99)),
        looks=1 if exact else draw(st.integers(1, 9)),
        step=draw(st.none() | positive),
        seed=draw(st.integers(-(2**70), 2**70)),
    )


class Asked(Exception):
    """Carries the cells that a command asks for."""


def asked_by(command: str) -> tuple[Cell, ...]:
    """The cells of a command, which stops there."""

    def stop(asked: tuple[Cell, ...], level: float) -> Study:
        raise Asked(asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli.verify, "Study", stop)
        program, *arguments = shlex.split(command)
        assert program == "aat"
        with pytest.raises(Asked) as stopped:
            cli.main(arguments)
    return stopped.value.args[0]


@given(cells())
def test_command_line_reads_a_cell_as_it_was_written(cell: Cell) -> None:
    assert asked_by(cell.command) == (cell,)


def test_a_claim_that_is_named_twice_is_asked_for_once() -> None:
    assert [cell.claim for cell in asked_by("aat verify R6 R1 R6 --problem monotone")] == ["R6", "R1"]


def test_without_a_claim_every_rate_is_asked_for() -> None:
    assert [cell.claim for cell in asked_by("aat verify --problem monotone")] == [
        *("R1", "R2", "R3", "R6", "R8", "R9", "R12", "R14", "R14.gap")
    ]


@pytest.mark.parametrize(
    "cell",
    [
        Cell("R1", "routing", "tiny", 2, "quadratic", 0.3, exact=True, horizons=(1, 3), step=0.1),
        Cell("R3", "monotone", "tiny", None, ridge=0.1, horizons=(2, 5), trials=3, seed=-4),
        Cell("R6", "softmax", "tiny", 3, "entropic", 1 / 3, horizons=(7,), trials=2, looks=3, seed=9),
        Cell("R6", "logcosh", "close", 2, "quadratic", 0.5, exact=True, horizons=(2,), batch=2, gradient="hard"),
        Cell("R12", "polyak", "tiny", None, horizons=(5,), trials=2, sampling="reshuffling", beta=0.5),
        Cell("R14", "logistic", "wide", 2, "quadratic", 1.0, horizons=(2, 3), trials=2, density=1.5, anneal=0.25),
    ],
    ids=lambda cell: cell.name,
)
def test_command_reproduces_the_run_to_the_last_bit(
    cell: Cell, rows: tuple[ledger.LedgerRow, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "prove", lambda ids, workers: (row for row in rows if row.id in ids))
    monkeypatch.setattr(page, "draw_all", lambda *_: [])
    again = tmp_path / "again"
    code = cli.main([*shlex.split(cell.command)[1:], "--out", str(again), "--workers", "1"])
    assert code == 0
    cell.run().save(tmp_path / "run.json")
    assert (again / "runs" / f"{cell.name}.json").read_bytes() == (tmp_path / "run.json").read_bytes()
