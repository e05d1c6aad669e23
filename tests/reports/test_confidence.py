"""The interval of a mean: against Student's test, in the limit of one heavy value, and by its coverage."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from reports.confidence import Sample

quick = settings(max_examples=50)
eighths = st.integers(-64, 64).map(lambda whole: whole / 8)
trials = st.lists(eighths, min_size=2, max_size=12)
levels = st.sampled_from([0.2, 0.05, 1e-3, 1e-6])


def sample(values: Sequence[float], bound: float = 0.0) -> Sample:
    return Sample(np.array(values, dtype=np.float64), bound)


def kurtosis(values: Sequence[float]) -> Fraction | None:
    """Of the distribution that has these values with equal probability, exactly; ``None`` if it has no spread."""
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    second, fourth = (sum((value - mean) ** power for value in exact) / len(exact) for power in (2, 4))
    return fourth / second**2 if second else None


# --- Exact ---


@quick
@given(trials, eighths, levels)
def test_interval_and_p_values_reject_together(values: list[float], bound: float, level: float) -> None:
    tested = sample(values, bound)
    at_most, at_least = tested.p_values
    lower, upper = tested.interval(level)
    assert (lower > bound) == (at_most < level)
    assert (upper < bound) == (at_least < level)


@quick
@given(trials, eighths, levels)
def test_light_tails_give_the_one_sided_test_of_student(values: list[float], bound: float, level: float) -> None:
    tails = kurtosis(values)
    assume(tails is not None and tails <= 3)
    tested = sample(values, bound)
    above, below = (stats.ttest_1samp(values, bound, alternative=side) for side in ("greater", "less"))
    assert tested.p_values == pytest.approx((above.pvalue, below.pvalue), rel=1e-9, abs=1e-300)
    bounds = above.confidence_interval(1 - level).low, below.confidence_interval(1 - level).high
    assert tested.interval(level) == pytest.approx(bounds, rel=1e-6, abs=1e-6 * tested.error)


@quick
@given(trials)
def test_degrees_of_freedom_match_the_moments_of_a_chi_square(values: list[float]) -> None:
    tails = kurtosis(values)
    assume(tails is not None)
    n = len(values)
    matched = n - 1 if tails == 1 else min(n - 1, float(2 * n / (tails - 1)))
    assert sample(values).freedom == pytest.approx(matched)


@quick
@given(st.lists(eighths, min_size=3, max_size=30), st.sampled_from([-1e9, 1e9]))
def test_one_dominating_value_leaves_the_freedom_of_one_in_n(others: list[float], far: float) -> None:
    n = len(others) + 1
    assert sample([*others, far]).freedom == pytest.approx(min(n - 1, 2 * n * (n - 1) / (n - 2) ** 2), rel=1e-4)


@quick
@given(trials, eighths, st.sampled_from([-4.0, -0.5, 0.25, 8.0]), levels)
def test_interval_moves_with_the_values(values: list[float], shift: float, scale: float, level: float) -> None:
    before = sample(values).interval(level)
    after = sample([shift + scale * value for value in values]).interval(level)
    assert after == pytest.approx(sorted(shift + scale * end for end in before), rel=1e-6, abs=1e-6)


@quick
@given(trials, levels)
def test_a_smaller_level_gives_a_wider_interval(values: list[float], level: float) -> None:
    tested = sample(values)
    (lower, upper), (lowest, highest) = tested.interval(level), tested.interval(level / 2)
    assert lowest <= lower <= tested.mean <= upper <= highest
    assert (lowest < lower) == (upper < highest) == (len(set(values)) > 1)


# --- No spread ---


@quick
@given(eighths, st.integers(2, 40), eighths, levels)
def test_without_spread_the_mean_is_known(value: float, n: int, bound: float, level: float) -> None:
    tested = sample([value] * n, bound)
    assert tested.interval(level) == (value, value)
    assert tested.p_values == (float(value <= bound), float(value >= bound))


@quick
@given(st.floats(-1e6, 1e6), st.integers(2, 48), levels)
def test_equal_values_have_no_spread_although_their_mean_is_rounded(value: float, n: int, level: float) -> None:
    tested = sample([value] * n)
    assert tested.interval(level) == pytest.approx((value, value), rel=1e-15)


@quick
@given(st.floats(0.1, 10), st.lists(st.integers(-2, 2), min_size=3, max_size=12))
def test_values_that_differ_by_rounding_are_judged_quietly(value: float, ulps: list[int]) -> None:
    values = [value + ulp * np.spacing(value) for ulp in ulps]
    assert sample(values).interval(1e-3) == pytest.approx((value, value), rel=1e-10)


def test_values_too_large_to_be_squared_leave_everything_open() -> None:
    assert sample([1e200, 2e200, 4e200]).interval(0.05) == (-np.inf, np.inf)


# --- Statistical ---

Draw = Callable[[np.random.Generator], NDArray[np.float64]]
DISTRIBUTIONS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda random: random.normal(1.0, 2.0, 3), 1.0),
    "heavy tails": (lambda random: random.standard_t(3, 16), 0.0),
    "skewed": (lambda random: -random.exponential(1.0, 16), -1.0),
}


@pytest.mark.parametrize(("name", "sides"), [("normal", 2), ("heavy tails", 2), ("skewed", 1)])
def test_an_interval_misses_the_mean_no_more_often_than_its_level_allows(name: str, sides: int) -> None:
    """Both ends for symmetric values; for values that are skewed to the left, the upper end.

    Null: one end misses the mean with probability at most 0.05, in 600 samples. Level 10⁻⁶ an end, so that more than
    58 misses are refused. Power for an interval half as long, which misses 0.14 or more: 0.99; for the normal's
    quantile in place of Student's at 3 normal values, which misses 0.12: 0.96.
    """
    draw, mean = DISTRIBUTIONS[name]
    random = np.random.default_rng(7)
    ends = np.array([Sample(draw(random), mean).interval(0.05) for _ in range(600)])
    most = stats.binom.isf(1e-6, 600, 0.05)
    assert np.sum(ends[:, 1] < mean) <= most
    assert sides == 1 or np.sum(ends[:, 0] > mean) <= most
