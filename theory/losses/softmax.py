r"""The softmax cross-entropy.

Setting
    :math:`f(w) = \ln\sum_j e^{z_j} - \langle y,z\rangle` with :math:`z_j = s(w_j\odot x)+b_j` and given probabilities
    y, a class or smoothed labels; :math:`p = \mathrm{softmax}(z)`.

Guarantee
    :math:`\|g\| \le \sqrt2R_K`, hard or smoothed (``G.softmax``), and smoothed f is L-smooth with
    :math:`L = R_K^2/2+\kappa` (``L.softmax``; from below κ does, ``L.softmax.below``).

Reference
    T. Popoviciu (1935) for the variance of p.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import at_most, equals
from theory.losses.over_heads import CAUCHY, HALF, HEADS, ONE, QUARTER, a, axioms, b, c, everywhere, q, total
from theory.steps import Certificate, Product
from theory.symbols import R_K, j, kappa
from theory.terms import Scalar, sequence

p, y = sequence("p", Scalar), sequence("y", Scalar)
mean, most, least = sp.symbols("cbar c_max c_min", real=True)

SOFTMAX = Assumption(
    "softmax",
    r"$p,y\in\Delta_O$ (predicted and given probabilities), $\partial\ell/\partial z=p-y$, "
    r"$\nabla^2\ell=\mathrm{Diag}(p)-pp^\top$",
    {
        "p ≥ 0": lambda: at_most(0, p(j)),
        "p ≤ 1": lambda: at_most(p(j), 1),
        "y ≥ 0": lambda: at_most(0, y(j)),
        "y ≤ 1": lambda: at_most(y(j), 1),
        "Σp": lambda: equals(total(p(j)), 1),
        "Σy": lambda: equals(total(y(j)), 1),
        "mean": lambda: equals(total(p(j) * c(j)), mean),
    },
)
EXTREMES = Assumption(
    "extremes",
    r"$c_{\min}\le c_j\le c_{\max}$, both attained, at two different classes",
    {
        "c ≤ max": lambda: at_most(c(j), most),
        "c ≥ min": lambda: at_most(least, c(j)),
        "two of them": lambda: at_most(most**2 + least**2, total(c(j) ** 2)),
    },
)


SOFTMAX_NORM = Claim(
    id="G.softmax",
    title="Gradient of the softmax cross-entropy",
    setting=r"$\sum_j (p_j-y_j)^2\|x\odot\lambda_j\|^2 \le 2R_K^2$: $G=\sqrt2R_K$",
    statement=at_most(total((p(j) - y(j)) ** 2 * a(j)), 2 * R_K**2),
    assumptions=(HEADS, SOFTMAX),
    source="‖p − y‖² ≤ 2",
    proof=(
        *axioms(HEADS, "a ≤ R²"),
        *axioms(SOFTMAX, "p ≥ 0", "p ≤ 1", "y ≥ 0", "y ≤ 1", "Σp", "Σy"),
        Product("p² ≤ p", "p ≥ 0", "p ≤ 1"),
        Product("y² ≤ y", "y ≥ 0", "y ≤ 1"),
        Product("py ≥ 0", "p ≥ 0", "y ≥ 0"),
        *everywhere(
            "(p−y)² ≤ p+y",
            at_most((p(j) - y(j)) ** 2, p(j) + y(j)),
            using={"p² ≤ p": ONE, "y² ≤ y": ONE, "py ≥ 0": 2 * ONE},
        ),
        *everywhere(
            "(p−y)²a ≤ (p−y)²R²",
            at_most((p(j) - y(j)) ** 2 * a(j), (p(j) - y(j)) ** 2 * R_K**2),
            using={"a ≤ R²": (p(j) - y(j)) ** 2},
        ),
        Certificate(
            "norm",
            None,
            using={
                "Σ (p−y)²a ≤ (p−y)²R²": ONE,
                "Σ (p−y)² ≤ p+y": R_K**2,
                "Σp": R_K**2,
                "Σy": R_K**2,
            },
        ),
    ),
)

_softmax_form = total(p(j) * c(j) ** 2) - mean**2 + total((p(j) - y(j)) * q(j))
_softmax_L = R_K**2 / 2 + kappa

SOFTMAX_CURVATURE = Claim(
    id="L.softmax",
    title="Smoothness of the softmax cross-entropy",
    setting=r"$\mathrm{Var}_p(c)+\sum_j(p_j-y_j)q_j \le (R_K^2/2+\kappa)\|d\|^2$: $L=R_K^2/2+\kappa$",
    statement=at_most(_softmax_form, _softmax_L * total(b(j))),
    assumptions=(HEADS, SOFTMAX, EXTREMES),
    source="Popoviciu 1935: Var_p(c) ≤ (c_max − c_min)²/4 ≤ (c_max² + c_min²)/2",
    proof=(
        *CAUCHY,
        *everywhere("cauchy", at_most(c(j) ** 2, R_K**2 * b(j)), using={"c² ≤ R²b": ONE}),
        *axioms(HEADS, "q ≥ 0", "q ≤ κb"),
        *axioms(SOFTMAX, "p ≥ 0", "p ≤ 1", "y ≥ 0", "Σp", "mean"),
        Product("pq ≤ q", "p ≤ 1", "q ≥ 0"),
        Product("yq ≥ 0", "y ≥ 0", "q ≥ 0"),
        *everywhere(
            "curved",
            at_most((p(j) - y(j)) * q(j), kappa * b(j)),
            using={"pq ≤ q": ONE, "yq ≥ 0": ONE, "q ≤ κb": ONE},
        ),
        *axioms(EXTREMES, "c ≤ max", "c ≥ min", "two of them"),
        Product("spread", "c ≤ max", "c ≥ min"),
        Product("p spread", "spread", "p ≥ 0"),
        *everywhere("between", at_most(0, (most - c(j)) * (c(j) - least) * p(j)), using={"p spread": ONE}),
        Certificate(
            "Popoviciu",
            at_most(total(p(j) * c(j) ** 2) - mean**2, (most - least) ** 2 / 4),
            using={"Σ between": ONE, "mean": most + least, "Σp": -most * least},
            squares=((ONE, mean - (most + least) / 2),),
        ),
        Certificate(
            "curvature",
            None,
            using={"Popoviciu": ONE, "two of them": HALF, "Σ cauchy": HALF, "Σ curved": ONE},
            squares=((QUARTER, most + least),),
        ),
    ),
)

SOFTMAX_CURVATURE_BELOW = Claim(
    id="L.softmax.below",
    title="Smoothness of the softmax cross-entropy, from below",
    setting=r"$\mathrm{Var}_p(c)+\sum_j(p_j-y_j)q_j \ge -\kappa\|d\|^2$: the loss is $\kappa$-weakly convex",
    statement=at_most(-_softmax_form, kappa * total(b(j))),
    assumptions=(HEADS, SOFTMAX),
    source="Var ≥ 0",
    proof=(
        *axioms(HEADS, "q ≥ 0", "q ≤ κb"),
        *axioms(SOFTMAX, "p ≥ 0", "y ≤ 1", "Σp", "mean"),
        Product("pq ≥ 0", "p ≥ 0", "q ≥ 0"),
        Product("yq ≤ q", "y ≤ 1", "q ≥ 0"),
        *everywhere(
            "curved",
            at_most(-(p(j) - y(j)) * q(j), kappa * b(j)),
            using={"pq ≥ 0": ONE, "yq ≤ q": ONE, "q ≤ κb": ONE},
        ),
        *everywhere("spread", at_most(0, p(j) * (c(j) - mean) ** 2), using={"p ≥ 0": (c(j) - mean) ** 2}),
        Certificate("curvature", None, using={"Σ curved": ONE, "Σ spread": ONE, "mean": -2 * mean, "Σp": mean**2}),
    ),
)
