r"""O8: quadratic smoothing and what it takes away.

Setting
    :math:`q_{K,\mu}(v) = \max_{\lambda\in\Delta_{n,K}} \langle\lambda,v\rangle-\tfrac\mu2\|\lambda\|^2`, whose
    multipliers are a sparse mask. A statement that holds for every λ holds for the maximum.

Guarantee
    :math:`s_K(v)-\mu K/2 \le q_{K,\mu}(v) \le s_K(v)-\mu K^2/(2n)` (``O8.below``, ``O8``).

Reference
    Yu. Nesterov, "Smooth minimization of non-smooth functions", Math. Program. 103 (2005).
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import at_most
from theory.operator.support_function import O1
from theory.operator.units import KEPT, MULTIPLIERS, ONE, ORDER, UNITS, WIDTH, belongs, over
from theory.steps import Axiom, Certificate, Lemma, Product, Total
from theory.symbols import K, i, lam, mu, n, v

smoothed_value = sp.Symbol("q_mu", real=True)
quadratic = over(UNITS, lam(i) * v(i)) - mu / 2 * over(UNITS, lam(i) ** 2)

MAXIMUM_OF_QUADRATIC = Assumption(
    "quadratic maximum",
    r"$q_{K,\mu}(v) \ge \langle\lambda,v\rangle-\tfrac\mu2\|\lambda\|^2$ for every $\lambda\in\Delta_{n,K}$",
    {"elsewhere": lambda: at_most(quadratic, smoothed_value)},
)

O8 = Claim(
    id="O8",
    title="What quadratic smoothing takes away at least",
    setting=r"$q_{K,\mu}(v) \le s_K(v)-\mu K^2/(2n)$",
    statement=at_most(quadratic, over(KEPT, v(i)) - mu * K**2 / (2 * n)),
    assumptions=(ORDER, MULTIPLIERS, WIDTH),
    source="O1, and ‖λ‖² ≥ K²/n",
    proof=(
        Lemma("vertex", O1),
        Axiom("total λ", "multipliers", "total"),
        Certificate("square", at_most(0, (lam(i) - K / n) ** 2, over=UNITS), squares=((ONE, lam(i) - K / n),)),
        Total("spread", "square"),
        Certificate("smoothed", None, using={"vertex": ONE, "spread": mu / 2, "total λ": -mu * K / n}),
    ),
)

O8_BELOW = Claim(
    id="O8.below",
    title="What quadratic smoothing takes away at most",
    setting=r"$q_{K,\mu}(v) \ge s_K(v)-\mu K/2$: $q_{K,\mu}(v) \ge \langle\lambda,v\rangle-\mu K/2$ for every "
    r"$\lambda\in\Delta_{n,K}$, the mask among them",
    statement=at_most(over(UNITS, lam(i) * v(i)) - mu * K / 2, smoothed_value),
    assumptions=(MULTIPLIERS, MAXIMUM_OF_QUADRATIC),
    source="λ² ≤ λ",
    proof=(
        *belongs(),
        Product("λ² ≤ λ", "λ ≥ 0", "λ ≤ 1"),
        Certificate("each", at_most(lam(i) ** 2, lam(i), over=UNITS), using={"λ² ≤ λ": ONE}),
        Total("squares", "each"),
        Axiom("maximum", "quadratic maximum", "elsewhere"),
        Certificate("below", None, using={"squares": mu / 2, "total λ": mu / 2, "maximum": ONE}),
    ),
)
