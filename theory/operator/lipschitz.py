r"""O3: the operator is Lipschitz.

Setting
    Votes v and y; s is :math:`s_K` or either smoothing. The statements bound :math:`s(v)-s(y)`; for the other sign, let
    v and y change places.

Guarantee
    :math:`s(v)-s(y) \le \sum_{i\le K} a_i`, the sum of the K largest :math:`a_i=|v_i-y_i|` (``O3``), which is at most
    :math:`\sqrt K\,\|v-y\|` (``O3.norm``).

Proof
    With the multipliers λ at v, :math:`s(v)-s(y) \le \langle\lambda,v-y\rangle` (O4), to which O1 applies, or the
    Cauchy–Schwarz inequality with :math:`\|\lambda\|^2 \le K`.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import at_most, equals
from theory.operator.subgradient import MAXIMUM, other_value, value
from theory.operator.units import (
    DROPPED,
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
from theory.proof import Step
from theory.steps import Axiom, Certificate, Product, Total
from theory.symbols import K, i, lam, v, y
from theory.terms import Scalar, sequence

a = sequence("a", Scalar)
largest = sp.Symbol("a_K", nonnegative=True)
distance = sp.Symbol("d", positive=True)
_apart = v(i) - y(i)

CHANGES = Assumption(
    "changes",
    r"units are numbered by decreasing $a_i=|v_i-y_i|$",
    {
        "size": lambda: at_most(_apart, a(i)),
        "kept": lambda: at_most(largest, a(i), over=KEPT),
        "dropped": lambda: at_most(a(i), largest, over=DROPPED),
    },
)
APART = Assumption("apart", r"$d=\|v-y\|>0$", {"distance": lambda: equals(over(UNITS, _apart**2), distance**2)})

_CONVEX: tuple[Step, ...] = (
    Axiom("here", "maximum", "attained"),
    Axiom("there", "maximum", "elsewhere"),
    Certificate(
        "change",
        at_most(value - other_value, over(UNITS, lam(i) * _apart)),
        using={"here": ONE, "there": ONE},
    ),
)

O3 = Claim(
    id="O3",
    title="The operator moves by at most the K largest changes",
    setting=r"$s(v)-s(y) \le \max_{|S|=K}\sum_{i\in S}|v_i-y_i|$, hard and smoothed",
    statement=at_most(value - other_value, over(KEPT, a(i))),
    assumptions=(MAXIMUM, MULTIPLIERS, CHANGES, WIDTH),
    source="O4, O1 for the votes |v − y|",
    proof=(
        *_CONVEX,
        *belongs(),
        Axiom("size", "changes", "size"),
        Product("weighted", "size", "λ ≥ 0"),
        Certificate("each", at_most(lam(i) * _apart, lam(i) * a(i), over=UNITS), using={"weighted": ONE}),
        Total("changes", "each"),
        *best_vertex("changes", "λ ≤ 1", "λ ≥ 0", a(i), lam(i)),
        Certificate(
            "Lipschitz",
            None,
            using={"change": ONE, "changes": ONE, **at_best_vertex(largest), "total λ": largest},
        ),
    ),
)

O3_NORM = Claim(
    id="O3.norm",
    title="The operator is √K-Lipschitz",
    setting=r"$s(v)-s(y) \le \sqrt K\,\|v-y\|$, hard and smoothed",
    statement=at_most(value - other_value, sp.sqrt(K) * distance),
    assumptions=(MAXIMUM, MULTIPLIERS, APART),
    source="O4, Cauchy–Schwarz",
    proof=(
        *_CONVEX,
        *belongs(),
        Product("λ² ≤ λ", "λ ≥ 0", "λ ≤ 1"),
        Certificate("length", at_most(lam(i) ** 2, lam(i), over=UNITS), using={"λ² ≤ λ": ONE}),
        Total("‖λ‖² ≤ K", "length"),
        Axiom("distance", "apart", "distance"),
        Certificate(
            "square",
            at_most(0, (_apart - distance / sp.sqrt(K) * lam(i)) ** 2, over=UNITS),
            squares=((ONE, _apart - distance / sp.sqrt(K) * lam(i)),),
        ),
        Total("Cauchy–Schwarz", "square"),
        Certificate(
            "Lipschitz",
            None,
            using={
                "change": ONE,
                "Cauchy–Schwarz": sp.sqrt(K) / (2 * distance),
                "distance": sp.sqrt(K) / (2 * distance),
                "‖λ‖² ≤ K": distance / (2 * sp.sqrt(K)),
                "total λ": distance / (2 * sp.sqrt(K)),
            },
        ),
    ),
)
