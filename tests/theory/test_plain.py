"""Claims in plain text: signs of the field, no LaTeX left over, and the same value when read as it is written."""

import re

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory import Rate, claims
from theory.plain import fact, plain, sentence
from theory.symbols import D, G, L, T, eta, g, inner, k, t, u, w
from theory.terms import Gradient, Inner, Norm2, Objective

NAMES = {"D": D, "G": G, "L": L, "T": T, "η": eta}


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (D**2 / (2 * eta * T) + eta * G**2 / 2, "D²/(2·T·η) + G²·η/2"),
        (G - D, "G − D"),
        (-D * (D + G), "-D·(D + G)"),
        (sp.sqrt(T + 1) / T, "√(T + 1)/T"),
        (1 / sp.sqrt(T), "1/√T"),
        (1 / (L + 1) ** 2, "1/(L + 1)²"),
        ((1 - eta * L) ** (T - t), "(1 − L·η)^(T − t)"),
        (Norm2(w(t + 1) - u), "‖w_(t + 1) − u‖²"),
        (Objective(w(t)) - Objective(u), "F(w_t) − F(u)"),
        (Inner(Gradient(w(t)), g(t)), "⟨∇F(w_t), g_t⟩"),
        (inner(t, k + 1), "y_(t, k + 1)"),
        (sp.Sum(Norm2(g(t)), (t, 0, T - 1)) / T, "Σ_(t=0..T − 1) ‖g_t‖²/T"),
        (sp.Sum(eta / (t + 1), (t, 0, T - 1)) ** 2, "(Σ_(t=0..T − 1) (η/(t + 1)))²"),
    ],
    ids=str,
)
def test_expressions_look_as_one_would_type_them(expression: sp.Expr, text: str) -> None:
    assert plain(expression) == text


trees = st.recursive(
    st.sampled_from([D, G, L, T, eta, sp.Integer(2), sp.Rational(1, 3)]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(sum),
        st.tuples(inner, inner).map(lambda pair: pair[0] - 2 * pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
        st.tuples(inner, st.sampled_from([-2, -1, 2, sp.Rational(1, 2)])).map(lambda pair: pair[0] ** pair[1]),
    ),
    max_leaves=6,
)


@given(trees)
def test_what_is_read_is_what_was_written(expression: sp.Expr) -> None:
    if expression.has(sp.zoo, sp.nan, sp.I):
        return
    text = plain(expression).replace("·", "*").replace("−", "-").replace("^", "**").replace("²", "**2")
    for digit, power in zip("³⁴⁵⁶⁷⁸⁹", range(3, 10), strict=True):
        text = text.replace(digit, f"**{power}")
    read = sp.sympify(re.sub(r"√(\w+)", r"√(\1)", text).replace("√", "sqrt"), locals=NAMES)
    point = {D: sp.Rational(3, 2), G: sp.Rational(5, 3), L: sp.Rational(1, 7), T: sp.Integer(3), eta: sp.Rational(2, 5)}
    assert sp.N(read.subs(point) - expression.subs(point), 30, chop=True) == 0


@pytest.mark.parametrize("id", claims)
def test_no_latex_is_left_in_the_terminal(id: str) -> None:
    claim = claims[id]
    texts = [sentence(claim.setting), fact(claim.statement), *(sentence(a.statement) for a in claim.assumptions)]
    if isinstance(claim, Rate):
        texts.append(plain(claim.bound))
    assert not [text for text in texts if re.search(r"[\\${}]|\*\*|Norm2|Sum\(", text)]
