"""The fitted exponent, against exact power laws and NumPy's least squares; its interval, by coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reports.slope import Slope, fit

quick = settings(max_examples=50)
grids = st.lists(st.integers(1, 10**6), min_size=2, max_size=8, unique=True)
exponents = st.floats(-2, 2)
positive = st.floats(1e-6, 1e6)


def least_squares(horizons: list[int], means: list[float]) -> float:
    """NumPy's slope of log mean against log T."""
    return np.polynomial.Polynomial.fit(np.log(horizons), np.log(means), 1).convert().coef[1]


@quick
@given(grids, positive, exponents)
def test_exponent_of_a_power_law_is_recovered(horizons: list[int], factor: float, exponent: float) -> None:
    slope = fit(horizons, [np.array([factor * float(T) ** exponent]) for T in horizons])
    assert slope is not None
    assert slope.value == pytest.approx(exponent, abs=1e-6)
    assert slope.lower == slope.value == slope.upper


@quick
@given(grids.flatmap(lambda grid: st.tuples(st.just(grid), st.lists(positive, min_size=len(grid), max_size=len(grid)))))
def test_line_is_that_of_least_squares(case: tuple[list[int], list[float]]) -> None:
    horizons, means = case
    slope = fit(horizons, [np.array([mean]) for mean in means])
    assert slope is not None
    assert slope.value == pytest.approx(least_squares(horizons, means), rel=1e-6, abs=1e-6)


@quick
@given(st.lists(st.lists(positive, min_size=2, max_size=5), min_size=2, max_size=3))
def test_line_goes_through_the_means_of_the_trials(values: list[list[float]]) -> None:
    horizons = [2**k for k in range(len(values))]
    means = [sum(trials) / len(trials) for trials in values]
    slope = fit(horizons, [np.array(trials) for trials in values])
    assert slope is not None
    assert slope.value == pytest.approx(least_squares(horizons, means), rel=1e-6, abs=1e-6)
    assert slope.lower <= slope.upper


@pytest.mark.parametrize(
    ("horizons", "values"),
    [
        ([], []),
        ([5], [[1.0]]),
        ([5, 5], [[1.0], [2.0]]),
        ([1, 2], [[1.0], [0.0]]),
        ([1, 2], [[1.0], [-1.0]]),
        ([1, 2], [[1.0, -1.0], [1.0, 1.0]]),
        ([1, 2], [[1.0], [np.nan]]),
        ([1, 2], [[1.0], [np.inf]]),
        ([1, 2], [[1.0, 2.0], [1.0, np.nan]]),
    ],
)
def test_no_slope_without_two_horizons_and_positive_finite_means(
    horizons: list[int], values: list[list[float]]
) -> None:
    assert fit(horizons, [np.array(trials) for trials in values]) is None


@pytest.mark.parametrize(
    "values",
    [
        [[5e-324], [1.0]],
        [[1e-308, 3e-308], [1.0, 1.0]],
        [[1.0, -1.0 + 1e-9, 1e-12], [1.0, 2.0, 3.0]],
        [[3.0, 3.0], [1.0, 1.0]],
    ],
)
def test_slope_is_finite_where_means_nearly_vanish_and_where_trials_agree(values: list[list[float]]) -> None:
    slope = fit([1, 8], [np.array(trials) for trials in values])
    assert slope is not None
    assert np.isfinite([slope.value, slope.lower, slope.upper]).all()
    assert slope.lower <= slope.value <= slope.upper


def test_resampling_is_seeded() -> None:
    values = [np.random.default_rng(T).gamma(2.0, 1.0, 8) for T in (1, 2, 3)]
    assert fit([1, 2, 4], values, seed=3) == fit([1, 2, 4], values, seed=3)
    assert fit([1, 2, 4], values, seed=3) != fit([1, 2, 4], values, seed=4)


def test_interval_covers_the_exponent() -> None:
    """Means T^(−1/2) under gamma noise of shape 2, 64 trials at each of four horizons.

    Null: the interval covers the exponent with probability at least 0.9 (0.95 is meant, and reached in the limit of
    many trials), in 120 fits. Level 10⁻⁶, so that fewer than 90 are refused. Power for an interval half as long,
    which covers 0.67: 0.95.
    """
    random = np.random.default_rng(5)
    horizons = [1, 4, 16, 64]
    covered = 0
    for _ in range(120):
        slope = fit(horizons, [random.gamma(2.0, T**-0.5 / 2, 64) for T in horizons])
        assert slope is not None
        covered += slope.lower <= -0.5 <= slope.upper
    assert covered >= stats.binom.ppf(1e-6, 120, 0.9)


def test_slope_reads_as_a_number_with_its_interval() -> None:
    assert str(Slope(-0.5, -0.5, -0.5)) == "-0.50"
    assert str(Slope(-0.5, -0.6, -0.45)) == "-0.50 [-0.60, -0.45]"
