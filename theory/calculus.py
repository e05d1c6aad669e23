r"""Calculus: what proofs may use of exp, ln and the positive part; nothing here is a hypothesis about AAT or SGD.

Each rule is one elementary inequality in one real variable. A rule that holds for some arguments only, such as
entropy on ``0 ≤ p ≤ 1``, names them as premises, and the checker asks for the facts that grant them. At a fixed number
the functions are SymPy's own; at a random one they are :class:`theory.terms.Elementary`, of which only these rules are
known.
"""

from __future__ import annotations

import sympy as sp

from theory.assumptions import Assumption, Given
from theory.facts import Fact, at_most, equals
from theory.symbols import entropy, exponential, positive_part, softplus
from theory.terms import is_random


def exp(a: sp.Expr) -> sp.Expr:
    """``e^a``, of a fixed or of a random number."""
    return exponential(a) if is_random(a) else sp.exp(a)


def binary_entropy(p: sp.Expr) -> sp.Expr:
    """``h(p) = −p ln p − (1 − p) ln(1 − p)`` of a fixed ``0 < p < 1``."""
    return -p * sp.log(p) - (1 - p) * sp.log(1 - p)


def _share(at: sp.Expr) -> tuple[Fact, Fact]:
    return at_most(0, at), at_most(at, 1)


LOGARITHM = Assumption(
    "calculus: logarithm",
    r"$\ln y \le \ln x + (y-x)/x$ for $x,y>0$: the tangent at $x$",
    {"tangent": lambda at, to: at_most(sp.log(to), sp.log(at) + (to - at) / at)},
)
EXPONENTIAL = Assumption(
    "calculus: exponential",
    r"$e^a>0$ is increasing in $a$",
    {
        "positive": lambda at: at_most(0, exp(at)),
        "increasing": lambda at, to: Given((at_most(at, to),), at_most(exp(at), exp(to))),
    },
)
ENTROPY_TANGENT = Assumption(
    "calculus: entropy",
    r"$h(q)\ge0$ on $[0,1]$, and $h(q) \le -q\ln p-(1-q)\ln(1-p)$ for every $0<p<1$, the tangent of the concave $h$ at "
    r"$p$; with $p=1/(1+e^{-a})$ that is $qa + h(q) \le \ln(1+e^a)$",
    {
        "positive": lambda at: Given(_share(at), at_most(0, entropy(at))),
        "tangent": lambda at, to: Given(_share(at), at_most(entropy(at), -at * sp.log(to) - (1 - at) * sp.log(1 - to))),
        "conjugate": lambda at, slope: Given(_share(at), at_most(at * slope + entropy(at), softplus(slope))),
    },
)
ENTROPY_VALUE = Assumption(
    "calculus: sigmoid",
    r"$qa + h(q) = \ln(1+e^a)$ at $q=1/(1+e^{-a})$",
    {
        "attained": lambda at, slope: Given(
            (equals(at * (1 + exp(-slope)), 1),), equals(at * slope + entropy(at), softplus(slope))
        )
    },
)
SOFTPLUS = Assumption(
    "calculus: softplus",
    r"$\ln(1+e^a)$ is at least $0$, at most $e^a$, and $a+\ln(1+e^{-a})$",
    {
        "positive": lambda at: at_most(0, softplus(at)),
        "exponential": lambda at: at_most(softplus(at), exp(at)),
        "mirror": lambda at: equals(softplus(at), at + softplus(-at)),
    },
)
POSITIVE_PART = Assumption(
    "calculus: positive part",
    r"$a_+=\max(a,0)$, so $a_+ = a+(-a)_+$, and $a_+=0$ where $a\le0$",
    {
        "positive": lambda at: at_most(0, positive_part(at)),
        "mirror": lambda at: equals(positive_part(at), at + positive_part(-at)),
        "zero": lambda at: Given((at_most(at, 0),), equals(positive_part(at), 0)),
    },
)
