"""The judge errs as rarely as it says, and convicts every damaged copy of a claim.

Damage is done to what each claim attains on an instance: its bound times the attained tightness, so that a mutant is
false by exactly what was done to it, whether the claim itself is tight there or not.
"""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import sympy as sp
from scipy import stats

from reports import judge
from reports.cell import Cell
from reports.confidence import Sample
from reports.profiles import cells
from sim import Horizon, Run
from theory import Rate, claims
from theory.symbols import G, T, sigma, sigma_star, zeta

NOISE = {symbol: sp.Integer(0) for symbol in (G, sigma, sigma_star, zeta)}
RATES = [id for id, claim in claims.items() if isinstance(claim, Rate)]


@cache
def instance(id: str) -> tuple[Cell, Run]:
    """The claim's first exact cell of the quick profile on which something is left to measure, at T > 1."""
    for cell in cells("quick"):
        if cell.claim == id and cell.exact:
            cell = replace(cell, horizons=cell.horizons[1:3])
            run = cell.run()
            if all(row.values[0] > 1e3 * row.rounding for row in run.horizons):
                return cell, run
    raise LookupError(f"{id} has no exact cell that measures more than rounding")


def statuses(claim: Rate, run: Run) -> list[str]:
    return [row.status for row in judge([(claim, run, "")], 0.05)]


def bounded(claim: Rate, bound: sp.Expr) -> Rate:
    """The claim with another bound, and its own step."""
    return replace(claim, bound=bound, scale=claim.tuning.eta)


def damaged(claim: Rate) -> dict[str, sp.Expr]:
    """Bounds that are too good: half the constant, T^{-1/2} made T^{-1}, no noise floor, the next horizon's bound."""
    bounds = {
        "constant": claim.bound / 2,
        "exponent": claim.bound / sp.sqrt(T),
        "horizon": claim.bound.subs(T, T + 1),
    }
    quiet = claim.bound.subs(NOISE)
    # a claim whose bound is all noise has no floor to drop, nor one without noise
    return bounds | ({"noise floor": quiet} if quiet not in (0, claim.bound) else {})


@pytest.mark.parametrize("id", RATES)
def test_every_mutant_of_what_a_claim_attains_is_convicted_by_exact_expectations(id: str) -> None:
    cell, run = instance(id)
    claim = cell.rate
    assert set(statuses(claim, run)) == {"holds"}
    convicted = {}
    for row, verdict in zip(run.horizons, judge([(claim, run, "")]), strict=True):
        assert verdict.tightness is not None
        alone = replace(run, horizons=(row,))
        # attained, give or take twice the rounding
        attained = verdict.tightness * (1 + 2 * row.rounding / row.values[0])
        assert statuses(bounded(claim, attained * claim.bound), alone) == ["holds"]
        for damage, bound in damaged(claim).items():
            convicted[damage, row.T] = statuses(bounded(claim, verdict.tightness * bound), alone)
    assert set(map(tuple, convicted.values())) == {("violated",)}, convicted


# --- Trials ---


@pytest.mark.parametrize("id", ["R1", "R3", "R4", "R5s", "R6", "R7", "R9"])
def test_trials_convict_half_of_what_a_claim_attains_and_clear_all_of_it(id: str) -> None:
    """20 samples of 64 trials, whose expectation is known exactly.

    Half of it as bound: all 20 are convicted at level 10⁻³. All of it: none is convicted at level 0.05. Null: each is,
    with probability 0.05 at most, so that up to 6 may be (10⁻⁴); power, if 0.6 were: above 0.99.
    """
    cell, run = instance(id)
    expected = run.horizons[-1].values[0]
    trials = replace(cell, exact=False, trials=20 * 64, looks=99, horizons=cell.horizons[-1:]).run()
    (row,) = trials.horizons
    assert row.low > -math.inf
    samples = np.array(row.values).reshape(20, 64)
    caught = [Sample(values, expected / 2, row.low, row.high).p_values[0] < 1e-3 for values in samples]
    wrong = [Sample(values, expected, row.low, row.high).p_values[0] < 0.05 for values in samples]
    assert (all(caught), sum(wrong) <= 6) == (True, True), (caught, expected, row.low)


# --- False alarms ---


DECLARED = {"G": 1.0, "D": 1.0}


def attained_by(expected: float) -> Rate:
    """R1 with a multiple of its bound, which is ``expected`` at T = 8 and η = 0.1."""
    return replace(claims["R1"], bound=claims["R1"].bound * expected / claims["R1"].bound_at(8, 0.1, DECLARED))


def convicted(claim: Rate, values: np.ndarray, low: float) -> bool:
    row = Horizon(8, 0.1, tuple(values.tolist()), 0.0, {"G": 0.5, "convexity": -1.0}, low=low)
    run = Run("made up", "SGD", "average_gap", "monte_carlo", 3, 0, DECLARED, True, (row,))
    return statuses(claim, run) == ["violated"]


@pytest.mark.parametrize("low", [0.0, -math.inf])
@pytest.mark.parametrize("law", ["narrow", "exponential", "lognormal", "Pareto of infinite variance", "left-skewed"])
def test_a_true_claim_that_is_attained_is_convicted_no_more_often_than_the_level(law: str, low: float) -> None:
    """1,000 repetitions of 48 trials at family-wise level 0.05, of metrics with and without a known lower end.

    Null: convicted with probability at most 0.05. Level 10⁻³, so that more than 73 are refused. Power, for the interval
    at 0.05 of Student on the left-skewed values (0.1 and more of them): 0.99.
    """
    random = np.random.default_rng(9)
    draw, expected = {
        "narrow": (lambda: 1 + 0.1 * random.uniform(-1, 1, 48), 1.0),
        "exponential": (lambda: random.exponential(1.0, 48), 1.0),
        "lognormal": (lambda: np.exp(random.normal(size=48)), math.exp(0.5)),
        "Pareto of infinite variance": (lambda: 1 + random.pareto(1.5, 48), 3.0),
        "left-skewed": (lambda: 100.0 - np.exp(random.normal(size=48)).clip(max=100), 100 - math.exp(0.5)),
    }[law]
    claim = attained_by(expected)
    wrong = sum(convicted(claim, draw(), low) for _ in range(1000))
    assert wrong <= stats.binom.isf(1e-3, 1000, 0.05)
