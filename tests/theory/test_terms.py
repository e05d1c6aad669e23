"""The proof language against numbers: what it calls equal is equal for numpy vectors, and nothing else is."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.symbols import L, T, eta, g, lam, sigma, t, u, v, w, wbar, z
from theory.terms import (
    Dot,
    FixedVector,
    Gradient,
    IllTyped,
    Inner,
    Norm2,
    Objective,
    known_by,
    normal,
    rewrite,
    vector,
)

VECTORS = (w(t), g(t), Gradient(w(t)), u)
PARAMETERS = {eta: Fraction(2, 3), L: Fraction(5), sigma: Fraction(7, 2)}
ZERO = sp.Integer(0)

integers = st.integers(-3, 3)
coefficients = st.tuples(integers, st.sampled_from([sp.Integer(1), sp.Integer(1), eta, sigma / L]))
combinations = st.lists(coefficients, min_size=len(VECTORS), max_size=len(VECTORS))
forms = st.lists(
    st.one_of(
        st.tuples(st.just("norm"), integers, combinations),
        st.tuples(st.just("inner"), integers, combinations, combinations),
        st.tuples(st.just("number"), integers),
    ),
    min_size=1,
    max_size=3,
)


def exact(number: sp.Expr) -> Fraction:
    number = sp.sympify(number).subs({p: sp.Rational(x) for p, x in PARAMETERS.items()})
    return Fraction(int(number.p), int(number.q))


def symbolic(combination):
    return sp.Add(*(k * scale * a for (k, scale), a in zip(combination, VECTORS, strict=True)))


def numeric(combination, arrays):
    return sum(k * exact(scale) * a for (k, scale), a in zip(combination, arrays, strict=True))


def expression(form):
    total = ZERO
    for kind, k, *parts in form:
        match kind:
            case "norm":
                total += k * Norm2(symbolic(parts[0]))
            case "inner":
                total += k * Inner(symbolic(parts[0]), symbolic(parts[1]))
            case "number":
                total += k
    return total


def value(form, arrays):
    total = Fraction(0)
    for kind, k, *parts in form:
        match kind:
            case "norm":
                total += k * (numeric(parts[0], arrays) ** 2).sum()
            case "inner":
                total += k * numeric(parts[0], arrays) @ numeric(parts[1], arrays)
            case "number":
                total += k
    return total


def value_of_normal_form(expr, arrays):
    """The normal form with every Gram entry replaced by the inner product of two arrays."""
    of = dict(zip(VECTORS, arrays, strict=True))
    return exact(expr.replace(Dot, lambda a, b: sp.Rational(int(of[a] @ of[b]))))


def instances(seed, how_many=1):
    rng = np.random.default_rng(seed)
    for _ in range(how_many):
        array = rng.integers(-9, 10, size=(len(VECTORS), rng.integers(3, 6)))
        yield np.vectorize(Fraction, otypes=[object])(array)


@given(forms, st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_normal_form_has_the_value_of_the_expression(form, seed):
    (arrays,) = instances(seed)
    assert value_of_normal_form(normal(expression(form)), arrays) == value(form, arrays)


@given(combinations, combinations, st.integers(-1, 1), st.integers(0, 2**32))
@settings(deadline=None, max_examples=40)
def test_normal_form_vanishes_exactly_when_the_value_always_does(a, b, off, seed):
    """Polarisation written out, ``4⟨a, b⟩ = ‖a + b‖² − ‖a − b‖²``, and the same identity missed by ``off``."""
    total, difference = symbolic(a) + symbolic(b), symbolic(a) - symbolic(b)
    apart = (4 + off) * Inner(symbolic(a), symbolic(b)) - Norm2(total) + Norm2(difference)
    always_zero = all(off * numeric(a, arrays) @ numeric(b, arrays) == 0 for arrays in instances(seed, how_many=8))
    assert (normal(apart) == 0) == always_zero


@pytest.mark.parametrize(
    "expr",
    [
        w(t),
        1 + u,
        Norm2(w(t)) + g(t),
        Inner(w(t), 3),
        Inner(w(t), g(t)) * u,
        1 / Norm2(u),
        sp.sqrt(Norm2(u)),
        sp.Abs(Inner(w(t), u)),
        Objective(Norm2(u)),
        Objective(1 + u),
        sp.Float(0.5) * Norm2(u),
        Norm2(u) + 0.1,
    ],
    ids=str,
)
def test_ill_typed_expressions_are_refused(expr):
    with pytest.raises(IllTyped):
        normal(expr)


@pytest.mark.parametrize("expr", [sp.Sum(w(t), (t, 0, T - 1)), Norm2(u) * sp.Sum(w(t), (t, 0, T - 1))], ids=str)
def test_ill_typed_expressions_in_disguise_are_refused(expr):
    with pytest.raises(IllTyped):
        normal(expr)


def test_inner_products_do_not_collapse_above_degree_two():
    assert normal(Norm2(w(t)) * Norm2(u) - Inner(w(t), u) ** 2) != 0


summands = st.lists(
    st.tuples(
        st.integers(-3, 3).filter(bool),
        st.sampled_from([sp.Integer(1), t, t**2, eta, 1 / T, eta * (T - t), 1 / (T - t)]),
        st.sampled_from([sp.Integer(1), v(t), lam(t) * v(t), Norm2(w(t)), Inner(w(t) - g(t), w(t + 1))]),
    ),
    min_size=1,
    max_size=4,
)


@given(summands, st.integers(1, 5))
@settings(deadline=None, max_examples=50)
def test_sums_distribute(terms, steps):
    """At T = 1 the range is empty."""
    total = sp.Sum(sp.Add(*(k * scale * term for k, scale, term in terms)), (t, 0, T - 2))
    before, after = (normal(expr.subs(T, steps).doit()) for expr in (total, normal(total)))
    assert before == after


def test_terms_are_counted_only_where_there_cannot_be_fewer_than_none():
    assert normal(sp.Sum(1, (t, 0, T - 2))) == T - 1
    assert normal(sp.Sum(1, (t, 0, T - 3))) != T - 2


def test_a_sum_of_vectors_is_a_vector():
    total = sp.Sum(w(t) / T - u, (t, 0, T - 1))
    assert vector(total) == sp.Sum(w(t), (t, 0, T - 1)) / T - T * u


def test_fixed_vectors_meet_sums_of_vectors():
    steps = (t, 0, T - 1)
    assert normal(sp.Sum(Inner(w(t), u), steps) - Inner(sp.Sum(w(t), steps), u)) == 0
    assert normal(sp.Sum(Inner(w(t), u), steps)) != 0


@pytest.mark.parametrize(
    ("expr", "time", "known"),
    [
        (u, ZERO, True),
        (w(t), t, True),
        (w(0), t, True),
        (w(t + 1), t, False),
        (w(t + 1), t + 1, True),
        (g(t), t, False),
        (g(t), t + 1, True),
        (g(t - 1), t, True),
        (w(t) - u, t, True),
        (w(t) - eta * g(t), t, False),
        (Gradient(w(t)), t, True),
        (Gradient(w(t + 1)), t, False),
        (Gradient(w(t) - g(t)), t, False),
        (Objective(w(t)) * w(t), t, True),
        (Objective(w(t + 1)) * w(t), t, False),
        (w(T - 1), T - 1, True),
        (w(T), T - 1, False),
        (w(t), T - 1, False),
        (z(t), t, True),
        (wbar(T), T, True),
        (v(t), t, False),
    ],
    ids=str,
)
def test_what_is_known_when(expr, time, known):
    assert known_by(expr, time) is known


def test_definitions_are_followed_to_the_end():
    definitions = {w(t + 1): w(t) - eta * z(t), z(t): g(t) - u}
    assert normal(Norm2(w(t + 1)), definitions) == normal(Norm2(w(t) - eta * g(t) + eta * u))


def test_definitions_reach_into_sums_and_points():
    definitions = {w(t + 1): w(t) - eta * g(t)}
    steps = (t, 0, T - 1)
    assert normal(sp.Sum(Objective(w(t + 1)), steps), definitions) == sp.Sum(Objective(w(t) - eta * g(t)), steps)


@pytest.mark.parametrize("definitions", [{u: u + w(t)}, {eta: 2 * eta}, {w(t): z(t), z(t): w(t)}], ids=str)
def test_circular_definitions_are_refused(definitions):
    with pytest.raises(IllTyped, match="circular"):
        rewrite(Norm2(w(t)) + eta * Norm2(u), definitions)


@given(combinations, combinations)
@settings(deadline=None, max_examples=60)
def test_vectors_have_one_form(a, b):
    total = [x - y for x, y in zip(_weights(a), _weights(b), strict=True)]
    apart = vector(symbolic(a) - symbolic(b))
    assert [exact(apart.coeff(name)) for name in VECTORS] == total
    assert vector(symbolic(a) - symbolic(b) - apart) == 0


def _weights(combination):
    return [k * exact(scale) for k, scale in combination]


@pytest.mark.parametrize("expr", [sp.Integer(1), w(t) + 1, w(t) * u, Norm2(u), eta], ids=str)
def test_what_is_no_vector_is_refused(expr):
    with pytest.raises(IllTyped):
        vector(expr)


@pytest.mark.parametrize("expr", [v(t), Objective(u), sp.Sum(v(t), (t, 0, T - 1)), Objective(Objective(u))], ids=str)
def test_numbers_are_no_vectors(expr):
    with pytest.raises(IllTyped):
        vector(expr)


def test_points_are_compared_as_vectors():
    a = FixedVector("a")
    point = (w(t) * T - (T - 1) * w(t) + a) - sp.sqrt(2) * a * sp.sqrt(2) / 2
    assert normal(Objective(point) - Objective(w(t))) == 0
    assert normal(Norm2(Gradient(point) - Gradient(w(t)))) == 0


@pytest.mark.parametrize("power", range(4))
@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_a_sum_of_powers_of_the_index_is_the_number_that_it_is(power: int, horizon: int) -> None:
    total = normal(sp.Sum(t**power, (t, 0, T - 1)))
    assert total.subs(T, horizon) == sum(step**power for step in range(horizon))
    apart = normal(Norm2(sp.Sum(t**power * w(0), (t, 0, T - 1))) - total**2 * Norm2(w(0)))
    assert apart == 0


def test_a_sum_of_parameters_is_a_parameter_that_may_divide() -> None:
    steps = sp.Sum(1 / sp.sqrt(t + 1), (t, 0, T - 1))
    assert normal(sp.Sum(eta / sp.sqrt(t + 1) * v(0), (t, 0, T - 1)) / steps) == eta * v(0)
    assert normal(Norm2(w(0) / steps) * steps**2) == Dot(w(0), w(0))
