r"""The binary logistic loss.

Setting
    :math:`f(w) = \ln(1+e^{-yz})` with :math:`z = s(w\odot x)+b` and y = ±1; the monotone loss is y = −1.

Guarantee
    :math:`\|g\| \le R_K`, hard or smoothed (``G.logistic``), and smoothed f is L-smooth with
    :math:`L = R_K^2/4+\kappa` (``L.logistic``; from below κ does, ``L.logistic.below``). No smaller constants of this
    form will do: each term alone is attained (:math:`\kappa\to0`, :math:`R_K^2/\kappa\to0`). It is convex for y = −1
    (convex.monotone) and not for y = +1 (O11).
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import at_most
from theory.losses.over_heads import CAUCHY, HALF, HEADS, ONE, QUARTER, a, axioms, b, c, e, q
from theory.steps import Certificate, Product
from theory.symbols import R_K, j, kappa

s = sp.Symbol("s", real=True)

LOGISTIC = Assumption(
    "logistic",
    r"$\ell(z)=\ln(1+e^{-yz})$, so $e=\ell'$ has $|e|\le1$, and $\ell''=s(1-s)$ for a sigmoid $0\le s\le1$",
    {
        "e ≤ 1": lambda: at_most(e, 1),
        "e ≥ −1": lambda: at_most(-1, e),
        "s ≥ 0": lambda: at_most(0, s),
        "s ≤ 1": lambda: at_most(s, 1),
    },
)
LOGISTIC_NORM = Claim(
    id="G.logistic",
    title="Gradient of the logistic loss",
    setting=r"$\|\ell'\cdot x\odot\lambda\|^2 \le R_K^2$",
    statement=at_most(e**2 * a(j), R_K**2),
    assumptions=(HEADS, LOGISTIC),
    source="|ℓ'| ≤ 1",
    proof=(
        *axioms(HEADS, "a ≤ R²", "a ≥ 0"),
        *axioms(LOGISTIC, "e ≤ 1", "e ≥ −1"),
        Product("e² ≤ 1", "e ≤ 1", "e ≥ −1"),
        Product("e²a ≤ a", "e² ≤ 1", "a ≥ 0"),
        Certificate("norm", None, using={"e²a ≤ a": ONE, "a ≤ R²": ONE}),
    ),
)

_logistic_form = s * (1 - s) * c(j) ** 2 + e * q(j)
_logistic_L = R_K**2 / 4 + kappa

LOGISTIC_CURVATURE = Claim(
    id="L.logistic",
    title="Smoothness of the logistic loss",
    setting=r"$\ell''c^2+\ell'q \le (R_K^2/4+\kappa)\|d\|^2$: $L=R_K^2/4+\kappa$",
    statement=at_most(_logistic_form, _logistic_L * b(j)),
    assumptions=(HEADS, LOGISTIC),
    source="ℓ'' ≤ 1/4, |ℓ'| ≤ 1",
    proof=(
        *CAUCHY,
        *axioms(HEADS, "q ≥ 0", "q ≤ κb"),
        *axioms(LOGISTIC, "e ≤ 1"),
        Product("eq ≤ q", "e ≤ 1", "q ≥ 0"),
        Certificate(
            "curvature",
            None,
            using={"c² ≤ R²b": QUARTER, "eq ≤ q": ONE, "q ≤ κb": ONE},
            squares=((ONE, (s - HALF) * c(j)),),
        ),
    ),
)

LOGISTIC_CURVATURE_BELOW = Claim(
    id="L.logistic.below",
    title="Smoothness of the logistic loss, from below",
    setting=r"$\ell''c^2+\ell'q \ge -\kappa\|d\|^2$: the loss is $\kappa$-weakly convex",
    statement=at_most(-_logistic_form, kappa * b(j)),
    assumptions=(HEADS, LOGISTIC),
    source="ℓ'' ≥ 0, |ℓ'| ≤ 1",
    proof=(
        *axioms(HEADS, "q ≥ 0", "q ≤ κb"),
        *axioms(LOGISTIC, "e ≥ −1", "s ≥ 0", "s ≤ 1"),
        Product("−eq ≤ q", "e ≥ −1", "q ≥ 0"),
        Product("s² ≤ s", "s ≥ 0", "s ≤ 1"),
        Certificate(
            "curvature",
            None,
            using={"−eq ≤ q": ONE, "q ≤ κb": ONE, "s² ≤ s": c(j) ** 2},
        ),
    ),
)
