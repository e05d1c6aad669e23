"""Levels shared by Holm's procedure, against its definition: the closure of Bonferroni's test."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reports.confidence import Sample, holm_levels


class Row(NamedTuple):
    """A row of which only the p-values matter."""

    p_values: tuple[float, float]


LEVEL = 0.1
near = st.builds(lambda share, nudge: LEVEL / share * nudge, st.integers(1, 8), st.sampled_from([0.5, 0.99, 1.0, 1.01]))
one_sided = near | st.just(0.0) | st.floats(0, 1)
tested_rows = (
    one_sided.map(lambda p: Row((p, 1 - p))) | one_sided.map(lambda p: Row((1 - p, p))) | st.just(Row((1.0, 1.0)))
)
studies = st.lists(tested_rows, min_size=1, max_size=4)


def rejected_by_closure(p_values: list[float], level: float) -> list[bool]:
    """A hypothesis falls when Bonferroni's test refuses every intersection of hypotheses that it takes part in."""
    all_of_them = range(len(p_values))
    standing = [
        group
        for size in range(1, len(p_values) + 1)
        for group in combinations(all_of_them, size)
        if min(p_values[k] for k in group) >= level / size
    ]
    return [not any(k in group for group in standing) for k in all_of_them]


def rejections(samples: list[Row], level: float) -> list[bool]:
    return [min(row.p_values) < at for row, at in zip(samples, holm_levels(samples, level), strict=True)]


@given(studies)
def test_rows_are_decided_as_by_closed_testing_of_both_sides_of_each(samples: list[Row]) -> None:
    closed = rejected_by_closure([p for row in samples for p in row.p_values], LEVEL)
    assert rejections(samples, LEVEL) == [any(closed[2 * k : 2 * k + 2]) for k in range(len(samples))]


@given(studies)
def test_each_rejection_leaves_one_hypothesis_less_to_share_with(samples: list[Row]) -> None:
    levels, m = holm_levels(samples, LEVEL), len(samples)
    decided = rejections(samples, LEVEL)
    shares = [LEVEL / (2 * m - before) for before in range(sum(decided))]
    assert sorted(at for at, done in zip(levels, decided, strict=True) if done) == pytest.approx(shares)
    rest = [at for at, done in zip(levels, decided, strict=True) if not done]
    assert rest == pytest.approx([LEVEL / (2 * m - sum(decided))] * len(rest))


@given(studies.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(range(len(rows))))))
def test_decisions_do_not_depend_on_the_order_of_rows(case: tuple[list[Row], list[int]]) -> None:
    samples, order = case
    decided = rejections(samples, LEVEL)
    assert rejections([samples[k] for k in order], LEVEL) == [decided[k] for k in order]


def test_nothing_is_shared_among_no_rows() -> None:
    assert holm_levels([], LEVEL) == []


def test_wrong_rejections_are_as_rare_as_the_level_of_the_family() -> None:
    """Four rows of four normal values whose mean is exactly the bound, so that every rejection is wrong.

    Null: some row of a study is rejected with probability at most 0.2, in 250 studies. Level 10⁻⁶, so that more than
    82 studies with a rejection are refused. Power, if the level were not shared (0.87 of the studies): above 0.999.
    """
    random = np.random.default_rng(11)
    wrong = 0
    for _ in range(250):
        wrong += any(rejections([Row(Sample(random.normal(3.0, 1.0, 4), 3.0).p_values) for _ in range(4)], 0.2))
    assert wrong <= stats.binom.isf(1e-6, 250, 0.2)
