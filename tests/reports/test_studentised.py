"""Student's bound with its check of the tails: against SciPy, and by how often it errs where tails are not normal's."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from reports.studentised import FEWEST, Studentised

quick = settings(max_examples=50)
sizes = st.integers(FEWEST, 80)
seeds = st.integers(0, 2**32 - 1)
levels = st.sampled_from([0.2, 0.05, 1e-3, 1e-6])


def drawn(seed: int, n: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).exponential(1.0, n)


@quick
@given(seeds, sizes, st.floats(-2, 1), levels)
def test_bound_and_p_value_reject_together(seed: int, n: int, bound: float, level: float) -> None:
    for values in (drawn(seed, n), -drawn(seed, n)):
        tested = Studentised(values)
        end = tested.lower_bound(level)
        if math.isfinite(end) and abs(end - bound) > 0.05 * tested.error:
            assert (end > bound) == (tested.p_value(bound) < level)


@quick
@given(seeds, sizes, levels)
def test_skewness_and_caution_only_widen_the_interval_of_student(seed: int, n: int, level: float) -> None:
    for values in (drawn(seed, n), -drawn(seed, n)):
        student = stats.ttest_1samp(values, 0.0, alternative="greater").confidence_interval(1 - level).low
        assert Studentised(values).lower_bound(level) <= student + 1e-9
    for centre in np.linspace(-1, 3, 9):
        assert Studentised(values).p_value(centre) >= min(
            1.0, stats.ttest_1samp(values, centre, alternative="greater").pvalue * (1 - 1e-9)
        ) * (Studentised(values).doubt is None)


@quick
@given(seeds, sizes, levels)
def test_values_that_are_skewed_towards_safety_give_student_himself(seed: int, n: int, level: float) -> None:
    """A long tail on the far side of the bound, by three standard errors of the skewness, asks for no correction."""
    values = drawn(seed, n) ** 1.5
    student = stats.ttest_1samp(values, 0.0, alternative="greater").confidence_interval(1 - level).low
    if stats.skew(values) >= 3 * math.sqrt(6 / n) and Studentised(values).doubt is None:
        assert Studentised(values).skewness == 0
        assert Studentised(values).lower_bound(level) == pytest.approx(student, rel=1e-6)


@quick
@given(seeds, sizes, st.sampled_from([0.25, 8.0]), st.floats(-4, 4), levels)
def test_the_bound_moves_and_stretches_with_the_values(
    seed: int, n: int, scale: float, shift: float, level: float
) -> None:
    before = Studentised(drawn(seed, n)).lower_bound(level)
    assert Studentised(shift + scale * drawn(seed, n)).lower_bound(level) == pytest.approx(
        shift + scale * before, rel=1e-6, abs=1e-6
    )


# --- Doubt ---


@quick
@given(seeds, st.integers(2, FEWEST - 1))
def test_few_values_say_nothing(seed: int, n: int) -> None:
    tested = Studentised(drawn(seed, n))
    assert f"{n} trials" in (tested.doubt or "")
    assert (tested.p_value(-1e9), tested.lower_bound(0.05)) == (1.0, -math.inf)


@quick
@given(seeds, sizes, st.sampled_from([-1e9, 1e9]))
def test_one_dominating_value_is_a_heavy_tail(seed: int, n: int, far: float) -> None:
    tested = Studentised(np.append(drawn(seed, n), far))
    assert "heavy tails: one trial makes up 9" in (tested.doubt or "") or "100%" in (tested.doubt or "")
    assert (tested.p_value(-1e12), tested.lower_bound(0.05)) == (1.0, -math.inf)


@quick
@given(st.floats(-1e6, 1e6), sizes, levels)
def test_without_spread_the_mean_is_known(value: float, n: int, level: float) -> None:
    tested = Studentised(np.full(n, value))
    assert tested.lower_bound(level) == value
    assert (tested.p_value(value), tested.p_value(value - 1)) == (1.0, 0.0)


def test_values_too_large_to_be_squared_leave_everything_open() -> None:
    tested = Studentised(np.linspace(1e200, 4e200, FEWEST))
    assert tested.lower_bound(0.05) == -math.inf
    assert "too large" in (tested.doubt or "")


# --- Statistical ---

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
LAWS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda random, n: random.normal(1.0, 2.0, n), 1.0),
    "Student's t with 3 degrees": (lambda random, n: random.standard_t(3, n), 0.0),
    "exponential": (lambda random, n: random.exponential(1.0, n), 1.0),
    "lognormal": (lambda random, n: np.exp(random.normal(size=n)), math.exp(0.5)),
    "lognormal, σ = 2": (lambda random, n: np.exp(2 * random.normal(size=n)), math.exp(2)),
    "Pareto of infinite variance": (lambda random, n: 1 + random.pareto(1.5, n), 3.0),
}


@pytest.mark.parametrize("n", [FEWEST, 128])
@pytest.mark.parametrize("law", LAWS)
def test_a_mean_is_called_smaller_than_it_is_no_more_often_than_the_level_says(law: str, n: int) -> None:
    """The dangerous side: a long tail that the values may not show lies beyond the bound.

    Null: the upper bound of the mean is below it with probability at most 0.05, in 1,000 repetitions. Level 10⁻³, so
    that more than 73 are refused. Power: Student's test without correction and check misses 0.27 and more of the means
    of the two heaviest tails (above 0.999).
    """
    draw, mean = LAWS[law]
    random = np.random.default_rng(3)
    missed = sum(Studentised(-draw(random, n)).p_value(-mean) < 0.05 for _ in range(1000))
    assert missed <= stats.binom.isf(1e-3, 1000, 0.05)


def test_heavy_tails_are_mostly_left_undecided_where_the_mean_does_not_exist() -> None:
    """Cauchy values against a bound of 100.

    Null: a verdict (right or wrong: there is none) in at most half of 400 repetitions. Level 10⁻³. Power, for Student's
    test, which decides 0.98 of them: above 0.999.
    """
    random = np.random.default_rng(4)
    decided = sum(Studentised(-np.abs(random.standard_cauchy(128))).p_value(-100.0) < 0.05 for _ in range(400))
    assert decided <= stats.binom.isf(1e-3, 400, 0.5)
