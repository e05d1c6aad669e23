"""Proximal points against SciPy's minimiser of the definition, and the stated accuracy against it."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from aat import InputError
from sim import enumerate_paths, moreau
from sim.problems import Bilinear, Logistic

X = torch.tensor([[1.0, -0.5, 2.0], [0.0, 1.5, -1.0]], dtype=torch.float64)


def points(problem: Bilinear, number: int) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randn(number, problem.dimension, generator=random, dtype=torch.float64)


def bilinear(head: str) -> Bilinear:
    return {
        "dense": lambda: Bilinear(x=X, k=3),
        "entropic": lambda: Bilinear(x=X, k=2, smoothing="entropic", mu=0.1),
        "hard": lambda: Bilinear(x=X, k=2),
    }[head]()


def by_scipy(problem: Bilinear, w: Tensor) -> np.ndarray:
    """The best of several starts; derivative-free polishing where there are kinks."""
    rho = problem.constants()["rho"]

    def value(x: np.ndarray) -> float:
        at = torch.from_numpy(x)
        return (problem.objective(at[None])[0] + rho * (at - w).square().sum()).item()

    def slope(x: np.ndarray) -> np.ndarray:
        at = torch.from_numpy(x)
        return (problem.full_gradient(at[None])[0] + 2 * rho * (at - w)).numpy()

    found = minimize(value, w.numpy(), jac=slope, method="BFGS", options={"gtol": 1e-9, "maxiter": 2000})
    return found.x, value


@pytest.mark.parametrize("head", ["dense", "entropic", "hard"])
def test_the_envelope_gradient_is_that_of_the_minimiser(head: str) -> None:
    problem = bilinear(head)
    rho = problem.constants()["rho"]
    for w in points(problem, 3):
        mine = moreau.proximal_point(problem, w[None])[0]
        theirs, value = by_scipy(problem, w)
        # strong convexity turns a difference of values into a distance: neither may be beaten by more than it states
        within = moreau.accuracy(problem) / (2 * rho)
        assert value(mine.numpy()) - value(theirs) <= rho / 2 * 4 * within**2 + 1e-9 + rho * within
        if head != "hard":
            assert np.linalg.norm(mine.numpy() - theirs) <= within + 1e-6


@pytest.mark.parametrize("head", ["dense", "entropic", "hard"])
def test_the_metric_is_the_square_of_the_envelope_gradient_and_states_its_error(head: str) -> None:
    problem = bilinear(head)
    (row,) = enumerate_paths(problem, lambda T: [0.1] * T, [1], "mean_square_envelope_gradient").horizons
    square = moreau.envelope_gradient(problem, problem.w0[None]).square().sum().item()
    assert row.values[0] == pytest.approx(square)
    assert row.rounding >= moreau.square_error(problem, torch.tensor([square], dtype=torch.float64))
    assert row.rounding < 0.5 * square + 0.1


def test_a_finer_smoothing_moves_the_point_less_than_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = bilinear("hard")
    w = points(problem, 4)
    coarse, stated = moreau.envelope_gradient(problem, w), moreau.accuracy(problem)
    monkeypatch.setattr(moreau, "_SMOOTHING", 1e-5)
    fine = moreau.envelope_gradient(problem, w)
    assert (coarse - fine).norm(dim=-1).max().item() <= stated + moreau.accuracy(problem)


def test_only_a_problem_that_declares_rho_has_an_envelope() -> None:
    problem = Logistic(x=X, k=2, y=torch.tensor([1.0, -1.0]))
    with pytest.raises(InputError, match="declares no rho"):
        moreau.envelope_gradient(problem, problem.w0[None])
