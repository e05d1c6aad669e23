"""An optimizer that is wrong is convicted by its claim; the right one, on the same instance, is not.

All runs are exact: one sample, so one path, or all of them. Nothing here is statistical.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from reports import verify
from reports.verdict import Verdict
from sim import Method, from_optimizer
from sim.decay import Decaying
from sim.problems import Loss, Routing, loss
from theory import Rate, claims

R1, R3, R6, R9 = (claims[id] for id in ("R1", "R3", "R6", "R9"))


class MomentumTwice(torch.optim.SGD):
    """The sum of gradients is summed once more before the step."""

    @torch.no_grad()
    def step(self, closure: Callable | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                for name, added in (("first", p.grad), ("second", None)):
                    added = state["first"] if added is None else added
                    state[name] = group["momentum"] * state.get(name, torch.zeros_like(p)) + added
                p -= group["lr"] * state["second"]


class DecayOfGradient(torch.optim.SGD):
    """Weight decay shrinks the gradient in place of the weights."""

    @torch.no_grad()
    def step(self, closure: Callable | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * (1 + group["weight_decay"]) * p.grad


class DecayAscent(torch.optim.SGD):
    """Weight decay with the wrong sign."""

    @torch.no_grad()
    def step(self, closure: Callable | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * (p.grad - group["weight_decay"] * p)


class Uncorrected(torch.optim.Optimizer):
    """Adam whose averages start from 0 and are not corrected for it."""

    def __init__(self, params: Any, lr: float, beta: float = 0.999) -> None:
        super().__init__(params, {"lr": lr, "beta": beta})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                old = self.state[p].get("square", torch.zeros_like(p))
                self.state[p]["square"] = group["beta"] * old + (1 - group["beta"]) * p.grad**2
                p -= group["lr"] * p.grad / self.state[p]["square"].sqrt()


def wave() -> Loss:
    """ln cosh, in one dimension: L = G = 1, nothing random."""
    return loss(
        lambda w: w.cosh().log().sum(),
        start=[1.0],
        constants={"G": 1.0, "L": 1.0, "sigma": 0.0},
        lower_bound=0.0,
        name="ln cosh",
    )


def ridged() -> Loss:
    """w² / 2 as a ridge with a slope: F = w + λw²/2, λ = 1, least at −1."""
    return loss(
        lambda w: (w + w.square() / 2).sum(),
        start=[2.0],
        constants={"L": 1.0, "sigma": 0.0},
        lower_bound=-0.5,
        name="slope and ridge",
    )


def absolute(distance: float) -> Loss:
    """|w|: its gradients have one size, on which Adam without a first average is SGD."""
    return loss(
        lambda w: w.abs().sum(),
        start=[distance],
        comparator=[0.0],
        constants={"G": 1.0},
        convex=True,
        name="|w|",
    )


def judged(claim: object, problem: Loss, method: Method, horizon: int, step: float | None = None) -> Verdict:
    assert isinstance(claim, Rate)
    (verdict,) = verify(claim, problem, [horizon], method=method, exact=True, step=step)
    return verdict


def test_momentum_applied_twice_is_convicted_by_the_claim_of_momentum() -> None:
    right = from_optimizer(torch.optim.SGD, momentum=0.9)
    twice = from_optimizer(MomentumTwice, momentum=0.9)
    assert judged(R9, wave(), right, 400, step=0.004).status == "holds"
    assert judged(R9, wave(), twice, 400, step=0.004).status == "violated"


@pytest.mark.parametrize("cls", [DecayOfGradient, DecayAscent])
def test_weight_decay_into_the_wrong_term_is_convicted_by_the_claim_about_the_ridge(cls: type) -> None:
    for wrong, status in ((torch.optim.SGD, "holds"), (cls, "violated")):
        method = Decaying(from_optimizer(wrong, weight_decay=1.0), ridge=1.0)
        assert judged(R6, ridged(), method, 40, step=0.5).status == status


def test_missing_bias_correction_is_convicted_where_adam_is_sgd() -> None:
    right = from_optimizer(torch.optim.Adam, betas=(0.0, 0.999), eps=1e-300)
    for method, status in ((right, "holds"), (from_optimizer(Uncorrected), "violated")):
        for claim in (R1, R3):
            assert judged(claim, absolute(1.0), method, 2).status == status


@pytest.mark.parametrize("claim", [R1, R3])
def test_plain_sgd_of_torch_is_not_convicted_by_a_bound_that_it_attains(claim: Rate) -> None:
    """A loss that is linear until the end, where measured/bound is 1: there is no room for a factor."""
    a, eta, T = 2.0, 0.25, 8
    start = torch.tensor([eta * T * a * 3, 0.0], dtype=torch.float64)
    slope = torch.tensor([a, -a], dtype=torch.float64)
    problem = Routing(
        x=torch.tensor([[a, a]]),
        support=torch.tensor([[False, True]]),
        k=1,
        start=start,
        comparator=start - eta * T * slope,
    )
    (verdict,) = verify(claim, problem, [T], method=from_optimizer(torch.optim.SGD), exact=True, step=eta)
    assert verdict.status in ("holds", "undecided")
    assert math.isclose(verdict.tightness or 0.0, 1.0, rel_tol=1e-9)
