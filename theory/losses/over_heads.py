r"""Losses over heads: ``f(w; ξ) = ℓ(z(w; x), y)`` with ``z_j = s(w_j ⊙ x) + b_j``, by the chain rule.

Each constant bounds one sample; a problem takes the mean over its samples, of G² and of L. Smoothness is stated on the
quadratic form of the Hessian along d, where it exists: almost everywhere for the quadratic smoothing, whose gradient is
Lipschitz, so that is enough.
"""

from __future__ import annotations

import sympy as sp

from theory.assumptions import Assumption
from theory.facts import Fact, Range, at_most
from theory.proof import Step
from theory.steps import Axiom, Certificate, Product, Total
from theory.symbols import R_K, O, j, kappa
from theory.terms import Scalar, sequence

ONE, HALF, QUARTER = sp.Integer(1), sp.Rational(1, 2), sp.Rational(1, 4)
CLASSES = Range(j, ONE, O)

a, b, c, q = (sequence(letter, Scalar) for letter in "abcq")
e = sp.Symbol("e", real=True)

HEADS = Assumption(
    "heads",
    r"$0\le a_j\le R_K^2$ (G.head), $0 \le b_j$, $0\le q_j\le\kappa b_j$ (O4, L.head) and $c_j^2\le a_jb_j$ "
    r"(Cauchy–Schwarz), for $a_j=\|x\odot\lambda_j\|^2$, $b_j=\|d_j\|^2$, $c_j=\langle x\odot\lambda_j,d_j\rangle$, "
    r"$q_j=d_j^\top\nabla^2s\,d_j$",
    {
        "a ≤ R²": lambda: at_most(a(j), R_K**2),
        "a ≥ 0": lambda: at_most(0, a(j)),
        "b ≥ 0": lambda: at_most(0, b(j)),
        "q ≥ 0": lambda: at_most(0, q(j)),
        "q ≤ κb": lambda: at_most(q(j), kappa * b(j)),
        "c² ≤ ab": lambda: at_most(c(j) ** 2, a(j) * b(j)),
    },
    proved_by=("G.head", "O4", "L.head"),
)


def total(term: sp.Expr) -> sp.Sum:
    """The sum of ``term`` over classes."""
    return sp.Sum(term, CLASSES.limits)


def axioms(assumption: Assumption, *rules: str) -> tuple[Axiom, ...]:
    """Axioms labelled by the inequality that they state."""
    return tuple(Axiom(rule, assumption.id, rule) for rule in rules)


def everywhere(label: str, fact: Fact, using: dict[str, sp.Expr]) -> tuple[Step, ...]:
    """A fact for each class, then summed over classes under the name ``Σ label``."""
    one = Certificate(label, Fact(fact.lhs, fact.rhs, over=CLASSES), using)
    return one, Total(f"Σ {label}", label)


CAUCHY = (
    *axioms(HEADS, "a ≤ R²", "b ≥ 0", "c² ≤ ab"),
    Product("ab ≤ R²b", "a ≤ R²", "b ≥ 0"),
    Certificate("c² ≤ R²b", at_most(c(j) ** 2, R_K**2 * b(j)), using={"c² ≤ ab": ONE, "ab ≤ R²b": ONE}),
)
