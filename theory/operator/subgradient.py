r"""O4: the multipliers are the subgradient; with a gap, there is one.

Setting
    :math:`s(v) = \max_{\lambda\in\Delta_{n,K}} \langle\lambda,v\rangle + \mu H(\lambda)`, attained at λ: hard with
    :math:`\mu H = 0`, else smoothed.

Guarantee
    :math:`s(y) \ge s(v) + \langle\lambda,y-v\rangle` for all votes y (``O4``), so :math:`\partial z_j/\partial w_j =
    x\odot\lambda`. In the hard case, any multipliers fall short of :math:`s_K(v)` by at least the gap times the weight
    that they give to dropped units (``O4.sharp``): with a gap, the mask is the only maximiser and
    :math:`\nabla s_K(v) = 1_S`.

Reference
    J. M. Danskin, "The theory of max-min, with applications", SIAM J. Appl. Math. 14 (1966);
    R. T. Rockafellar, *Convex Analysis*, Corollary 23.5.3.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import at_most, equals
from theory.operator.units import (
    DROPPED,
    GAP,
    KEPT,
    MULTIPLIERS,
    ONE,
    UNITS,
    WIDTH,
    at_best_vertex,
    belongs,
    best_vertex,
    over,
)
from theory.steps import Axiom, Certificate
from theory.symbols import gap, i, lam, mu, tau, v, y

value, other_value, strong = (sp.Symbol(name, real=True) for name in ("s_v", "s_y", "H"))

MAXIMUM = Assumption(
    "maximum",
    r"$s(v) = \max_{\lambda\in\Delta_{n,K}} \langle\lambda,v\rangle + \mu H(\lambda)$, attained at $\lambda$",
    {
        "attained": lambda: equals(value, over(UNITS, lam(i) * v(i)) + mu * strong),
        "elsewhere": lambda: at_most(over(UNITS, lam(i) * y(i)) + mu * strong, other_value),
    },
)

O4 = Claim(
    id="O4",
    title="The multipliers are a subgradient, so the operator is convex",
    setting=r"$s(y) \ge s(v) + \langle\lambda, y-v\rangle$ for the multipliers $\lambda$ at $v$: hard ($\mu H=0$, "
    r"$\lambda$ the mask) and smoothed",
    statement=at_most(value + over(UNITS, lam(i) * (y(i) - v(i))), other_value),
    assumptions=(MAXIMUM,),
    source="Danskin 1966; Rockafellar, Convex Analysis, Cor. 23.5.3",
    proof=(
        Axiom("here", "maximum", "attained"),
        Axiom("there", "maximum", "elsewhere"),
        Certificate("subgradient", None, using={"here": ONE, "there": ONE}),
    ),
)

O4_SHARP = Claim(
    id="O4.sharp",
    title="With a gap, the mask is the only maximiser",
    setting=r"$\langle\lambda,v\rangle \le s_K(v) - \Delta_v\sum_{i>K}\lambda_i$: whoever listens to dropped units "
    r"falls short by the gap",
    statement=at_most(over(UNITS, lam(i) * v(i)) + gap * over(DROPPED, lam(i)), over(KEPT, v(i))),
    assumptions=(GAP, MULTIPLIERS, WIDTH),
    source="O1, with the gap kept",
    proof=(
        *belongs(),
        *best_vertex("gap", "λ ≤ 1", "λ ≥ 0", v(i), lam(i)),
        Certificate("sharp", None, using={**at_best_vertex(tau), "total λ": tau}),
    ),
)
