r"""How far quadratic multipliers are from the mask, whatever the gap.

Setting
    Votes in decreasing order with :math:`v_K-v_{K+1}\ge\Delta_v>0`, K < n; the quadratic smoothing μ with multipliers
    λ, and :math:`h = 1-\Delta_v/\mu`, :math:`\kappa^2=K(n-K)/n`.

Guarantee
    :math:`\|1_S-\lambda\|_2 \le \kappa|h|` (``O10.spread``) and
    :math:`0 \le q_{K,\mu}(v)+\mu K/2-s_K(v) \le \tfrac\mu2\kappa^2h^2` (``O12.spread``, ``O8.below``). A gap of
    more than μ is one of at least μ: then h = 0, the multipliers are the mask and the value only shifts.

Proof
    With :math:`\varepsilon=\sum_{i>K}\lambda_i=\sum_{i\le K}(1-\lambda_i)`, O10.quadratic says
    :math:`\|1_S-\lambda\|^2 \le h\varepsilon`; Cauchy-Schwarz on and off the support says
    :math:`\varepsilon^2(1/K+1/(n-K)) \le \|1_S-\lambda\|^2`. Together
    :math:`\kappa^2h^2-\|1_S-\lambda\|^2 \ge (\kappa h-\varepsilon/\kappa)^2`.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import Range, at_most, equals
from theory.operator.mask_under_gap import MAXIMISER, O10_QUADRATIC, distance2
from theory.operator.quadratic import quadratic
from theory.operator.units import DROPPED, FEWER, GAP, KEPT, MULTIPLIERS, ONE, UNITS, WIDTH, over
from theory.operator.value_under_gap import O12_QUADRATIC
from theory.proof import Step
from theory.steps import Axiom, Certificate, Lemma, Split, Total
from theory.symbols import K, gap, i, lam, mu, n, v

_leak = sp.Symbol("epsilon", real=True)
SHARE = 1 - gap / mu
SPREAD = K * (n - K) / n

LEAK = Assumption("leak", r"$\varepsilon=\sum_{i>K}\lambda_i$", {"is": lambda: equals(over(DROPPED, lam(i)), _leak)})


def _square(label: str, units: Range, away: sp.Expr, count: sp.Expr) -> tuple[Step, ...]:
    """``Σ away² ≥ ε²/count`` where ``Σ away = ε``."""
    root = count * away - _leak
    square = Certificate(label, at_most(0, root**2 / count**2, over=units), squares=((1 / count**2, root),))
    return square, Total(f"Σ {label}", label)


_CAUCHY: tuple[Step, ...] = (
    Axiom("leak", "leak", "is"),
    Axiom("total λ", "multipliers", "total"),
    Split("units", lam(i), UNITS, K),
    Split("count", ONE, UNITS, K),
    Certificate(
        "kept total",
        equals(over(KEPT, 1 - lam(i)), _leak),
        using={"leak": ONE, "total λ": -ONE, "units": ONE},
    ),
    *_square("kept", KEPT, 1 - lam(i), K),
    *_square("dropped", DROPPED, lam(i), n - K),
    Certificate(
        "Cauchy–Schwarz",
        at_most(_leak**2 / SPREAD, distance2),
        using={
            "Σ kept": ONE,
            "Σ dropped": ONE,
            "kept total": -2 * _leak / K,
            "leak": -2 * _leak / (n - K),
            "count": -(_leak**2) / (n - K) ** 2,
        },
    ),
)

O10_SPREAD = Claim(
    id="O10.spread",
    title="How far quadratic multipliers are from the mask",
    setting=r"$\|1_S-\lambda\|_2^2 \le \frac{K(n-K)}{n}\left(1-\frac{\Delta_v}{\mu}\right)^2$",
    statement=at_most(distance2, SPREAD * SHARE**2),
    assumptions=(GAP, MULTIPLIERS, MAXIMISER, WIDTH, FEWER, LEAK),
    source="this project",
    proof=(
        Lemma("maximiser", O10_QUADRATIC),
        *_CAUCHY,
        Certificate(
            "spread",
            None,
            using={"maximiser": 2 / mu, "Cauchy–Schwarz": ONE, "leak": 2 * SHARE},
            squares=((1 / SPREAD, SPREAD * SHARE - _leak),),
        ),
    ),
)

O12_SPREAD = Claim(
    id="O12.spread",
    title="How far quadratic smoothing moves the value",
    setting=r"$q_{K,\mu}(v) \le s_K(v)-\frac{\mu K}2+\frac\mu2\frac{K(n-K)}{n}\left(1-\frac{\Delta_v}{\mu}\right)^2$",
    statement=at_most(quadratic, over(KEPT, v(i)) - mu * K / 2 + mu / 2 * SPREAD * SHARE**2),
    assumptions=(GAP, MULTIPLIERS, WIDTH, FEWER, LEAK),
    source="this project",
    proof=(
        Lemma("value", O12_QUADRATIC),
        *_CAUCHY,
        Certificate(
            "spread",
            None,
            using={"value": ONE, "Cauchy–Schwarz": mu / 2, "leak": mu * SHARE},
            squares=((mu / 2 / SPREAD, SPREAD * SHARE - _leak),),
        ),
    ),
)
