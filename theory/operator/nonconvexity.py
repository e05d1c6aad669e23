r"""O11: cross-entropy over the hard operator is not convex, not even weakly.

Setting
    Two units, K = 1, features 1, a positive sample: :math:`f(w) = \ln(1+e^{-\max(w_1,w_2)})`, the binary logistic loss,
    and the softmax cross-entropy of two classes of which one hears nothing.

Guarantee
    f is not convex: ``O11`` is the inequality of convexity at a midpoint, refuted. It is not ρ-weakly convex for any
    :math:`\rho\ge0` either (``O11.weak``): between :math:`a=(t,-t)` and :math:`b=(-t,t)` with :math:`t=\ln(1+s)`,
    :math:`s=1/(2(\rho+1))`, the value in the middle exceeds even
    :math:`\tfrac12f(a)+\tfrac12f(b)+\tfrac\rho8\|a-b\|^2`.

Consequence
    On losses that may fall as a vote rises, R1–R5 and R10 say nothing of hard AAT; they apply to the routing loss and
    the monotone losses, and R5–R9 and R12 to the smoothed objective.

Proof
    On the line :math:`w_1=w_2` the largest vote has a convex kink, which a falling loss turns into a concave one. With
    :math:`\ln x\le x-1`, the middle is higher by at least :math:`s/(2(1+s))-\rho s^2 > 0`.
"""

import sympy as sp

from theory.calculus import LOGARITHM
from theory.claim import Claim, Refuted
from theory.facts import at_most
from theory.operator.units import ONE
from theory.steps import Axiom, Certificate, Product
from theory.symbols import rho

a1, a2, b1, b2 = sp.symbols("a_1 a_2 b_1 b_2", real=True)


def loss(first: sp.Expr, second: sp.Expr) -> sp.Expr:
    """``f(w) = ln(1 + e^{−max(w_1, w_2)})``."""
    return sp.log(1 + sp.exp(-sp.Max(first, second)))


O11 = Refuted(
    id="O11",
    title="Cross-entropy over hard AAT is convex",
    setting=r"$f((a+b)/2) \le (f(a)+f(b))/2$ for $f(w)=\ln(1+e^{-\max(w_1,w_2)})$: false at $a=(\ln2,-\ln2)$, "
    r"$b=-a$, where $\ln2 > \ln(3/2)$",
    statement=at_most(loss((a1 + b1) / 2, (a2 + b2) / 2), (loss(a1, a2) + loss(b1, b2)) / 2),
    counterexample={a1: sp.log(2), a2: -sp.log(2), b1: -sp.log(2), b2: sp.log(2)},
    source="this project",
)

_s = 1 / (2 * (rho + 1))
_t = sp.log(1 + _s)
_middle, _end = loss(sp.Integer(0), sp.Integer(0)), loss(_t, -_t)
_distance2 = 2 * (2 * _t) ** 2
_excess = _s / (2 * (1 + _s)) - rho * _s**2

O11_WEAK = Claim(
    id="O11.weak",
    title="Cross-entropy over hard AAT is not weakly convex",
    setting=r"for every $\rho>0$ there are $a$, $b$ with $f((a+b)/2) > (f(a)+f(b))/2+\frac{\rho}{8}\|a-b\|^2$, "
    r"by at least $(\rho+2)/(4(2\rho+3)(\rho+1)^2)$",
    statement=at_most((_end + loss(-_t, _t)) / 2 + rho / 8 * _distance2 + sp.factor(_excess), _middle),
    assumptions=(LOGARITHM,),
    source="this project",
    proof=(
        Axiom("end", LOGARITHM.id, "tangent", {"at": sp.Integer(2), "to": 1 + 1 / (1 + _s)}),
        Axiom("t ≤ s", LOGARITHM.id, "tangent", {"at": ONE, "to": 1 + _s}),
        Axiom("t ≥ 0", LOGARITHM.id, "tangent", {"at": 1 + _s, "to": ONE}),
        Certificate("s + t ≥ 0", at_most(0, _s + _t), using={"t ≥ 0": ONE}, squares=((_s + _s / (1 + _s), ONE),)),
        Product("t² ≤ s²", "t ≤ s", "s + t ≥ 0"),
        Certificate("not weakly convex", None, using={"end": ONE, "t² ≤ s²": rho}),
    ),
)
