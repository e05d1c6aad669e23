"""The comparison of speeds: that all contenders do the same work, and what is said of it. No times are asserted."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reports import peers
from reports.bench import sim as bench
from reports.bench.contest import Contender, Work, medians
from reports.bench.sim import Case
from reports.cli import main
from sim import lanes

SMALL = Case(6, 2, 5, 64, 12)


def test_the_loop_does_what_the_engines_do() -> None:
    problem, drawn = SMALL.problem(), SMALL.drawn(12)
    start = torch.linspace(-1, 1, 6, dtype=torch.float64)  # no ties: torch.topk breaks them as it likes
    problem = type(problem)(x=problem.x, y=problem.y, k=2, start=start)
    ours = lanes.trajectories(problem, [0.1] * 12, torch.full((1, 64), 12), False, 1)[0]
    for trial in (0, 63):
        torch.testing.assert_close(peers.torch_loop(problem, 0.1, drawn[:, trial]), ours[trial])
    value, norm = peers.torch_record(problem, ours[0])
    assert value == pytest.approx(problem.objective(ours[:1]).item())
    assert norm == pytest.approx(problem.full_gradient(ours[:1]).norm().item())


def test_tie_safe_jax_does_what_the_engines_do_from_zero() -> None:
    pytest.importorskip("jax")
    rows = list(bench.steps_rows(SMALL, 1, peers.load_jax(1)))
    assert {row.peer: row.agrees for row in rows}.items() >= {
        "JAX tie-safe, rounds": True,
        "JAX tie-safe, network": True,
    }.items()


def test_rows_scale_a_share_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 3.0, 5.0, 6.0, 3.0, 2.0])
    monkeypatch.setattr(bench, "medians", partial(medians, clock=lambda work: next(times)))
    other = bench.Other(0.25, lambda: None, True)
    (row,) = bench.contest("case", lambda: None, {"peer": other}, 6_000_000, 3)
    # own 1, 5, 3 s; the peer 3, 6, 2 s for a quarter
    assert (row.ms, row.peer_ms, row.ratio, row.million_steps) == (3000, 12_000, 4, 2)


@given(
    rounds=st.integers(1, 5),
    amounts=st.lists(st.floats(0.01, 100), min_size=1, max_size=4),
    data=st.data(),
)
def test_contenders_take_turns_and_medians_are_of_the_whole(
    rounds: int, amounts: list[float], data: st.DataObject
) -> None:
    said: list[int] = []
    contenders = {str(i): Contender(amount, partial(said.append, i)) for i, amount in enumerate(amounts)}
    table = data.draw(st.lists(st.lists(st.floats(1e-6, 10), min_size=rounds, max_size=rounds),
                               min_size=len(amounts), max_size=len(amounts)))  # fmt: skip

    def clock(work: Work) -> float:
        turn = len(said) // len(amounts) - 1
        work()
        return table[said[-1]][turn]

    found = medians(contenders, rounds, clock)
    assert said == list(range(len(amounts))) * (1 + rounds)
    for i, amount in enumerate(amounts):
        assert found[str(i)] == pytest.approx(1e3 * np.median(table[i]) / amount)


def test_enumeration_agrees() -> None:
    (row,) = bench.enumeration_rows((3,), 1)
    assert row.agrees
    assert row.share == 1


def test_the_command_writes_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "CASES", (Case(6, 2, 5, 64, 200),) * 3)
    monkeypatch.setattr(peers, "load_jax", lambda devices: None)
    file = tmp_path / "rows.json"
    assert main(["bench", "sim", "--case", "1", "--rounds", "1", "--json", str(file)]) == 0
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert [row["case"].endswith("100 records") for row in rows] == [False, True]
    assert {"case", "backend", "peer", "ms", "peer_ms", "ratio"} <= rows[0].keys()
    assert "PyTorch loop" in capsys.readouterr().out
