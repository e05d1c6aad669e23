"""Sequential runs: batches that add up, stops where the matter is clear, and no more wrong verdicts for looking."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aat import InputError
from reports import judge
from reports.cell import Cell
from reports.cli import main
from reports.confidence import Sample
from reports.sequential import plan, run_sequentially
from reports.study import Study, sequentially
from sim import Horizon, Run
from sim.audit import merged
from theory import claims

R1 = claims["R1"]
DECLARED = {"G": 2.0, "D": 3.0, "Delta": 4.0}
BOUND = 3.0**2 / (2 * 0.1 * 4) + 0.1 * 2.0**2 / 2  # R1 at T = 4, η = 0.1

Draw = Callable[[np.random.Generator, int], np.ndarray]


def made_up(draw: Draw, seed: int = 0, **changes: object) -> tuple[Callable[..., Run], list[tuple[int, int]]]:
    """A batch of values that are drawn, and the list of (horizons, trials) it was asked for."""
    asked: list[tuple[int, int]] = []
    random = np.random.default_rng(seed)

    def batch(horizons: Sequence[int], trials: int, seed: int) -> Run:
        asked.append((len(horizons), trials))
        rows = [
            Horizon(T, 0.1 * 4 / T, tuple(draw(random, trials).tolist()), 0.0, {"G": 1.0, "convexity": -1.0}, low=0.0)
            for T in horizons
        ]
        run = Run("made up", "SGD", "average_gap", "monte_carlo", 3, 0, dict(DECLARED), True, tuple(rows))
        return replace(run, **changes)

    return batch, asked


def scaled(share: float) -> Draw:
    return lambda random, n: share * BOUND * random.exponential(1.0, n)


def status(batch: Callable[..., Run], level: float = 1e-3, most: int = 512) -> tuple[str, int]:
    run = run_sequentially(R1, batch, [4], trials=32, most=most, level=level / 2, seed=0)
    (row,) = judge([(R1, run, "")], level)
    return row.status, row.trials


# --- Plans and batches ---


@given(st.integers(2, 100), st.integers(2, 5000))
def test_looks_double_up_to_the_most_and_no_batch_is_a_single_trial(trials: int, most: int) -> None:
    if most < trials:
        with pytest.raises(InputError, match="no fewer"):
            plan(trials, most)
        return
    looks = plan(trials, most)
    assert looks[0] == trials
    assert looks[-1] == most or most - trials == 1
    assert all(later - look >= 2 for look, later in pairwise(looks))
    assert all(later == 2 * look for look, later in pairwise(looks[:-1]))


def test_a_clear_matter_is_decided_by_the_first_batch_and_a_close_one_goes_on() -> None:
    for share, verdict in ((0.01, "holds"), (20.0, "violated")):
        batch, asked = made_up(scaled(share))
        assert status(batch) == (verdict, 32)
        assert asked == [(1, 32)]
    batch, asked = made_up(scaled(2.0))
    assert status(batch, level=1e-6)[0] == "violated"
    assert [trials for _, trials in asked][:3] == [32, 32, 64]
    batch, asked = made_up(scaled(1.0))
    assert status(batch) == ("undecided", 512)


def test_only_horizons_that_are_open_get_more_trials() -> None:
    draws = {2: 0.01, 4: 1.0}

    def batch(horizons: Sequence[int], trials: int, seed: int) -> Run:
        runs = [made_up(scaled(draws[T]), seed % 97)[0]([T], trials, seed) for T in horizons]
        return replace(runs[0], horizons=tuple(run.horizons[0] for run in runs))

    run = run_sequentially(R1, batch, [2, 4], trials=32, most=200, level=1e-4, seed=0)
    assert [len(row.values) for row in run.horizons] == [32, 200]
    assert [row.looks for row in run.horizons] == [(32, 64, 128, 200)] * 2
    together = run_sequentially(R1, batch, [2, 4], trials=32, most=200, level=1e-4, seed=0, together=True)
    assert [len(row.values) for row in together.horizons] == [200, 200]


def test_a_void_row_stops_at_once() -> None:
    batch, asked = made_up(scaled(1.0), convex=False)
    assert status(batch) == ("void", 32)
    assert asked == [(1, 32)]


def test_audits_of_batches_keep_the_worst_and_its_step() -> None:
    first = {"G": 1.0, "G step": 3.0, "gap": 0.5, "mask flips": 0.1, "L": math.nan, "L step": 1.0}
    second = {"G": 2.0, "G step": 7.0, "gap": 0.7, "mask flips": 0.0, "L": 1.0, "L step": 2.0, "bias": 0.0}
    both = merged(first, second)
    assert (both["G"], both["G step"], both["gap"], both["mask flips"], both["bias"]) == (2.0, 7.0, 0.5, 0.1, 0.0)
    assert math.isnan(both["L"])
    assert both["L step"] == 1.0
    assert math.isnan(merged(second, first)["L"])


# --- Cells ---


def test_a_sequential_cell_starts_with_the_run_that_is_not_and_repeats(tmp_path: object) -> None:
    plain = Cell("R1", "monotone", "tiny", 2, horizons=(2, 8), trials=32, step=0.5)
    (cell,) = sequentially([plain], 128, 0.05)
    assert (cell.most, cell.stop) == (128, 0.05 / 4)
    cell.check()
    run, again = cell.run(), cell.run()
    assert run == again
    for row, first in zip(run.horizons, plain.run().horizons, strict=True):
        assert row.values[:32] == first.values
    assert len({row.values[:32] == row.values[32:64] for row in run.horizons} & {True}) == 0
    assert "--sequential" in cell.command
    assert "--most-trials 128" in cell.command
    assert Study((cell,)).judge([run])[0].status in {"holds", "undecided"}


def test_exact_cells_stay_as_they_are() -> None:
    exact = Cell("R1", "monotone", "tiny", 2, exact=True, horizons=(1, 2))
    assert sequentially([exact], 128, 0.05) == (exact,)


@pytest.mark.parametrize(("changes", "said"), [({"most": 8}, "no fewer"), ({"most": 64, "stop": 2.0}, "stop = 2.0")])
def test_a_mistaken_cell_is_refused(changes: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(Cell("R1", "monotone", "tiny", 2), **changes).check()


@pytest.mark.parametrize("option", ["--most-trials 64", "--stop 1e-5"])
def test_options_of_a_sequential_run_are_refused_without_it(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"verify R1 --problem monotone --data tiny --k 2 {option}".split()) == 2
    assert (
        capsys.readouterr().err == f"aat: {option.split()[0]} without --sequential; expected both; try --sequential\n"
    )


# --- Statistical ---


@pytest.mark.parametrize("law", ["exponential", "Pareto of infinite variance"])
def test_looking_again_and_again_convicts_no_true_claim_more_often_than_the_level(law: str) -> None:
    """Values whose expectation is the bound, so that every verdict is wrong: violated is, and holds would be by a hair.

    Null: a verdict in at most 0.05 of 1,000 runs of 6 looks, each side at 0.025. Level 10⁻³: more than 73 are refused.
    Power, for Student's test at each look: it decides 0.7 of the Pareto runs, above 0.999.
    """
    draw: Draw = scaled(1.0) if law == "exponential" else lambda random, n: BOUND / 3 * (1 + random.pareto(1.5, n))
    looks, random = plan(32, 1024), np.random.default_rng(6)
    samples = (Sample(draw(random, 1024), BOUND, low=0.0, looks=looks) for _ in range(1000))
    wrong = sum(min(sample.p_values) < 0.025 for sample in samples)
    assert wrong <= stats.binom.isf(1e-3, 1000, 0.05)
