"""Bets against a mean: wealth by exact arithmetic, fair under every law, and an interval that fits the p-value."""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from reports.betting import SHARES, lower_bound, p_value

quick = settings(max_examples=60)
eighths = st.integers(0, 64).map(lambda whole: whole / 8)
trials = st.lists(eighths, min_size=1, max_size=10)
levels = st.sampled_from([0.2, 0.05, 1e-3, 1e-6])


def wealth(values: tuple[Fraction, ...], bound: Fraction) -> Fraction:
    """What a gambler has who doubts that values ≥ 0 have a mean of at most ``bound``."""
    shares = [Fraction(share) for share in SHARES]
    return sum((math.prod(1 + share * (x / bound - 1) for x in values) for share in shares), Fraction(0)) / len(shares)


@quick
@given(trials, eighths.filter(bool), st.sampled_from([-3.0, 0.0, 10.0]))
def test_the_p_value_is_one_over_the_wealth(values: list[float], bound: float, low: float) -> None:
    exactly = wealth(tuple(map(Fraction, values)), Fraction(bound))
    found = p_value(np.array(values) + low, low, bound + low)
    assert found == pytest.approx(min(1.0, float(1 / exactly)) if exactly else 1.0, rel=1e-9)


@pytest.mark.parametrize("law", [{0: 0.5, 2: 0.5}, {0: 0.9, 10: 0.1}, {1: 1.0}, {0: 0.25, 1: 0.5, 2: 0.25}])
@pytest.mark.parametrize("n", [1, 3, 5])
def test_expected_wealth_never_grows_while_the_mean_is_the_bound(law: dict[int, float], n: int) -> None:
    """Exactly, over all outcomes: so no law, no number of trials and no stopping gives more wrong rejections."""
    expected = sum(
        (
            math.prod(Fraction(law[x]) for x in outcome) * wealth(tuple(map(Fraction, outcome)), Fraction(1))
            for outcome in product(law, repeat=n)
        ),
        Fraction(0),
    )
    assert float(expected) == pytest.approx(1)


@quick
@given(trials, st.integers(-8, 64).map(lambda whole: whole / 8), levels)
def test_interval_and_p_value_reject_together(values: list[float], bound: float, level: float) -> None:
    end = lower_bound(np.array(values), 0.0, level)
    assert 0 <= end <= max(values)
    if abs(end - bound) > 1e-9:
        assert (end > bound) == (p_value(np.array(values), 0.0, bound) < level)


@quick
@given(trials, levels, st.sampled_from([0.25, 8.0]), st.sampled_from([-4.0, 0.0, 3.0]))
def test_the_bound_moves_and_stretches_with_the_values(
    values: list[float], level: float, scale: float, shift: float
) -> None:
    before = lower_bound(np.array(values), 0.0, level)
    after = lower_bound(shift + scale * np.array(values), shift, level)
    assert after == pytest.approx(shift + scale * before, rel=1e-9, abs=1e-9)


@quick
@given(trials, levels)
def test_the_order_of_trials_does_not_matter_and_a_smaller_level_gives_less(values: list[float], level: float) -> None:
    end = lower_bound(np.array(values), 0.0, level)
    assert lower_bound(np.array(values[::-1]), 0.0, level) == pytest.approx(end, rel=1e-9, abs=1e-12)
    assert lower_bound(np.array(values), 0.0, level / 2) <= end


@quick
@given(trials, eighths, st.lists(st.integers(1, 12), min_size=1, max_size=4))
def test_what_was_won_at_a_look_counts(values: list[float], bound: float, looks: list[int]) -> None:
    seen = [p_value(np.array(values[: min(look, len(values))]), 0.0, bound) for look in looks]
    assert p_value(np.array(values), 0.0, bound, sorted(looks)) == pytest.approx(min(seen), rel=1e-9)


def test_values_at_the_lower_end_refute_nothing_and_no_mean_is_below_it() -> None:
    assert p_value(np.zeros(9), 0.0, 0.0) == 1
    assert lower_bound(np.zeros(9), 0.0, 0.05) == 0
    assert p_value(np.ones(2), 0.0, -0.1) == 0
    assert p_value(np.ones(2), 0.0, 0.0) == 0


# --- Statistical ---

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
LAWS: dict[str, tuple[Draw, float]] = {
    "exponential": (lambda random, n: random.exponential(1.0, n), 1.0),
    "Pareto of infinite variance": (lambda random, n: 1 + random.pareto(1.5, n), 3.0),
    "rarely large": (lambda random, n: 100.0 * (random.random(n) < 0.01), 1.0),
}


@pytest.mark.parametrize("law", LAWS)
def test_a_gambler_who_looks_after_every_trial_wins_no_more_often_than_the_level(law: str) -> None:
    """Looks after each of 64 trials, at values whose mean is the bound.

    Null: she ever refutes it with probability at most 0.05, in 1,000 repetitions. Level 10⁻⁶, so that more than 87
    are refused. Power, for Student's test looked at as often on exponential values negated (0.3 and more): above 0.999.
    """
    draw, mean = LAWS[law]
    random = np.random.default_rng(5)
    looks = range(1, 65)
    wrong = sum(p_value(draw(random, 64), 0.0, mean, looks) < 0.05 for _ in range(1000))
    assert wrong <= stats.binom.isf(1e-6, 1000, 0.05)
