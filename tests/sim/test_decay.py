"""A ridge that is left to the weight decay of an optimizer is the ridge in the gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aat import InputError
from sim import SGD, enumerate_paths, from_optimizer, problems
from sim.decay import Decaying


@settings(max_examples=20)
@given(st.floats(0.01, 2))
def test_weight_decay_stands_for_the_ridge(ridge: float) -> None:
    problem = problems.make("routing", "tiny", k=2, ridge=ridge)
    decaying = Decaying(from_optimizer(torch.optim.SGD, weight_decay=ridge), ridge)
    runs = [enumerate_paths(problem, lambda T: [0.1] * T, [3], "last_gap", method=m) for m in (decaying, SGD())]
    assert runs[0].horizons[0].values == pytest.approx(runs[1].horizons[0].values, rel=1e-9, abs=1e-12)


def test_it_keeps_the_constants_of_the_rule() -> None:
    assert Decaying(from_optimizer(torch.optim.SGD, momentum=0.5, weight_decay=0.1), 0.1).constants == {"beta": 0.5}


@pytest.mark.parametrize("ridge", [-1.0, float("nan"), float("inf")])
def test_a_ridge_is_a_finite_number(ridge: float) -> None:
    with pytest.raises(InputError, match="ridge = "):
        Decaying(SGD(), ridge)
