"""The checker can fail: it refuses every damaged copy of every claim, and what they say is really false."""

from fractions import Fraction
from functools import partial
from itertools import product

import pytest
import sympy as sp

from theory import claims
from theory.claim import Claim, Refuted
from theory.facts import at_most, equals
from theory.mutants import mutants
from theory.steps import Certificate
from theory.symbols import D, Delta, G, L, T, eta, sigma
from theory.terms import FixedVector, Norm2

KINDS = ("sign flipped", "constant halved", "hypothesis dropped", "exponent of T sharpened")
RATES = ("R1", "R3", "R6")


@pytest.mark.parametrize("id", claims)
def test_claim_is_proved_and_its_mutants_are_not(id):
    claim = claims[id]
    original = claim.prove()
    assert original.refused is None
    made = list(mutants(claim))
    assert len(made) >= 6
    assert [mutant.damage for mutant in made if not mutant.refused(original)] == []
    assert [mutant.damage for mutant in made if mutant.claim.prove().proved] == []


@pytest.mark.parametrize("id", claims)
def test_mutants_have_names_of_their_own_and_differ_from_the_claim(id):
    made = list(mutants(claims[id]))
    assert len({mutant.damage for mutant in made}) == len(made)
    assert all(vars(mutant.claim) != vars(claims[id]) for mutant in made)


@pytest.mark.parametrize("id", claims)
def test_every_hypothesis_is_dropped_and_every_constant_sharpened(id):
    claim = claims[id]
    if isinstance(claim, Refuted):
        return
    damages = [mutant.damage for mutant in mutants(claim)]
    terms = [term for term in sp.Add.make_args(sp.expand(claim.statement.rhs, deep=False)) if term != 0]
    assert {f"hypothesis dropped: {a.id}" for a in claim.assumptions} <= set(damages)
    assert sum(damage.startswith(("constant halved", "constant doubled")) for damage in damages) == len(terms)
    assert any("sign flipped" in damage for damage in damages)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("id", RATES)
def test_rates_have_mutants_of_every_kind(id, kind):
    assert any(kind in mutant.damage for mutant in mutants(claims[id]))


def mean_gap(w0, steps, slope):
    """F(average) − F(0) for F = slope·|w|, deterministic subgradients."""
    iterates = descent(w0, steps, lambda w: slope * ((w > 0) - (w < 0)))
    return slope * abs(sum(iterates) / len(iterates))


def last_gap(w0, steps, slope):
    """F(last) − F(0) for F = slope·|w|; the last step size is 0."""
    return slope * abs(descent(w0, steps, lambda w: slope * ((w > 0) - (w < 0)))[-1])


def mean_square_gradient(w0, steps, smoothness, noise):
    """(1/T) Σ E F'(w_t)² for F = L·w²/2 and gradients F' ± noise: the mean over all sign sequences."""
    paths = []
    for signs in product((-1, 1), repeat=len(steps)):
        coins = iter(signs)
        iterates = descent(w0, steps, lambda w, coins=coins: smoothness * w + next(coins) * noise)
        paths.append(sum((smoothness * w) ** 2 for w in iterates) / len(iterates))
    return sum(paths) / len(paths)


def descent(w, steps, gradient):
    """w_0 … w_{T−1}."""
    iterates = []
    for step in steps:
        iterates.append(w)
        w -= step * gradient(w)
    return iterates


F = Fraction


def instances():
    """Claim, measured metric, and the constants, which the instance satisfies."""
    for horizon, scale in ((1, F(1)), (2, F(7, 10)), (1, F(1, 2))):
        start = F(1) if scale > F(1, 2) else F(1, 2)
        known = {T: horizon, eta: scale, D: start, G: F(1)}
        yield "R1", mean_gap(start, [scale] * horizon, F(1)), known
        decay = [scale * (1 - F(t + 1, horizon)) for t in range(horizon)]
        yield "R3", last_gap(start, decay, F(1)), known
    for horizon, start, noise in ((1, F(1), F(0)), (2, F(1), F(0)), (3, F(1, 10), F(1))):
        for smoothness, scale in ((F(1), F(1)), (F(2), F(1, 2)), (F(2), F(1, 3))):
            known = {T: horizon, eta: scale, L: smoothness, sigma: noise, Delta: smoothness * start**2 / 2}
            yield "R6", mean_square_gradient(start, [scale] * horizon, smoothness, noise), known


INSTANCES = tuple(instances())


def at(bound: sp.Expr, known: dict) -> sp.Rational:
    number = bound.subs({symbol: sp.Rational(x) for symbol, x in known.items()})
    assert number.is_Rational
    return number


@pytest.mark.parametrize(("id", "measured", "known"), INSTANCES)
def test_the_claim_itself_holds_on_the_instances(id, measured, known):
    assert sp.Rational(measured) <= at(claims[id].statement.rhs, known)


@pytest.mark.parametrize(
    ("id", "mutant"),
    [
        pytest.param(id, mutant, id=f"{id}: {mutant.damage}")
        for id in RATES
        for mutant in mutants(claims[id])
        if mutant.damage.startswith(("constant halved", "exponent of T sharpened"))
    ],
)
def test_sharper_bounds_are_false(id, mutant):
    """In exact arithmetic. Half of R6's noise term is true up to T = 2: a last gradient never needs its noise."""
    bound = mutant.claim.statement.rhs
    assert any(sp.Rational(measured) > at(bound, known) for name, measured, known in INSTANCES if name == id)


toy = partial(Claim, id="toy", title="", setting="", source="", assumptions=())
a, b = FixedVector("a"), FixedVector("b")


@pytest.mark.parametrize(
    "claim",
    [
        toy(
            statement=equals(Norm2(a + b) + Norm2(a - b), 2 * Norm2(a) + 2 * Norm2(b)),
            proof=(Certificate("c", None),),
        ),
        toy(statement=at_most(-Norm2(a), 0), proof=(Certificate("c", None, squares=((sp.Integer(1), a),)),)),
    ],
    ids=["equality", "bound 0"],
)
def test_no_mutant_is_a_true_copy(claim):
    original = claim.prove()
    assert original.proved
    assert all(mutant.refused(original) for mutant in mutants(claim))
