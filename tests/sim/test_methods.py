"""A method with a memory of its own, against torch.optim.SGD stepping along one path at a time."""

import math
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from sim import Method, Problem, Run, enumerate_paths, simulate
from sim.problems import Softmax

BETA, HORIZON, TRIALS = 0.9, 4, 50
X = torch.tensor([[1.0, -0.5, 2.0], [0.0, 1.5, -1.0]], dtype=torch.float64)
PROBLEM = Softmax(x=X, k=2, y=torch.tensor([0, 1]), smoothing="entropic", mu=0.1)


class MomentumState(NamedTuple):
    velocity: Tensor
    w: Tensor


class Momentum:
    """Heavy ball: ``m_t = β m_{t−1} + g_t``, ``w_{t+1} = w_t − η_t m_t``."""

    name = "momentum"

    def start(self, w: Tensor) -> MomentumState:
        return MomentumState(torch.zeros_like(w), w)

    def update(self, state: MomentumState, gradient: Tensor, eta: float) -> MomentumState:
        velocity = BETA * state.velocity + gradient
        return MomentumState(velocity, state.w - eta * velocity)


def sizes(horizon: int) -> list[float]:
    return [0.5 / (t + 1) for t in range(horizon)]


def reference(samples: tuple[int, ...]) -> float:
    """F(w_0) − F(w_T) along one path, by PyTorch's own momentum."""
    w = nn.Parameter(PROBLEM.w0.clone())
    optimiser = torch.optim.SGD([w], lr=1.0, momentum=BETA)
    for i, size in zip(samples, sizes(len(samples)), strict=True):
        optimiser.param_groups[0]["lr"] = size
        optimiser.zero_grad()
        PROBLEM.losses(w, torch.tensor(i)).backward()
        optimiser.step()
    first, last = PROBLEM.objective(torch.stack([PROBLEM.w0, w.detach()])).tolist()
    return first - last


@pytest.mark.parametrize("block", [2, 3, 2**13])
def test_momentum_on_all_paths_is_that_of_torch(block: int) -> None:
    method: Method = Momentum()
    run = enumerate_paths(PROBLEM, sizes, [HORIZON], "decrease", method=method, block=block)
    expected = [reference(path) for path in product(range(2), repeat=HORIZON)]
    assert run.horizons[0].values[0] == pytest.approx(math.fsum(expected) / len(expected), rel=1e-12)


def test_momentum_in_random_trials_is_that_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Tensor] = []
    gradients = Problem.gradients

    def record(problem: Problem, w: Tensor, index: Tensor) -> Tensor:
        if len(index) == TRIALS:
            drawn.append(index)
        return gradients(problem, w, index)

    monkeypatch.setattr(Problem, "gradients", record)
    run = simulate(PROBLEM, sizes, [HORIZON], "decrease", trials=TRIALS, method=Momentum())
    paths = torch.stack(drawn).T.tolist()
    assert len(paths) == len(run.horizons[0].values) == TRIALS
    assert run.horizons[0].values == pytest.approx([reference(tuple(path)) for path in paths], rel=1e-12)


def test_momentum_is_not_sgd() -> None:
    plain, heavy = (
        enumerate_paths(PROBLEM, sizes, [HORIZON], "decrease", method=method).horizons[0].values[0]
        for method in (None, Momentum())
    )
    assert heavy > 1.1 * plain


@pytest.mark.parametrize("engine", [enumerate_paths, simulate])
def test_a_run_names_its_method(engine: Callable[..., Run]) -> None:
    assert "momentum" in engine(PROBLEM, sizes, [1], "decrease", method=Momentum()).method
