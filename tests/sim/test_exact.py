"""The exact engine against plain enumeration: itertools.product over samples, one path at a time."""

import math
import weakref
from itertools import product

import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from sim import METRICS, SGD, Problem, enumerate_paths
from sim.methods import State
from sim.problems import Logistic, Monotone, Routing

usual = settings(deadline=None, max_examples=60)
# the envelope needs a problem that declares ρ: tests/sim/test_moreau.py
metrics = pytest.mark.parametrize("metric", [name for name in METRICS if "envelope" not in name])
# dyadic steps, so that votes that tie do so in any order of computation
STEPS = st.lists(st.integers(0, 8).map(lambda eighths: eighths / 8), min_size=1, max_size=4)


def random_problem(samples: int) -> Problem:
    """A smooth and curved one, so that no two paths are alike."""
    x = 2 * torch.randn(samples, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Logistic(x=x, y=torch.ones(samples), k=2)


def halves(horizon: int) -> list[float]:
    return [0.5] * horizon


def value(problem: Problem, w: Tensor) -> Tensor:
    """F(w), differentiable."""
    return torch.stack([problem.losses(w, torch.tensor(i)) for i in range(problem.samples)]).mean()


def slope(problem: Problem, w: Tensor, samples: tuple[int, ...]) -> Tensor:
    """The mean gradient of some samples at one point."""
    leaf = w.clone().requires_grad_()
    losses = torch.stack([problem.losses(leaf, torch.tensor(i)) for i in samples])
    return torch.autograd.grad(losses.mean(), leaf)[0]


def measured(metric: str, problem: Problem, path: list[Tensor], steps: list[float]) -> float:
    """The metric on w_0 … w_T, by its definition."""
    everything = tuple(range(problem.samples))
    match metric:
        case "average_gap" | "step_average_gap" | "linear_average_gap":
            shares = {"average_gap": [1.0] * len(steps), "step_average_gap": steps}.get(metric, range(1, len(path)))
            weights = torch.tensor(shares, dtype=torch.float64)[:, None]
            average = (weights * torch.stack(path[:-1])).sum(0) / weights.sum()
            return (value(problem, average) - value(problem, problem.u)).item()
        case "final_gap":
            return (value(problem, path[-1]) - value(problem, problem.u)).item()
        case "last_gap":
            return (value(problem, path[-2]) - value(problem, problem.u)).item()
        case "mean_square_gradient" | "epoch_mean_square_gradient" | "mean_square_smoothed_gradient":
            return math.fsum(slope(problem, w, everything).square().sum() for w in path[:-1]) / (len(path) - 1)
        case "decrease":
            return (value(problem, path[0]) - value(problem, path[-1])).item()
    raise AssertionError(metric)


def by_hand(metric: str, problem: Problem, steps: list[float]) -> float:
    """The expectation of the metric, path by path."""
    values = []
    for samples in product(range(problem.samples), repeat=len(steps)):
        path = [problem.w0]
        for i, step in zip(samples, steps, strict=True):
            path.append(path[-1] - step * slope(problem, path[-1], (i,)))
        values.append(measured(metric, problem, path, steps))
    return math.fsum(values) / len(values)


@metrics
@settings(usual, max_examples=25)
@given(problem=st.from_type(Problem), steps=STEPS)
@example(problem=random_problem(2), steps=[1.0, 0.75, 0.5, 0.25])
def test_the_expectation_is_the_mean_over_all_paths(metric: str, problem: Problem, steps: list[float]) -> None:
    assume(problem.samples ** len(steps) <= 32 and sum(steps) > 0)
    run = enumerate_paths(problem, lambda T: steps, [len(steps)], metric)
    (row,) = run.horizons
    (expectation,) = row.values
    assert expectation == pytest.approx(by_hand(metric, problem, steps), rel=1e-9, abs=1e-11)


@metrics
@settings(usual, max_examples=15)
@given(problem=st.from_type(Problem), steps=STEPS, block=st.integers(1, 10))
@example(problem=random_problem(2), steps=[1.0, 0.75, 0.5, 0.25], block=3)
def test_the_block_changes_nothing_but_rounding(metric: str, problem: Problem, steps: list[float], block: int) -> None:
    assume(problem.samples ** len(steps) <= 32 and sum(steps) > 0)
    runs = [enumerate_paths(problem, lambda T: steps, [len(steps)], metric, block=size) for size in (block, 2**13)]
    (one,), (other,) = (run.horizons for run in runs)
    assert abs(one.values[0] - other.values[0]) <= one.rounding


def test_the_block_does_not_change_the_audit() -> None:
    problem = random_problem(3)
    small, large = (enumerate_paths(problem, halves, [3], "last_gap", block=block) for block in (1, 2**13))
    assert small.horizons[0].audit == pytest.approx(large.horizons[0].audit)


@usual
@given(problem=st.from_type(Problem), horizons=st.lists(st.integers(1, 4), min_size=1, unique=True))
def test_horizons_are_independent_rows_in_order(problem: Problem, horizons: list[int]) -> None:
    def steps(horizon: int) -> list[float]:
        return [1 / (4 * horizon)] * horizon

    run = enumerate_paths(problem, steps, horizons, "last_gap")
    alone = [enumerate_paths(problem, steps, [horizon], "last_gap").horizons[0] for horizon in sorted(horizons)]
    assert list(run.horizons) == alone
    assert [row.eta for row in run.horizons] == [1 / (4 * horizon) for horizon in sorted(horizons)]


def test_a_run_says_what_was_run() -> None:
    tiny = Logistic(x=torch.eye(2), y=torch.tensor([-1.0, 1.0]), k=1, data="tiny")
    run = enumerate_paths(tiny, halves, [3], "decrease", eta=lambda T: 7.0 + T)
    assert (run.engine, run.metric, run.problem) == ("exact", "decrease", "logistic/tiny")
    assert (run.samples, run.convex, run.constants) == (2, False, tiny.constants() | {"N": 2.0})
    assert run.horizons[0].eta == 10.0


@pytest.mark.parametrize(
    "horizon",
    [200, 2000],
)
def test_one_sample_is_gradient_descent_for_as_long_as_you_like(horizon: int) -> None:
    problem = Logistic(x=torch.tensor([[1.0, 2.0]]), y=torch.tensor([1.0]), k=2, ridge=0.1)
    w = problem.w0
    for _ in range(horizon - 1):
        w = w - 0.1 * slope(problem, w, (0,))
    run = enumerate_paths(problem, lambda T: [0.1] * T, [horizon], "last_gap")
    assert run.horizons[0].values[0] == pytest.approx((value(problem, w) - value(problem, problem.u)).item())


def test_every_path_weighs_the_same() -> None:
    """A linear loss: the mean of w_T is that of gradient descent, though one sample is a thousand times the other."""
    x = torch.tensor([[1.0], [1000.0]], dtype=torch.float64)
    linear = Monotone(x=x, y=-torch.ones(2), k=1, start=torch.tensor([1e4]), comparator=torch.tensor([0.0]))
    run = enumerate_paths(linear, lambda T: [0.25] * T, [6], "decrease")
    assert run.horizons[0].values[0] == pytest.approx(6 * 0.25 * 500.5**2, rel=1e-12)


class Counted(SGD):
    """SGD that knows how many iterates are alive."""

    def __init__(self) -> None:
        self.alive = self.most = 0

    def update(self, state: State, gradient: Tensor, eta: float) -> State:
        moved = super().update(state, gradient, eta)
        self.alive += len(moved.w)
        self.most = max(self.most, self.alive)
        weakref.finalize(moved.w, self._gone, len(moved.w))
        return moved

    def _gone(self, number: int) -> None:
        self.alive -= number


@pytest.mark.parametrize(("samples", "horizon"), [(4, 6), (64, 2)])
def test_memory_is_bounded_by_two_blocks_a_step(samples: int, horizon: int) -> None:
    """… while the paths are thousands."""
    counted, block = Counted(), 32
    enumerate_paths(random_problem(samples), halves, [horizon], "decrease", method=counted, block=block)
    assert counted.most <= 2 * horizon * block < samples**horizon / 10


def test_rounding_covers_votes_that_nearly_cancel() -> None:
    votes = 1e9 + torch.rand(6, generator=torch.Generator().manual_seed(0), dtype=torch.float64).sort().values
    target = torch.tensor([[True, True, True, False, False, False]])
    problem = Routing(x=torch.ones(1, 6), k=3, support=target, start=votes)
    exactly = math.fsum([*votes[3:].tolist(), *(-votes[:3]).tolist()])
    (row,) = enumerate_paths(problem, lambda T: [0.0], [1], "last_gap").horizons
    assert abs(row.values[0] - exactly) <= row.rounding


@pytest.mark.parametrize("backend", ["torch", "lanes"])
def test_the_audit_looks_where_a_bound_on_a_ball_breaks_first(backend: str) -> None:
    """With ηλ > 1 the second sample leaves the ball on which G is declared; the path of the first does not."""
    problem = Monotone(
        x=torch.tensor([[-0.8], [3.0]]),
        y=torch.tensor([-1.0, -1.0]),
        k=1,
        ridge=0.5,
        start=torch.tensor([2.0]),
        comparator=torch.tensor([0.0]),
    )
    run = enumerate_paths(problem, lambda T: [10.0] * T, [2], "average_gap", backend=backend)
    audit = run.horizons[0].audit
    assert audit["G"] > run.constants["G"]
    assert audit["G step"] == 1
