"""Statuses against their definition, on runs made up for the purpose and on an instance that attains its bound."""

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from aat import InputError
from reports import Verdict, judge, verify
from reports.confidence import Sample
from reports.power import power
from reports.verdict import STATUSES
from sim import Horizon, Run
from sim.problems import Routing
from theory import Rate, claims
from theory.cited import cite

R1, R6 = claims["R1"], claims["R6"]
assert isinstance(R1, Rate)
assert isinstance(R6, Rate)

DECLARED = {"G": 2.0, "D": 3.0, "L": 5.0, "sigma": 1.5, "Delta": 4.0}
MEASURED = {"G": 1.9, "sigma": 1.5, "L": 4.0, "convexity": -0.1}
BOUNDS: dict[str, Callable[[int, float], float]] = {
    "R1": lambda T, eta: 3.0**2 / (2 * eta * T) + eta * 2.0**2 / 2,
    "R6": lambda T, eta: 2 * 4.0 / (eta * T) + 5.0 * eta * 1.5**2,
}
KEYS = {
    *("claim", "problem", "method", "engine", "horizon", "trials", "measured", "lower", "upper", "bound", "tightness"),
    *("status", "assumptions", "constants", "seed", "power", "evidence"),
}

quick = settings(max_examples=50)
ids = st.sampled_from(["R1", "R6"])
horizons = st.integers(1, 10**6)
etas = st.floats(1e-6, 0.2)
shares = st.floats(0, 3) | st.sampled_from([0.999, 1.0, 1.001])


def exact(id: str, T: int, eta: float, value: float, rounding: float = 0.0) -> Run:
    """An exact run of a claim's metric that breaks no assumption."""
    row = Horizon(T, eta, (value,), rounding, dict(MEASURED), paths=3**T if T < 40 else 0)
    return Run("made up", "hard AAT-SGD, K=2", claims[id].metric.id, "exact", 3, 0, dict(DECLARED), True, (row,))


def sampled(id: str, T: int, eta: float, *values: float) -> Run:
    """A Monte Carlo run of a claim's metric that breaks no assumption."""
    row = Horizon(T, eta, values, 0.0, dict(MEASURED))
    return Run("made up", "hard AAT-SGD, K=2", claims[id].metric.id, "monte_carlo", 3, 7, dict(DECLARED), True, (row,))


def verdict(id: str, run: Run, level: float = 1e-3) -> Verdict:
    (row,) = judge([(claims[id], run, "aat verify")], level)
    return row


def status(lower: float, upper: float, bound: float) -> str:
    return "violated" if lower > bound else "holds" if upper <= bound else "undecided"


# --- Holds, violated, undecided ---


@quick
@given(ids, st.integers(1, 20), etas, shares, st.sampled_from([0.0, 1e-12, 0.01]))
def test_an_exact_run_is_judged_give_or_take_rounding(id: str, T: int, eta: float, share: float, error: float) -> None:
    bound = BOUNDS[id](T, eta)
    value, rounding = share * bound, error * bound
    assume(error or share != 1)
    row = verdict(id, exact(id, T, eta, value, rounding))
    assert row.status == status(value - rounding, value + rounding, bound)
    assert (row.lower, row.upper, row.level) == (value - rounding, value + rounding, 0.0)
    assert row.bound == pytest.approx(bound)
    assert row.tightness == pytest.approx(share)
    assert row.power == pytest.approx(1 + 2 * error)
    assert (row.reason == "") == (row.status in ("holds", "violated"))
    assert row.trials == 3**T


@quick
@given(ids, horizons, etas, shares, st.floats(0.001, 2), st.integers(16, 30), st.sampled_from([0.05, 1e-3]))
def test_a_sampled_run_is_judged_by_a_one_sided_interval_on_each_side(
    id: str, T: int, eta: float, share: float, width: float, pairs: int, level: float
) -> None:
    """Half the trials lie above the mean and half below, as far: Student's tail, times what three standard errors of
    a skewness of 0 cost, is the level where the interval ends."""
    bound = BOUNDS[id](T, eta)
    centre, spread = share * bound, width * bound
    values = [centre - spread, centre + spread] * pairs
    row = verdict(id, sampled(id, T, eta, *values), level)
    reach, n = (row.upper - row.lower) / 2 / spread, 2 * pairs
    assert row.upper - centre == pytest.approx(centre - row.lower, rel=1e-6)
    doubted = n * (reach / math.sqrt(1 + reach**2)) ** 3 * 3 * math.sqrt(6 / n) / 3
    tail = stats.t.logsf(reach * math.sqrt(n - 1), n - 1) + doubted
    assert tail == pytest.approx(math.log(level / 2), abs=1e-6)
    assert row.status == status(row.lower, row.upper, bound)
    assert (row.measured, row.tightness) == pytest.approx((centre, share), abs=1e-9 * bound + 1e-9)
    assert (row.trials, row.level) == (2 * pairs, level / 2)
    assert row.power == power(Sample(np.array(values), claims[id].bound_at(T, eta, DECLARED)), level / 2)


def test_an_exact_value_at_its_bound_holds_and_the_next_number_violates() -> None:
    bound = R1.bound_at(8, 0.125, DECLARED)
    row = verdict("R1", exact("R1", 8, 0.125, bound))
    assert (row.status, row.tightness, row.power) == ("holds", 1.0, 1.0)
    assert verdict("R1", exact("R1", 8, 0.125, math.nextafter(bound, math.inf))).status == "violated"


def test_a_value_that_is_rounded_by_a_share_catches_a_violation_by_twice_that_share() -> None:
    bound = R1.bound_at(8, 0.125, DECLARED)
    assert verdict("R1", exact("R1", 8, 0.125, 0.1, 0.25 * bound)).power == 1.5


def wishes(bound: float, run: Run) -> Verdict:
    """The run under a claim with that bound."""
    wish = cite("wish", metric="average_gap", bound="D - G", step="D", assumptions=("convex",))
    (row,) = judge([(wish, replace(run, constants={"D": 3.0, "G": 3.0 - bound}), "")])
    return row


def test_a_small_bound_is_as_good_as_any() -> None:
    row = wishes(0.5, exact("R1", 8, 0.125, 0.25, 0.125))
    assert (row.status, row.bound, row.tightness, row.power) == ("holds", 0.5, 0.5, 1.5)


@pytest.mark.parametrize(("bound", "tightness"), [(0, None), (-2, -0.5)])
def test_nothing_is_caught_beyond_a_bound_that_is_not_positive(bound: float, tightness: float | None) -> None:
    for run in (exact("R1", 8, 0.125, 1.0, 0.5), on_row(low=-3.0)(sampled("R1", 8, 0.125, *[0.5, 1.5] * 64))):
        row = wishes(bound, run)
        assert (row.status, row.bound, row.tightness, row.power) == ("violated", bound, tightness, None)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("engine", ["exact", "monte_carlo"])
def test_a_run_that_diverged_is_undecided(engine: str, bad: float) -> None:
    run = exact("R1", 4, 0.1, bad) if engine == "exact" else sampled("R1", 4, 0.1, 0.1, 0.2, bad, 0.3)
    row = verdict("R1", run)
    assert (row.status, row.reason) == ("undecided", "the run diverged: the metric is not finite")


def test_trials_that_all_agree_are_judged_like_an_exact_run() -> None:
    bound = BOUNDS["R1"](8, 0.125)
    assert verdict("R1", sampled("R1", 8, 0.125, *[bound - 1.0] * 32)).status == "holds"
    assert verdict("R1", sampled("R1", 8, 0.125, *[bound + 1.0] * 32)).status == "violated"


def test_two_trials_are_not_enough_to_hold_unless_the_metric_has_ends() -> None:
    bound = BOUNDS["R1"](8, 0.125)
    few = sampled("R1", 8, 0.125, bound / 9, bound / 10)
    assert verdict("R1", few).status == "undecided"
    assert "2 trials do not show their tails" in verdict("R1", few).reason
    assert verdict("R1", on_row(low=0.0, high=bound)(few)).status == "holds"


def test_a_value_outside_the_declared_range_decides_nothing() -> None:
    bound = BOUNDS["R1"](8, 0.125)
    for value in (0.5 * bound, 4 * bound):
        row = verdict("R1", on_row(low=0.0, high=bound / 10)(sampled("R1", 8, 0.125, *[value] * 40)))
        assert (row.status, row.evidence) == ("undecided", "none")
        assert "outside the range of the metric" in row.reason


def test_the_only_sample_path_is_judged_like_an_exact_run() -> None:
    bound = BOUNDS["R1"](8, 0.125)
    row = verdict("R1", on_run(samples=1)(sampled("R1", 8, 0.125, 1.01 * bound, 1.01 * bound)))
    assert (row.status, row.evidence, row.level, row.power) == ("violated", "exact", 0.0, 1.0)


def test_paths_of_a_single_sample_that_differ_are_trials() -> None:
    row = verdict("R1", on_run(samples=1)(sampled("R1", 8, 0.125, *[1.0, 2.0] * 16)))
    assert (row.evidence, row.level) == ("studentised", 0.0005)


def test_an_interval_around_the_bound_decides_nothing() -> None:
    bound = BOUNDS["R1"](8, 0.125)
    row = verdict("R1", sampled("R1", 8, 0.125, *[0.9 * bound, 1.1 * bound] * 16))
    assert (row.status, row.reason) == ("undecided", "the bound lies inside the confidence interval")


def test_looks_of_a_sequential_run_share_the_level_of_its_row() -> None:
    plain = sampled("R1", 8, 0.125, *[1.0, 2.0] * 32)
    once, often = (verdict("R1", run) for run in (plain, on_row(looks=(16, 32, 64))(plain)))
    assert (often.lower, often.upper) == pytest.approx((2 * 1.5 - often.upper, often.upper))
    assert often.upper > once.upper


# --- Void ---


def on_run(**changes: object) -> Callable[[Run], Run]:
    return lambda run: replace(run, **changes)


def on_row(**changes: object) -> Callable[[Run], Run]:
    return lambda run: replace(run, horizons=tuple(replace(row, **changes) for row in run.horizons))


def without(constant: str) -> Callable[[Run], Run]:
    return on_run(constants={name: value for name, value in DECLARED.items() if name != constant})


def measuring(**changes: float) -> Callable[[Run], Run]:
    return on_row(audit={**MEASURED, **changes})


BROKEN = {
    "R1 on a problem that is not convex": ("R1", "convex", on_run(convex=False)),
    "R1 unaudited for convexity": ("R1", "convex", on_row(audit={"G": 1.0})),
    "R1 with a tangent above F(u)": ("R1", "convex", measuring(convexity=1e-6)),
    "R1 with an unmeasurable tangent": ("R1", "convex", measuring(convexity=math.nan)),
    "R1 without G": ("R1", "second moment", without("G")),
    "R1 with a larger measured G": ("R1", "second moment", measuring(G=2.001)),
    "R1 with an unmeasurable G": ("R1", "second moment", measuring(G=math.nan)),
    "R1 without D": ("R1", "distance", without("D")),
    "R6 without L, for its smoothness": ("R6", "smooth", without("L")),
    "R6 without L, for its step": ("R6", "step", without("L")),
    "R6 with a larger measured L": ("R6", "smooth", measuring(L=5.001)),
    "R6 with an unmeasurable L": ("R6", "smooth", measuring(L=math.nan)),
    "R6 without sigma": ("R6", "variance", without("sigma")),
    "R6 with a larger measured sigma": ("R6", "variance", measuring(sigma=1.501)),
    "R6 without Delta": ("R6", "suboptimality", without("Delta")),
    "R6 with a step above 1/L": ("R6", "step", on_row(eta=0.2001)),
}


@pytest.mark.parametrize("value", [0.01, 1e6])
@pytest.mark.parametrize("make", [exact, sampled])
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_assumption_voids_whatever_was_measured(case: str, make: Callable[..., Run], value: float) -> None:
    id, assumption, broken = BROKEN[case]
    sound = make(id, 4, 0.1, value, 0.0) if make is exact else make(id, 4, 0.1, *[value] * 32)
    assert verdict(id, sound).status == ("holds" if value < 1 else "violated")
    row = verdict(id, broken(sound))
    assert row.status == "void"
    assert row.assumptions[assumption].startswith("not met")
    assert f"{assumption} not met" in row.reason


@pytest.mark.parametrize("name", ["G", "L", "sigma", "convexity"])
def test_a_void_row_names_the_value_and_the_step_where_it_was_measured(name: str) -> None:
    id = "R1" if name in ("G", "convexity") else "R6"
    row = verdict(id, measuring(**{name: 7.25, f"{name} step": 37.0})(exact(id, 4, 0.1, 0.1)))
    assert row.status == "void"
    assert "7.25" in row.reason
    assert "at step 37" in row.reason


def test_a_step_that_was_not_noted_is_not_named() -> None:
    row = verdict("R6", measuring(L=7.25)(exact("R6", 4, 0.1, 0.1)))
    assert row.reason == "smooth not met: L = 7.25 was measured, 5 is declared"


def test_a_void_row_says_all_that_is_not_met_and_has_no_power() -> None:
    broken = on_run(convex=False)(without("G")(exact("R1", 4, 0.1, 0.1)))
    row = verdict("R1", broken)
    assert row.reason == "convex not met: the problem is not convex; second moment not met: no G is declared"
    assert (row.bound, row.power, row.tightness) == (None, None, None)
    unmet = on_run(convex=False)(exact("R1", 4, 0.1, 0.1))
    assert (verdict("R1", unmet).bound, verdict("R1", unmet).power) == (pytest.approx(BOUNDS["R1"](4, 0.1)), None)


@pytest.mark.parametrize("make", [exact, sampled])
def test_a_bound_of_what_no_assumption_declares_is_void_without_it(make: Callable[..., Run]) -> None:
    wish = cite("wish", metric="average_gap", bound="D/T", step="D", assumptions=("convex",))
    values = (0.1, 0.0) if make is exact else (0.1, 0.2)
    (row,) = judge([(wish, without("D")(make("R1", 4, 0.1, *values)), "")])
    assert (row.status, row.bound, row.tightness, row.power) == ("void", None, None, None)
    assert row.reason == "the bound cannot be computed from the declared constants"


def test_a_void_row_takes_nothing_from_the_level() -> None:
    void = on_run(convex=False)(sampled("R1", 4, 0.1, *[1.0, 2.0] * 16))
    (row,) = judge([(R1, void, "")])
    assert row.level == 1e-3
    centre, reach = (row.lower + row.upper) / 2, (row.upper - row.lower) / 2
    assert (centre, row.evidence) == (pytest.approx(1.5), "studentised")
    (judged,) = judge([(R1, sampled("R1", 4, 0.1, *[1.0, 2.0] * 16), "")], 2e-3)
    assert (judged.level, judged.upper) == (1e-3, pytest.approx(centre + reach))


ALSO = {"zeta": 0.5, "m": 0.25, "M": 0.0, "L_max": 5.0, "N": 3.0}
HOW = {
    "convex": ("R1", "convex", measuring(), "proved for this loss"),
    "no tangent": ("R1", "convex", on_row(audit={}), "not met: the problem is not convex"),
    "a tangent above": (
        "R1",
        "convex",
        measuring(convexity=0.125, **{"convexity step": 2.0}),
        "not met: a tangent exceeds F(u) by 0.125 at step 2",
    ),
    "declared": ("R1", "distance", measuring(), "D = 3"),
    "measured": ("R1", "second moment", measuring(G=1.25), "G = 2, measured 1.25"),
    "four digits": ("R6", "variance", measuring(sigma=1.23456), "sigma = 1.5, measured 1.235"),
    "too large": ("R1", "second moment", measuring(G=2.5), "not met: G = 2.5 was measured, 2 is declared"),
    "undeclared": ("R1", "second moment", without("G"), "not met: no G is declared"),
    "hard": ("R6", "smooth", without("L"), "not met: no L is declared (hard threshold)"),
    "step": ("R6", "step", measuring(), "η = 0.1"),
    "step of three digits": ("R6", "step", on_row(eta=0.123456), "η = 0.123"),
    "step that depends on T": ("R14", "step", on_run(constants={**DECLARED, **ALSO}), "η = 0.1"),
    "step too long": ("R6", "step", on_row(eta=0.25), r"not met: step: $\eta \le 1/L$ fails at η = 0.25"),
    "step of what is undeclared": ("R8", "step", measuring(), "not met: no M, m is declared"),
    "with replacement": ("R1", "unbiased", measuring(), "uniform sampling with replacement"),
    "without replacement": (
        "R1",
        "unbiased",
        on_run(sampling="B=2 without replacement"),
        "uniform sampling B=2 without replacement",
    ),
    "biased": ("R1", "unbiased", measuring(bias=0.125), "not met: the mean gradient is 0.125 away from ∇F"),
    "unknown bias": ("R1", "unbiased", measuring(bias=math.nan), "not met: the mean gradient is nan away from ∇F"),
    "allowed bias": ("R8", "biased", measuring(bias=0.125), "uniform sampling with replacement"),
    "reshuffled": ("R12", "reshuffled", on_run(sampling="reshuffling"), "uniform reshuffling"),
    "reshuffled batches": ("R12", "reshuffled", on_run(sampling="B=2 reshuffling"), "uniform sampling B=2 reshuffling"),
    "not reshuffled": ("R12", "reshuffled", measuring(), "not met: uniform sampling with replacement"),
    "unbiased, reshuffled": ("R1", "unbiased", on_run(sampling="reshuffling"), "not met: uniform reshuffling"),
    "biased, reshuffled": ("R8", "biased", on_run(sampling="reshuffling"), "not met: uniform reshuffling"),
    "no constant": ("R12", "whole epochs", on_run(sampling="reshuffling"), "uniform reshuffling"),
}


@pytest.mark.parametrize("case", HOW)
def test_a_row_says_how_each_assumption_is_met(case: str) -> None:
    id, assumption, change, how = HOW[case]
    row = verdict(id, change(exact(id, 4, 0.1, 0.0)))
    assert row.assumptions[assumption] == how


@pytest.mark.parametrize(
    ("id", "assumption", "constants", "audit", "name", "most"),
    [
        ("R1", "convex", {"Delta": 4.0}, {}, "convexity", 1e-9 * 5),
        ("R1", "convex", {"Delta": -4.0}, {}, "convexity", 1e-9 * 5),
        ("R1", "convex", {}, {}, "convexity", 1e-9),
        ("R1", "second moment", {"G": 2.0}, {}, "G", 2.0 * (1 + 1e-9)),
        ("R1", "unbiased", {}, {"G": 3.0}, "bias", 1e-9 * 4),
        ("R1", "unbiased", {}, {}, "bias", 1e-9),
    ],
)
def test_what_is_measured_may_exceed_what_is_declared_by_rounding_and_no_more(
    id: str, assumption: str, constants: dict[str, float], audit: dict[str, float], name: str, most: float
) -> None:
    run = on_run(constants=constants)(exact(id, 4, 0.1, 0.0))
    for value, allowed in ((most, True), (math.nextafter(most, math.inf), False)):
        (row,) = judge([(claims[id], on_row(audit={**audit, name: value})(run), "")])
        assert row.assumptions[assumption].startswith("not met") != allowed


def test_a_biased_gradient_voids_a_claim_about_unbiased_ones() -> None:
    row = verdict("R6", measuring(bias=0.01, **{"bias step": 5.0})(exact("R6", 4, 0.1, 0.1)))
    assert row.status == "void"
    assert "unbiased not met: the mean gradient is 0.01 away from ∇F at step 5" in row.reason


@quick
@given(ids, st.integers(1, 20), etas)
def test_constants_may_be_attained_and_a_step_may_be_as_large_as_its_condition(id: str, T: int, eta: float) -> None:
    measured = {name: DECLARED[name] * (1 + 1e-12) for name in ("G", "sigma", "L")}
    run = measuring(**measured, convexity=1e-12)(exact(id, T, eta, 0.0))
    row = verdict(id, run)
    assert row.status == "holds"
    assert set(row.assumptions) == {assumption.id for assumption in claims[id].assumptions}
    assert verdict("R6", exact("R6", T, 1 / DECLARED["L"], 0.0)).status == "holds"


# --- Many rows ---


@quick
@given(st.integers(1, 6), st.integers(0, 3))
def test_level_is_shared_over_the_rows_that_are_judged_by_sampling(judged: int, void: int) -> None:
    bound = BOUNDS["R1"](4, 0.1)
    undecided = sampled("R1", 4, 0.1, bound - 1, bound + 1)
    others = [on_run(convex=False)(undecided)] * void + [exact("R1", 4, 0.1, 0.1)] * void
    rows = judge([(R1, run, "") for run in [undecided] * judged + others], 0.01)
    assert [row.status for row in rows] == ["undecided"] * judged + ["void"] * void + ["holds"] * void
    assert {row.level for row in rows[:judged]} == {0.01 / (2 * judged)}


def test_the_row_that_is_clearest_against_its_own_bound_is_judged_first() -> None:
    bound = BOUNDS["R1"](4, 0.1)
    open_, clear = (
        [share * bound * (1 - width), share * bound * (1 + width)] * 32 for share, width in ((1, 0.01), (0.1, 0.5))
    )
    rows = judge([(R1, sampled("R1", 4, 0.1, *values), "") for values in (open_, clear)], 0.01)
    assert [(row.status, row.level) for row in rows] == [("undecided", 0.01 / 3), ("holds", 0.01 / 4)]


@st.composite
def studies(draw: st.DrawFn) -> list[tuple[Rate, Run, str]]:
    """Up to five runs with different horizons, sampled, exact, void or diverged."""
    pairs = []
    for T in range(1, draw(st.integers(2, 5)) + 1):
        id = draw(ids)
        centre = draw(shares) * BOUNDS[id](T, 0.1)
        values = [centre + draw(st.floats(-1, 1)) for _ in range(4)]
        run = sampled(id, T, 0.1, *values) if draw(st.booleans()) else exact(id, T, 0.1, centre)
        spoiled = draw(st.sampled_from([None, None, None, without("G"), without("L"), on_row(values=(math.nan,) * 4)]))
        pairs.append((claims[id], spoiled(run) if spoiled else run, f"row {T}"))
    return pairs


@quick
@given(studies().flatmap(lambda pairs: st.tuples(st.just(pairs), st.permutations(pairs))))
def test_verdicts_do_not_depend_on_the_order_of_rows(case: tuple[list, list]) -> None:
    before, after = ({row.horizon: json.dumps(row.as_row()) for row in judge(pairs, 0.05)} for pairs in case)
    assert before == after


def test_a_run_has_one_row_for_each_of_its_horizons_in_the_order_of_runs() -> None:
    runs = [exact("R1", 1, 0.1, 0.1), exact("R6", 2, 0.1, 0.1)]
    runs[0] = replace(runs[0], horizons=tuple(replace(runs[0].horizons[0], T=T) for T in (1, 2, 5)))
    rows = judge([(R1, runs[0], "first"), (R6, runs[1], "second")])
    told = [(row.claim, row.horizon, row.command, row.engine, row.metric) for row in rows]
    assert told == [("R1", T, "first", "exact", "average_gap") for T in (1, 2, 5)] + [
        ("R6", 2, "second", "exact", "mean_square_gradient")
    ]


# --- Rows ---


def test_a_row_says_what_was_judged_on_what() -> None:
    row = verdict("R1", sampled("R1", 4, 0.125, *[1.0, 2.0] * 16))
    assert (row.claim, row.problem, row.method) == ("R1", "made up", "hard AAT-SGD, K=2")
    assert (row.engine, row.metric, row.horizon, row.eta) == ("monte_carlo", "average_gap", 4, 0.125)
    assert (row.trials, row.seed, row.command) == (32, 7, "aat verify")
    assert (row.constants, row.audit) == (DECLARED, MEASURED)
    assert row.status in STATUSES
    with pytest.raises(FrozenInstanceError):
        row.status = "holds"  # type: ignore[misc]


@quick
@given(ids, st.integers(1, 20), etas, shares)
def test_a_row_has_every_key_and_survives_strict_json(id: str, T: int, eta: float, share: float) -> None:
    judged = verdict(id, exact(id, T, eta, share * BOUNDS[id](T, eta)))
    row = judged.as_row()
    assert set(row) >= KEYS
    assert row == asdict(judged)
    assert json.loads(json.dumps(row, allow_nan=False)) == row


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("where", ["values", "audit", "constants"])
def test_numbers_that_json_does_not_have_become_null(where: str, bad: float) -> None:
    run = exact("R1", 4, 0.1, bad if where == "values" else 0.1)
    if where == "audit":
        run = measuring(L=bad)(run)
    if where == "constants":
        run = on_run(constants={**DECLARED, "L": bad})(run)
    row = json.loads(json.dumps(verdict("R1", run).as_row(), allow_nan=False))
    bare = {"values": row["measured"], "audit": row["audit"]["L"], "constants": row["constants"]["L"]}
    assert bare[where] is None


# --- An instance that attains the bound ---


def linear_until_the_end(a: float, b: float, eta: float, T: int) -> Routing:
    """One sample with votes v₁ > v₂ and the target {2}: F = v₁ − v₂ up to the comparator, T steps downhill."""
    slope = torch.tensor([a, -b], dtype=torch.float64)
    start = torch.tensor([(eta * T + 1) * (a * a + b * b) / a, 0.0], dtype=torch.float64)
    x, support = torch.tensor([[a, b]], dtype=torch.float64), torch.tensor([[False, True]])
    return Routing(x=x, support=support, k=1, start=start, comparator=start - eta * T * slope)


@quick
@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.01, 1), st.integers(1, 12))
def test_a_bound_that_is_attained_is_not_called_violated_and_a_smaller_one_is(
    a: float, b: float, eta: float, T: int
) -> None:
    problem = linear_until_the_end(a, b, eta, T)
    (row,) = verify(R1, problem, [T], exact=True, step=eta)
    assert row.tightness == pytest.approx(1)
    assert row.status in {"holds", "undecided"}
    (row,) = verify(replace(R1, bound=0.4 * R1.bound), problem, [T], exact=True, step=eta)
    assert row.status == "violated"


def test_trials_decide_an_attained_bound_when_it_is_shrunk() -> None:
    problem = linear_until_the_end(2.0, 1.0, 0.1, 8)
    shrunk = replace(R1, bound=0.4 * R1.bound)
    assert Counter(row.status for row in verify(shrunk, problem, [8], trials=4, step=0.1)) == {"violated": 1}


def test_a_run_of_another_metric_is_refused() -> None:
    with pytest.raises(InputError, match=r"a run of last_gap for claim R1; expected a run of average_gap"):
        verdict("R1", exact("R3", 4, 0.1, 1.0))
