"""A loss of one's own against the built-in one that it restates, and in one line against what is no loss."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aat import InputError, topk_sum
from sim import enumerate_paths
from sim.problems import Logistic, loss

X = torch.tensor([[1.0, -0.5, 2.0], [0.5, 1.5, -1.0]], dtype=torch.float64)
Y = torch.tensor([1.0, -1.0], dtype=torch.float64)
BUILT_IN = Logistic(x=X, y=Y, k=2, smoothing="entropic", mu=0.1)


def one(w, x, y):
    return torch.nn.functional.softplus(-y * topk_sum(w * x, 2, "entropic", 0.1))


def mine(batched: bool):
    return loss(
        # it is written for the last dimension, so it takes batches as it is
        one,
        start=BUILT_IN.w0,
        arrays=(X, Y),
        constants=BUILT_IN.constants(),
        comparator=BUILT_IN.u,
        lower_bound=0.0,
        batched=batched,
    )


@pytest.mark.parametrize("batched", [False, True])
@settings(max_examples=20)
@given(st.lists(st.lists(st.floats(-3, 3), min_size=3, max_size=3), min_size=1, max_size=4))
def test_values_and_gradients_are_those_of_the_built_in_loss(batched: bool, points: list[list[float]]) -> None:
    w, problem = torch.tensor(points, dtype=torch.float64), mine(batched)
    index = torch.arange(len(w)) % 2
    calls = {"losses": (w, index), "gradients": (w, index), "objective": (w,), "full_gradient": (w,)}
    for name, arguments in calls.items():
        expected = getattr(BUILT_IN, name)(*arguments)
        torch.testing.assert_close(getattr(problem, name)(*arguments), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("metric", ["average_gap", "mean_square_gradient"])
def test_runs_are_those_of_the_built_in_loss(metric: str) -> None:
    runs = [enumerate_paths(p, lambda T: [0.3] * T, [4], metric).horizons[0] for p in (mine(False), BUILT_IN)]
    assert runs[0].values == pytest.approx(runs[1].values, rel=1e-10)
    assert runs[0].audit.keys() >= {"G", "L", "sigma"}


def test_parameters_have_the_shape_of_the_start() -> None:
    seen = []

    def square(w, x):
        seen.append(w.shape)
        return ((w @ x) ** 2).sum()

    problem = loss(square, start=[[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]], arrays=[X])
    assert problem.dimension == 6
    assert set(seen) == {torch.Size([2, 3])}


def test_constants_are_what_is_declared_and_what_follows() -> None:
    problem = loss(
        lambda w: (w**2).sum(), start=[3.0, 4.0], comparator=[0.0, 0.0], lower_bound=-1.0, constants={"q": 2}
    )
    assert problem.constants() == {"q": 2.0, "D": 5.0, "Delta": 26.0}


def fine(w, x):
    return (w * x).sum()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no function": ({"function": 3}, "expected a function"),
    "a loss that raises": ({"function": lambda w, x: w[99]}, "fails at w_0"),
    "no scalar": ({"function": lambda w, x: w * x}, "fails at w_0"),
    "no tensor": ({"function": lambda w, x: 1.0}, "fails at w_0"),
    "no gradient": ({"function": lambda w, x: x.sum()}, "fails at w_0"),
    "too few arguments": ({"function": lambda w: w.sum()}, "fails at w_0"),
    "not finite": ({"function": lambda w, x: (w * x).sum().log()}, "not finite at w_0"),
    "a start of NaN": ({"start": [float("nan")] * 3}, "start"),
    "lengths that differ": ({"arrays": (X, Y[:1])}, "expected one length"),
    "an empty array": ({"arrays": (X[:0],)}, "expected a row for each"),
    "an array of NaN": ({"arrays": (X * float("nan"),)}, "NaN"),
    "a negative constant": ({"constants": {"G": -1.0}}, "constant G = -1.0"),
    "a constant in words": ({"constants": {"G": "big"}}, "constant G = 'big'"),
    "a comparator of another size": ({"comparator": [0.0]}, "comparator of shape"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_problem_is_refused_in_one_line(case: str) -> None:
    change, said = WRONG[case]
    given: dict[str, Any] = {"function": fine, "start": [0.0, 0.0, 0.0], "arrays": (X,), **change}
    function: Callable = given.pop("function")
    with pytest.raises(InputError, match=said) as refused:
        loss(function, **given)
    assert "\n" not in str(refused.value)
