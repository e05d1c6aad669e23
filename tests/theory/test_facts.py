"""Signs and ranges: what is called non-negative is so at every point that the domain allows."""

from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theory.assumptions import STEP_AT_MOST_INVERSE_L
from theory.facts import Range, Refused, at_most, nonnegative, residual
from theory.operator.units import KEPT, UNITS
from theory.symbols import G, K, L, T, eta, g, i, n, sigma, t, u, w
from theory.terms import Dot, Inner, Norm2

ALL_STEPS = Range(t, sp.Integer(0), T - 1)
BUT_LAST = Range(t, sp.Integer(0), T - 2)
STEP = STEP_AT_MOST_INVERSE_L.domain

positive = st.fractions(Fraction(1, 8), 8, max_denominator=8)
naturals = st.integers(0, 6)

# a domain, and its points: what the restriction says, with no use of the substitution
DOMAINS = {
    "free": ({}, st.builds(lambda a, b, c, d: {T: 1 + a, t: b, eta: c, L: d}, naturals, naturals, positive, positive)),
    "all steps": (
        ALL_STEPS.domain(),
        st.builds(lambda a, b, c, d: {T: a + b + 1, t: b, eta: c, L: d}, naturals, naturals, positive, positive),
    ),
    "all but the last": (
        BUT_LAST.domain(),
        st.builds(lambda a, b, c, d: {T: a + b + 2, t: b, eta: c, L: d}, naturals, naturals, positive, positive),
    ),
    "step at most 1/L": (
        STEP,
        st.builds(
            lambda a, b, c, part: {T: 1 + a, t: b, eta: part / c, L: c},
            naturals,
            naturals,
            positive,
            st.fractions(Fraction(1, 9), 1, max_denominator=9),
        ),
    ),
}

blocks = st.sampled_from(
    [
        T,
        t,
        eta,
        L,
        sigma,
        T - t - 1,
        T - t - 2,
        T - 1,
        T - 2,
        1 - eta * L,
        1 / L - eta,
        2 - eta * L,
        eta - L,
        1 - 2 * eta * L,
    ]
)
signs = st.sampled_from([-2, -1, sp.Rational(1, 2), 1, 3])
products = st.builds(
    lambda k, numerator, denominator: k * sp.prod(numerator) / sp.prod(denominator),
    signs,
    st.lists(blocks, max_size=3),
    st.lists(blocks, max_size=2),
)
expressions = st.builds(sp.Add, products, st.one_of(st.just(sp.Integer(0)), products))


@pytest.mark.parametrize("name", DOMAINS)
@given(data=st.data())
@settings(deadline=None, max_examples=80)
def test_yes_means_nonnegative_everywhere(name, data):
    domain, points = DOMAINS[name]
    expr = data.draw(expressions)
    assume(not expr.has(sp.zoo, sp.nan))
    if nonnegative(expr, domain):
        for _ in range(4):
            point = data.draw(points) | {sigma: data.draw(st.fractions(0, 4, max_denominator=4))}
            number = expr.subs({symbol: sp.Rational(x) for symbol, x in point.items()}, simultaneous=True)
            assert number.is_finite
            assert number >= 0


@pytest.mark.parametrize(
    ("expr", "domain"),
    [
        (eta**2 * sigma**2, {}),
        (T - 1, {}),
        (Norm2(w(t)), {}),
        (T - t - 1, ALL_STEPS.domain()),
        (1 / (T - t), ALL_STEPS.domain()),
        (2 * eta / (T * (T - t - 1)), BUT_LAST.domain()),
        (1 - eta * L, STEP),
        (eta * (1 - L * eta) / 2, STEP),
        (1 / L - eta, STEP),
        (1 / sp.Sum(1 / sp.sqrt(t + 1), (t, 0, T - 1)), {}),
        (sp.Sum(1 / (T - t), (t, 0, T - 1)), {}),
    ],
    ids=str,
)
def test_the_signs_that_proofs_need_are_seen(expr, domain):
    assert nonnegative(expr, domain)


@pytest.mark.parametrize(
    ("expr", "domain"),
    [
        (-eta, {}),
        (1 - eta * L, {}),
        (T - t - 1, {}),
        (T - t - 2, ALL_STEPS.domain()),
        (1 / (T - t - 1), ALL_STEPS.domain()),
        ((T / 2 - t / 2 - sp.Rational(1, 2)) / (T - t - 1), ALL_STEPS.domain()),
        (1 / sigma, {}),
        (1 - 2 * eta * L, STEP),
        (Inner(w(t), u), {}),
        (1 / sp.Sum(t, (t, 0, T - 1)), {}),
        (1 / sp.Sum(1 / (t + 1), (t, 0, T - 2)), {}),
        (sp.Sum(1 / (T - t), (t, 0, T)), {}),
        (sp.Sum(T - t, (t, 0, T + 1)), ALL_STEPS.domain()),
        (sp.Sum(Norm2(w(t)), (t, 0, T - 1)) - 1, {}),
    ],
    ids=str,
)
def test_what_may_be_negative_or_undefined_is_not_called_nonnegative(expr, domain):
    assert not nonnegative(expr, domain)


def image(of: Range, size: int) -> set[tuple[int, int]]:
    """The pairs (index, horizon ≤ size) that the substitution reaches from free naturals."""
    (horizon,) = of.upper.free_symbols
    (replacement,) = of.domain().values()
    (slack,) = replacement.free_symbols - {of.index, horizon}
    first = 1 if of.index.is_positive else 0
    return {
        (index, int(reached))
        for index in range(first, size + 1)
        for extra in range(size + 1)
        if (reached := replacement.subs({of.index: index, slack: extra}, simultaneous=True)) <= size
    }


@pytest.mark.parametrize("of", [ALL_STEPS, BUT_LAST, UNITS, KEPT], ids=lambda of: f"{of.lower}..{of.upper}")
def test_domain_parametrises_exactly_the_range(of):
    (horizon,) = of.upper.free_symbols
    size = 7
    inside = {
        (index, long)
        for long in range(1, size + 1)
        for index in range(int(of.lower), int(of.upper.subs(horizon, long)) + 1)
    }
    assert image(of, size) == inside


@pytest.mark.parametrize(
    ("index", "lower", "upper"),
    [(T, sp.Integer(1), T - 1), (t, T, t), (t, sp.Integer(-1), T), (i, sp.Integer(0), n), (t, sp.Integer(0), T / 2)],
    ids=str,
)
def test_ranges_are_of_integers_in_the_domain_of_their_own_index(index, lower, upper):
    with pytest.raises(Refused):
        Range(index, lower, upper)


def test_a_range_without_a_single_horizon_restricts_nothing():
    assert Range(i, sp.Integer(1), n - K).domain() == {}
    assert Range(i, sp.Integer(1), sp.Integer(5)).domain() == {}


def test_residual_is_what_the_certificate_leaves():
    step = {w(t + 1): w(t) - eta * g(t)}
    fact = at_most(Norm2(w(t + 1)), Norm2(w(t)) - 2 * eta * Inner(g(t), w(t)) + eta**2 * G**2)
    moment = at_most(Norm2(g(t)), G**2)
    assert residual(fact, eta**2 * moment.gap, step) == 0
    left = residual(fact, sp.Integer(0), step)
    assert left.subs({G: 5, eta: sp.Rational(1, 2), Dot(g(t), g(t)): 9}) == 4
