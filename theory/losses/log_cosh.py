r"""The log-cosh regression loss.

Setting
    :math:`f(w) = \ln\cosh(z-y)` with :math:`z = s(w\odot x)+b` and a real target y; :math:`e=\ell'=\tanh(z-y)`,
    :math:`\ell''=1-e^2`.

Guarantee
    :math:`\|g\| \le R_K`, hard or smoothed (``G.logcosh``), and smoothed f is L-smooth with :math:`L = R_K^2+\kappa`
    (``L.logcosh``); from below :math:`\kappa` is enough (``L.logcosh.below``).
"""

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import at_most
from theory.losses.over_heads import CAUCHY, HEADS, ONE, a, axioms, b, c, e, q
from theory.steps import Certificate, Product
from theory.symbols import R_K, j, kappa

LOG_COSH = Assumption(
    "log-cosh",
    r"$\ell(z)=\ln\cosh(z-y)$, so $e=\ell'=\tanh(z-y)$ has $|e|\le1$, and $\ell''=1-e^2$",
    {"e ≤ 1": lambda: at_most(e, 1), "e ≥ −1": lambda: at_most(-1, e)},
)

LOG_COSH_NORM = Claim(
    id="G.logcosh",
    title="Gradient of the log-cosh loss",
    setting=r"$\|\ell'\cdot x\odot\lambda\|^2 \le R_K^2$",
    statement=at_most(e**2 * a(j), R_K**2),
    assumptions=(HEADS, LOG_COSH),
    source="|tanh| ≤ 1",
    proof=(
        *axioms(HEADS, "a ≤ R²", "a ≥ 0"),
        *axioms(LOG_COSH, "e ≤ 1", "e ≥ −1"),
        Product("e² ≤ 1", "e ≤ 1", "e ≥ −1"),
        Product("e²a ≤ a", "e² ≤ 1", "a ≥ 0"),
        Certificate("norm", None, using={"e²a ≤ a": ONE, "a ≤ R²": ONE}),
    ),
)

_form = (1 - e**2) * c(j) ** 2 + e * q(j)

LOG_COSH_CURVATURE = Claim(
    id="L.logcosh",
    title="Smoothness of the log-cosh loss",
    setting=r"$\ell''c^2+\ell'q \le (R_K^2+\kappa)\|d\|^2$: $L=R_K^2+\kappa$",
    statement=at_most(_form, (R_K**2 + kappa) * b(j)),
    assumptions=(HEADS, LOG_COSH),
    source="ℓ'' ≤ 1, |ℓ'| ≤ 1",
    proof=(
        *CAUCHY,
        *axioms(HEADS, "q ≥ 0", "q ≤ κb"),
        *axioms(LOG_COSH, "e ≤ 1"),
        Product("eq ≤ q", "e ≤ 1", "q ≥ 0"),
        Certificate(
            "curvature",
            None,
            using={"c² ≤ R²b": ONE, "eq ≤ q": ONE, "q ≤ κb": ONE},
            squares=((ONE, e * c(j)),),
        ),
    ),
)

LOG_COSH_CURVATURE_BELOW = Claim(
    id="L.logcosh.below",
    title="Smoothness of the log-cosh loss, from below",
    setting=r"$\ell''c^2+\ell'q \ge -\kappa\|d\|^2$",
    statement=at_most(-_form, kappa * b(j)),
    assumptions=(HEADS, LOG_COSH),
    source="ℓ'' ≥ 0, |ℓ'| ≤ 1",
    proof=(
        *axioms(HEADS, "q ≥ 0", "q ≤ κb"),
        *axioms(LOG_COSH, "e ≤ 1", "e ≥ −1"),
        Product("−eq ≤ q", "e ≥ −1", "q ≥ 0"),
        Product("e² ≤ 1", "e ≤ 1", "e ≥ −1"),
        Certificate("curvature", None, using={"−eq ≤ q": ONE, "q ≤ κb": ONE, "e² ≤ 1": c(j) ** 2}),
    ),
)
