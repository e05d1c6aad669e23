"""A sample's two sides: which evidence they rest on, and what it comes to in numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import betting
from reports.confidence import Sample
from reports.studentised import Studentised

quick = settings(max_examples=40)
eighths = st.integers(-64, 64).map(lambda whole: whole / 8)
trials = st.lists(eighths, min_size=2, max_size=48)
ends = st.sampled_from([(-math.inf, math.inf), (-9.0, math.inf), (-math.inf, 9.0), (-9.0, 9.0)])
levels = st.sampled_from([0.2, 0.05, 1e-3, 1e-6])
plans = st.sampled_from([(), (8, 16, 32, 64), (32, 40)])


def sample(values: list[float], bound: float, ends: tuple[float, float], looks: tuple[int, ...] = ()) -> Sample:
    return Sample(np.array(values, dtype=np.float64), bound, *ends, looks)


@quick
@given(trials, eighths, ends, levels, plans)
def test_interval_and_p_values_reject_together(
    values: list[float], bound: float, ends: tuple[float, float], level: float, looks: tuple[int, ...]
) -> None:
    tested = sample(values, bound, ends, looks)
    (lower, upper), (at_most, at_least) = tested.interval(level), tested.p_values
    assert lower <= upper
    near = 1e-6 + 0.05 * Studentised(tested.values).error
    if abs(lower - bound) > near:
        assert (lower > bound) == (at_most < level)
    if abs(upper - bound) > near:
        assert (upper < bound) == (at_least < level)


@quick
@given(trials, ends, levels, plans)
def test_the_mirror_image_has_the_mirrored_interval_when_it_has_no_ends(
    values: list[float], ends: tuple[float, float], level: float, looks: tuple[int, ...]
) -> None:
    none = (-math.inf, math.inf)
    lower, upper = sample(values, 0.0, none, looks).interval(level)
    assert sample([-value for value in values], 0.0, none, looks).interval(level) == pytest.approx((-upper, -lower))


@quick
@given(trials, levels)
def test_a_lower_end_makes_a_conviction_a_matter_of_betting_alone(values: list[float], level: float) -> None:
    tested = sample(values, 0.0, (-9.0, math.inf))
    assert tested.interval(level)[0] == pytest.approx(betting.lower_bound(tested.values, -9.0, level), abs=1e-9)
    assert tested.interval(level)[1] == -Studentised(-tested.values).lower_bound(level)


@quick
@given(trials, levels)
def test_two_kinds_of_evidence_share_the_level(values: list[float], level: float) -> None:
    tested = sample(values, 0.0, (-9.0, 9.0))
    bet = -betting.lower_bound(-tested.values, -9.0, level / 2)
    assert tested.interval(level)[1] == pytest.approx(
        min(bet, -Studentised(-tested.values).lower_bound(level / 2)), abs=1e-9
    )


@quick
@given(st.lists(eighths, min_size=40, max_size=64), eighths, levels)
def test_looks_at_the_spread_share_the_level(values: list[float], bound: float, level: float) -> None:
    tested = sample(values, bound, (-math.inf, math.inf), (10, 32, 36, 128))
    seen = [Studentised(np.array(values[:n])).p_value(bound) for n in (32, 36, len(values))]
    assert tested.p_values[0] == pytest.approx(min(1.0, 4 * min(seen)))


def test_a_bound_at_the_lower_end_is_not_refuted_by_rounding() -> None:
    tested = sample([1.0, 1.0 + 1e-15, 1.0] * 20, 1.0, (1.0, math.inf))
    assert tested.p_values[0] > 0.5


def test_a_value_outside_the_range_leaves_everything_open() -> None:
    tested = sample([0.0, 1.0, 2.0] * 20, 5.0, (0.0, 1.5))
    assert tested.interval(0.05) == (-math.inf, math.inf)
    assert tested.p_values == (1.0, 1.0)
    assert "outside the range" in (tested.doubt or "")
    assert tested.evidence == "none"
