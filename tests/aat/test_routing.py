"""Who was heard: against autograd, and the fewest units by trying all sets of them in fractions."""

from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor, nn

from aat import AATLinear, InputError
from aat.routing import carriers, contributions, effective_number, shares
from aat.seeds import generator

HEADS: dict[str, dict[str, Any]] = {
    "dense": {},
    "one vote": {"k": 1},
    "three votes": {"k": 3},
    "all votes": {"k": 7},
    "entropic": {"k": 3, "smoothing": "entropic", "mu": 0.2},
    "quadratic": {"k": 3, "smoothing": "quadratic", "mu": 0.5},
}
CLASSES, UNITS, SAMPLES = 4, 7, 20
PERCENT = st.integers(1, 100)
VOTES = st.lists(st.integers(-60, 60), min_size=1, max_size=7)
DTYPES = st.sampled_from([torch.float32, torch.float64])


def make(told: dict[str, Any], seed: int = 0) -> tuple[nn.Linear, Tensor, Tensor]:
    """A head, samples, and a class for each."""
    randomness = generator("routing", seed)
    head = (AATLinear if told else nn.Linear)(UNITS, CLASSES, dtype=torch.float64, **told)
    x = torch.randn(SAMPLES, UNITS, dtype=torch.float64, generator=randomness)
    return head, x, torch.randint(CLASSES, (SAMPLES,), generator=randomness)


@pytest.mark.parametrize("told", HEADS.values(), ids=HEADS)
def test_contributions_are_the_scores_gradient_times_the_input(told: dict[str, Any]) -> None:
    """By the envelope theorem also where votes are smoothed: what is left of the score is the regulariser."""
    head, x, target = make(told)
    x.requires_grad_()
    score = head(x)[torch.arange(SAMPLES), target].sum()
    (slope,) = torch.autograd.grad(score, x)
    torch.testing.assert_close(contributions(head, x.detach(), target), slope * x.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("told", [told for told in HEADS.values() if "smoothing" not in told])
def test_hard_contributions_and_the_bias_are_the_score(told: dict[str, Any]) -> None:
    head, x, target = make(told)
    heard = contributions(head, x, target)
    scores = head(x)[torch.arange(SAMPLES), target]
    torch.testing.assert_close(heard.sum(1) + head.bias.detach()[target], scores, rtol=0, atol=1e-14)
    assert int((heard != 0).sum(1).max()) == told.get("k", UNITS)


def test_a_unit_that_is_not_heard_is_zero_whatever_its_vote() -> None:
    head = AATLinear(3, 1, bias=False, k=1)
    nn.init.ones_(head.weight)
    heard = contributions(head, torch.tensor([[2.0, -torch.inf, 1.0]]), torch.tensor([0]))
    assert heard.tolist() == [[2.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("x", "target", "said"),
    [
        (torch.ones(2, 3), torch.tensor([0, 0]), r"features of shape \(2, 3\)"),
        (torch.ones(UNITS), torch.tensor([0]), "features of shape"),
        (torch.ones(2, UNITS), torch.tensor([0]), r"target of shape \(1,\)"),
        (torch.ones(2, UNITS), torch.tensor([0.0, 1.0]), "float32"),
        (torch.ones(2, UNITS), torch.tensor([True, False]), "bool"),
        (torch.ones(2, UNITS), torch.tensor([0, CLASSES]), "classes 0 to 3"),
        (torch.ones(2, UNITS), torch.tensor([-1, 0]), "classes 0 to 3"),
    ],
)
def test_what_does_not_fit_is_refused(x: Tensor, target: Tensor, said: str) -> None:
    with pytest.raises(InputError, match=said):
        contributions(nn.Linear(UNITS, CLASSES), x, target)


@given(VOTES, DTYPES)
def test_shares_are_those_of_the_evidence(votes: list[int], dtype: torch.dtype) -> None:
    found = shares(torch.tensor(votes, dtype=dtype))
    total = sum(map(abs, votes))
    expected = [abs(vote) / total if total else 0.0 for vote in votes]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


@given(VOTES)
def test_the_effective_number_is_the_exponential_of_the_entropy(votes: list[int]) -> None:
    found = float(effective_number(torch.tensor(votes, dtype=torch.float64)))
    if not any(votes):
        assert found == 0
    else:
        assert found == pytest.approx(float(np.exp(stats.entropy(np.abs(votes)))), rel=1e-12)
        assert found * (1 + 1e-12) >= 1
        assert found <= np.count_nonzero(votes) * (1 + 1e-12)


@given(st.integers(1, 40), st.integers(0, 9), st.sampled_from([-1.0, 1.0]), st.floats(1e-3, 1e3))
def test_of_equal_shares_it_is_their_number(equal: int, silent: int, sign: float, size: float) -> None:
    votes = torch.tensor([sign * size] * equal + [0.0] * silent, dtype=torch.float64)
    assert float(effective_number(votes)) == pytest.approx(equal, rel=1e-12)


def fewest(votes: list[int], percent: int) -> set[int]:
    """Units of the smallest set that carries so much, the largest evidence first, then the lowest index."""
    enough = Fraction(percent, 100) * sum(map(abs, votes))
    for size in range(len(votes) + 1):
        able = [units for units in combinations(range(len(votes)), size) if sum(abs(votes[i]) for i in units) >= enough]
        if able:
            return set(max(able, key=lambda units: (sum(abs(votes[i]) for i in units), [-i for i in units])))
    raise AssertionError


@given(VOTES, PERCENT, DTYPES)
def test_carriers_are_the_fewest_units_that_reach_the_share(votes: list[int], percent: int, dtype: torch.dtype) -> None:
    found = carriers(torch.tensor(votes, dtype=dtype), percent / 100)
    assert set(found.nonzero().flatten().tolist()) == fewest(votes, percent)


@given(st.integers(1, 50), st.integers(1, 12), st.integers(1, 997), DTYPES)
def test_a_share_that_is_reached_needs_no_other_unit(tens: int, spread: int, size: int, dtype: torch.dtype) -> None:
    """Of 10 m equal votes 9 m carry 0.9, whatever rounding makes of their sum."""
    votes = torch.full((10 * tens,), size / spread, dtype=dtype)
    assert carriers(votes).tolist() == [True] * (9 * tens) + [False] * tens


@given(st.integers(1, 10**6), st.integers(1, 10**6), DTYPES)
def test_votes_that_were_rounded_need_no_other_unit(first: int, second: int, dtype: torch.dtype) -> None:
    """1/a + 1/b against a ninth of it: rounding of each vote by itself decides nothing."""
    large = torch.tensor([1 / first, 1 / second], dtype=torch.float64)
    votes = torch.cat([large, large.sum(0, keepdim=True) / 9]).to(dtype)
    if float(large.min()) > float(votes[-1]):
        assert carriers(votes).tolist() == [True, True, False]


@given(VOTES, PERCENT, st.integers(-30, 30), st.randoms(use_true_random=False))
def test_scale_and_order_change_nothing(votes: list[int], percent: int, power: int, chance: Any) -> None:
    order = list(range(len(votes)))
    chance.shuffle(order)
    given = torch.tensor(votes, dtype=torch.float32)
    moved = -given[order] * 2.0**power
    assert torch.equal(shares(moved), shares(given)[order])
    assert effective_number(moved).item() == pytest.approx(effective_number(given).item(), rel=1e-6)
    units, again = carriers(given, percent / 100), carriers(moved, percent / 100)
    # where votes tie, another unit of the same evidence may be the one
    assert torch.equal(given.abs()[units].sort().values, (moved.abs() / 2.0**power)[again].sort().values)


@given(VOTES, PERCENT, PERCENT)
def test_a_larger_share_needs_the_same_units_and_more(votes: list[int], one: int, other: int) -> None:
    given = torch.tensor(votes, dtype=torch.float64)
    few, many = (carriers(given, percent / 100) for percent in sorted((one, other)))
    assert bool((many | ~few).all())


def test_ties_go_to_the_lowest_index_and_silence_has_no_units() -> None:
    votes = torch.tensor([[1.0, -2.0, 2.0, 2.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert carriers(votes, 0.5).tolist() == [[False, True, True, False, False], [False] * 5]
    assert carriers(votes, 0.8).tolist() == [[True, True, True, True, False], [False] * 5]
    assert effective_number(votes)[1] == 0
    assert shares(votes)[1].tolist() == [0.0] * 5


def test_what_is_no_number_stays_none() -> None:
    votes = torch.tensor([1.0, torch.nan])
    assert bool(shares(votes).isnan().any())
    assert bool(effective_number(votes).isnan())


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_another_share_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="expected 0 < share <= 1"):
        carriers(torch.ones(3), share)
