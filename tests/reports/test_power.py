"""The power of a row: what it says would be caught is caught."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from reports.confidence import Sample
from reports.power import power

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
LAWS: dict[str, Draw] = {
    "narrow": lambda random, n: 1 + 0.1 * random.uniform(-1, 1, n),
    "normal": lambda random, n: random.normal(1.0, 0.3, n),
    "exponential": lambda random, n: random.exponential(1.0, n),
}


@pytest.mark.parametrize("low", [-5.0, -math.inf])
@pytest.mark.parametrize("law", LAWS)
def test_a_violation_by_the_factor_is_caught_and_by_less_is_not_always(law: str, low: float) -> None:
    """Values with a fifth of the bound as mean, then with the factor times the bound: stretched, or moved.

    Null: caught with probability at least 0.8 (the factor is an estimate for 0.9), in 200 repetitions. Level 10⁻⁴, so
    that fewer than 138 are refused. Power, if the factor were that of an even chance: above 0.999. Of violations that
    are a fourth of the way there, at most half are caught.
    """
    random = np.random.default_rng(8)
    level, n, bound = 1e-4, 64, 2.0
    factors = [power(Sample(0.4 * LAWS[law](random, n), bound, low), level) for _ in range(20)]
    factor = float(np.median([found or math.nan for found in factors]))
    assert 1 < factor < 20

    def caught(by: float) -> int:
        if low == -math.inf:
            draws = (0.4 * LAWS[law](random, n) + by * bound - 0.4 for _ in range(200))
        else:
            stretch = (by * bound - low) / (0.4 - low)
            draws = (low + stretch * (0.4 * LAWS[law](random, n) - low) for _ in range(200))
        return sum(Sample(values, bound, low).p_values[0] < level for values in draws)

    assert caught(factor) >= stats.binom.ppf(1e-4, 200, 0.8)
    assert caught(1 + (factor - 1) / 4) <= 100


def test_more_trials_and_a_larger_level_catch_more() -> None:
    values = np.random.default_rng(1).exponential(0.2, 400)
    by_size = [power(Sample(values[:n], 1.0, 0.0), 1e-3) or math.inf for n in (2, 32, 100, 400)]
    assert by_size == sorted(by_size, reverse=True)
    by_level = [power(Sample(values, 1.0, 0.0), level) or math.inf for level in (1e-9, 1e-3, 0.05)]
    assert by_level == sorted(by_level, reverse=True)


def test_there_is_none_where_no_violation_could_be_told() -> None:
    values = np.random.default_rng(1).exponential(1.0, 40)
    assert power(Sample(values, 0.0, 0.0), 0.05) is None
    assert power(Sample(values, math.inf, 0.0), 0.05) is None
    assert power(Sample(values[:8], 1.0), 0.05) is None
    assert power(Sample(np.append(values, math.nan), 1.0, 0.0), 0.05) is None
    assert power(Sample(values[:2], 1.0, 0.0), 1e-30) is None
