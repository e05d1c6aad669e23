"""Optimisers of PyTorch as methods: many trials at once are each trial alone, stepped by PyTorch itself."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import Parameter

from aat import InputError
from sim import HeavyBall, enumerate_paths, from_optimizer, simulate
from sim.methods import take
from sim.problems import Softmax

X = torch.tensor([[1.0, -0.5, 2.0], [0.0, 1.5, -1.0]], dtype=torch.float64)
PROBLEM = Softmax(x=X, k=2, y=torch.tensor([0, 1]), smoothing="entropic", mu=0.1)

OPTIMISERS: list[tuple[type[torch.optim.Optimizer], dict[str, Any]]] = [
    (torch.optim.SGD, {}),
    (torch.optim.SGD, {"momentum": 0.9}),
    (torch.optim.SGD, {"momentum": 0.5, "nesterov": True, "weight_decay": 0.1}),
    (torch.optim.Adam, {}),
    (torch.optim.Adam, {"amsgrad": True}),
    (torch.optim.AdamW, {"weight_decay": 0.1}),
    (torch.optim.RMSprop, {"momentum": 0.5}),
    (torch.optim.Adagrad, {}),
    (torch.optim.NAdam, {}),
]


class Normalised(torch.optim.Optimizer):
    """A step along the direction of the whole parameter: mixes all of its numbers."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable | None = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * p.grad / p.grad.norm()


class Counting(torch.optim.Optimizer):
    """Counts its steps in the group, not in the state."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr, "steps": 0})

    @torch.no_grad()
    def step(self, closure: Callable | None = None) -> None:
        for group in self.param_groups:
            group["steps"] += 1
            for p in group["params"]:
                p -= group["lr"] / group["steps"] * p.grad


class Secretive(torch.optim.SGD):
    """Counts its steps where nobody sees it."""

    count = 0

    def step(self, closure: Callable | None = None) -> None:
        self.count += 1
        for p in self.param_groups[0]["params"]:
            p.data -= self.param_groups[0]["lr"] / self.count * p.grad


class Noisy(Counting):
    def step(self, closure: Callable | None = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                p.data += torch.randn_like(p)


def alone(cls: type[torch.optim.Optimizer], options: dict, w: Tensor, gradients: Tensor, etas: list[float]) -> Tensor:
    """PyTorch's own loop over one vector."""
    parameter = Parameter(w.clone())
    optimiser = cls([parameter], lr=1.0, **options)
    for gradient, eta in zip(gradients, etas, strict=True):
        optimiser.param_groups[0]["lr"] = eta
        parameter.grad = gradient.clone()
        optimiser.step()
    return parameter.detach()


@pytest.mark.parametrize(
    ("cls", "options"),
    [*OPTIMISERS, (Normalised, {}), (Counting, {})],
    ids=lambda part: getattr(part, "__name__", str(part)),
)
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), trials=st.integers(1, 5), size=st.integers(1, 4), steps=st.integers(1, 5))
def test_trials_together_are_each_trial_alone(
    cls: type[torch.optim.Optimizer], options: dict, seed: int, trials: int, size: int, steps: int
) -> None:
    random = torch.Generator().manual_seed(seed)
    w = torch.randn(trials, size, generator=random, dtype=torch.float64)
    gradients = torch.randn(steps, trials, size, generator=random, dtype=torch.float64)
    etas = [0.3 / (t + 1) for t in range(steps)]
    method = from_optimizer(cls, **options)
    state = method.start(w)
    for gradient, eta in zip(gradients, etas, strict=True):
        before = state.w.clone()
        moved = method.update(state, gradient, eta)
        assert torch.equal(state.w, before)
        state = moved
    expected = torch.stack([alone(cls, options, w[i], gradients[:, i], etas) for i in range(trials)])
    torch.testing.assert_close(state.w, expected, rtol=1e-12, atol=1e-14)


def test_an_optimiser_that_mixes_numbers_is_run_trial_by_trial() -> None:
    assert not from_optimizer(Normalised).together
    assert all(from_optimizer(cls, **options).together for cls, options in OPTIMISERS)


@pytest.mark.parametrize("cls", [torch.optim.Adam, Normalised, Counting])
def test_a_branch_of_a_state_does_not_disturb_another(cls: type[torch.optim.Optimizer]) -> None:
    method = from_optimizer(cls)
    w = torch.arange(6, dtype=torch.float64).reshape(3, 2)
    state = method.update(method.start(w), w + 1, 0.1)
    rows = torch.tensor([2, 0, 2, 1])
    one = method.update(take(state, rows), torch.ones(4, 2, dtype=torch.float64), 0.1)
    method.update(take(state, rows), -torch.ones(4, 2, dtype=torch.float64), 0.7)
    again = method.update(take(state, rows), torch.ones(4, 2, dtype=torch.float64), 0.1)
    assert torch.equal(one.w, again.w)
    assert torch.equal(one.w[0], one.w[2])


def test_the_heavy_ball_is_the_sgd_of_torch() -> None:
    mine, torchs = HeavyBall(0.7), from_optimizer(torch.optim.SGD, momentum=0.7)
    assert mine.constants == torchs.constants == {"beta": 0.7}
    for engine, options in ((enumerate_paths, {}), (simulate, {"trials": 5})):
        runs = [engine(PROBLEM, lambda T: [0.3] * T, [5], "decrease", method=m, **options) for m in (mine, torchs)]
        assert runs[0].horizons[0].values == pytest.approx(runs[1].horizons[0].values, rel=1e-12)
        assert runs[0].constants["beta"] == 0.7


def test_a_block_of_one_history_remembers_as_many_do() -> None:
    method = from_optimizer(torch.optim.SGD, momentum=0.7)
    runs = [enumerate_paths(PROBLEM, lambda T: [0.3] * T, [4], "decrease", method=method, block=n) for n in (1, 2**13)]
    assert runs[0].horizons[0].values == pytest.approx(runs[1].horizons[0].values, rel=1e-12)


@pytest.mark.parametrize("beta", [0.0, 1.0, -0.1, float("nan")])
def test_beta_lies_between_0_and_1(beta: float) -> None:
    with pytest.raises(InputError, match=r"^beta = "):
        HeavyBall(beta)


@pytest.mark.parametrize(
    ("cls", "options", "given"),
    [
        (torch.optim.LBFGS, {}, r"^LBFGS cannot step"),
        (torch.optim.SGD, {"speed": 3}, r"^SGD\(speed=3\) cannot step"),
        (torch.optim.SGD, {"momentum": -1.0}, r"momentum=-1\.0\) cannot step"),
        (Noisy, {}, r"^Noisy moves differently each time"),
    ],
)
def test_what_cannot_be_a_method(cls: type[torch.optim.Optimizer], options: dict, given: str) -> None:
    with pytest.raises(InputError, match=given) as error:
        from_optimizer(cls, **options)
    assert "\n" not in str(error.value)
