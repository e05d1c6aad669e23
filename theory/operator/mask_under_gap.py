r"""O10: with a gap, the smoothed multipliers are nearly the mask.

Setting
    Votes in decreasing order with :math:`v_K-v_{K+1}\ge\Delta_v>0`, the support :math:`S=\{1,\dots,K\}` with mask
    :math:`1_S`; λ the multipliers of a smoothing, :math:`\varepsilon=\sum_{i>K}\lambda_i=\sum_{i\le K}(1-\lambda_i)`.

Guarantee
    Entropic: :math:`\|1_S-\lambda\|_2 \le \sqrt n\,e^{-\Delta_v/(2\mu)}` (``O10``) and
    :math:`\|1_S-\lambda\|_1 = 2\varepsilon \le 2\sqrt{K(n-K)}\,e^{-\Delta_v/(2\mu)}` (``O10.one``), both attained as
    :math:`\mu\to0` by votes of two values.
    Quadratic: :math:`\mu\|1_S-\lambda\|_2^2 \le (\mu-\Delta_v)\,\varepsilon` (``O10.quadratic``): from
    :math:`\Delta_v\ge\mu` on, the multipliers are the mask.

Proof
    Entropic: with :math:`r=e^{-(v_K-\theta)/\mu}` and :math:`q=e^{-(\theta-v_{K+1})/\mu}`, :math:`1-\lambda_i\le r` on
    the support, :math:`\lambda_i\le q` off it, and :math:`rq=e^{-\Delta_v/\mu}`. Hence :math:`\varepsilon\le Kr`,
    :math:`\varepsilon\le(n-K)q`, :math:`\sum_{i\le K}(1-\lambda_i)^2\le r\varepsilon\le(n-K)rq` and
    :math:`\sum_{i>K}\lambda_i^2\le q\varepsilon\le Krq`.
    Quadratic: λ maximises, so :math:`\langle v-\mu\lambda,1_S-\lambda\rangle\le0`.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.calculus import EXPONENTIAL, exp
from theory.claim import Claim
from theory.facts import Range, at_most, equals
from theory.operator.entropic import pull
from theory.operator.units import DROPPED, GAP, KEPT, MULTIPLIERS, ONE, UNITS, WIDTH, belongs, over
from theory.proof import Step
from theory.steps import Axiom, Certificate, Product, Split, Total
from theory.symbols import K, gap, i, lam, mu, n, tau, theta, v

_out, _in = exp(-pull(theta)), exp(pull(theta))
_r, _q = sp.exp(-(tau - theta) / mu), sp.exp((tau - gap - theta) / mu)
_missing, _leaked = over(KEPT, 1 - lam(i)), over(DROPPED, lam(i))
distance2 = over(KEPT, (1 - lam(i)) ** 2) + over(DROPPED, lam(i) ** 2)

SIGMOID = Assumption(
    "sigmoid",
    r"$\lambda_i = 1/(1+e^{-(v_i-\theta)/\mu})$",
    {
        "kept": lambda: equals(lam(i) * (1 + _out), 1),
        "dropped": lambda: equals(lam(i) * (1 + _in), _in),
    },
    proved_by=("O6.dual", "O6.attained"),
)
MAXIMISER = Assumption(
    "maximiser",
    r"$\lambda$ maximises over the convex set $\Delta_{n,K}$, which contains $1_S$: "
    r"$\langle v-\mu\lambda,1_S-\lambda\rangle\le0$",
    {
        "first order": lambda: at_most(
            over(KEPT, (v(i) - mu * lam(i)) * (1 - lam(i))) - over(DROPPED, (v(i) - mu * lam(i)) * lam(i)), 0
        )
    },
)


def limited(label: str, units: Range, slope: sp.Expr, limit: sp.Expr) -> tuple[Step, ...]:
    """``e^slope ≤ e^limit`` on ``units``, called ``limit …``, when the order of the votes gives ``slope ≤ limit``."""
    arguments = {"at": slope, "to": limit}
    return (
        Axiom(f"vote {label}", "gap", label),
        Certificate(f"pull {label}", at_most(slope, limit, over=units), using={f"vote {label}": 1 / mu}),
        Axiom(f"limit {label}", EXPONENTIAL.id, "increasing", arguments, units, given=(f"pull {label}",)),
    )


def _below(label: str, units: Range, away: sp.Expr, slope: sp.Expr, limit: sp.Expr, room: str) -> tuple[Step, ...]:
    """``away ≤ e^slope ≤ e^limit`` on ``units``, for ``away = 1 − λ`` or ``λ``; by ``away = (1 − away) e^slope``."""
    return (
        *limited(label, units, slope, limit),
        Axiom(f"sigmoid {label}", "sigmoid", label),
        Axiom(f"e^ {label}", EXPONENTIAL.id, "positive", {"at": slope}, units),
        Product(f"room {label}", f"e^ {label}", room),
        Certificate(
            f"small {label}",
            at_most(away, sp.exp(limit), over=units),
            using={f"room {label}": ONE, f"sigmoid {label}": -ONE if label == "kept" else ONE, f"limit {label}": ONE},
        ),
        Total(f"total {label}", f"small {label}"),
    )


_SMALL: tuple[Step, ...] = (
    *belongs(),
    *_below("kept", KEPT, 1 - lam(i), -pull(theta), -(tau - theta) / mu, "λ ≤ 1"),
    *_below("dropped", DROPPED, lam(i), pull(theta), (tau - gap - theta) / mu, "λ ≥ 0"),
    Split("units", lam(i), UNITS, K),
    Split("count", ONE, UNITS, K),
    Certificate("ε", equals(_missing, _leaked), using={"units": ONE, "total λ": -ONE}),
)

O10 = Claim(
    id="O10",
    title="With a gap, entropic multipliers are nearly the mask",
    setting=r"$\|1_S-\lambda\|_2^2 \le n\,e^{-\Delta_v/\mu}$",
    statement=at_most(distance2, n * sp.exp(-gap / mu)),
    assumptions=(GAP, MULTIPLIERS, SIGMOID, WIDTH, EXPONENTIAL),
    source="this project",
    proof=(
        *_SMALL,
        Product("(1 − λ)²", "small kept", "λ ≤ 1"),
        Total("kept squares", "(1 − λ)²"),
        Product("λ²", "small dropped", "λ ≥ 0"),
        Total("dropped squares", "λ²"),
        Certificate(
            "mask",
            None,
            using={
                "kept squares": ONE,
                "dropped squares": ONE,
                "ε": _r - _q,
                "total dropped": _r,
                "count": -sp.exp(-gap / mu),
                "total kept": _q,
            },
        ),
    ),
)

O10_ONE = Claim(
    id="O10.one",
    title="With a gap, entropic multipliers leak little",
    setting=r"$\varepsilon^2 \le K(n-K)\,e^{-\Delta_v/\mu}$ for $\varepsilon=\sum_{i>K}\lambda_i$, and "
    r"$\|1_S-\lambda\|_1=2\varepsilon$",
    statement=at_most(_leaked**2, K * (n - K) * sp.exp(-gap / mu)),
    assumptions=(GAP, MULTIPLIERS, SIGMOID, WIDTH, EXPONENTIAL),
    source="this project",
    proof=(
        *_SMALL,
        Axiom("λ ≥ 0 off the support", "multipliers", "at least 0", over=DROPPED),
        Total("ε ≥ 0", "λ ≥ 0 off the support"),
        Certificate("ε ≤ Kr", at_most(_leaked, K * _r), using={"total kept": ONE, "ε": -ONE}),
        Product("square", "ε ≥ 0", "ε ≤ Kr"),
        Certificate("leak", None, using={"square": ONE, "total dropped": K * _r, "count": -K * sp.exp(-gap / mu)}),
    ),
)

O10_QUADRATIC = Claim(
    id="O10.quadratic",
    title="With a gap of μ, quadratic multipliers are the mask",
    setting=r"$\mu\|1_S-\lambda\|_2^2 \le (\mu-\Delta_v)\sum_{i>K}\lambda_i$",
    statement=at_most(mu * distance2, (mu - gap) * _leaked),
    assumptions=(GAP, MULTIPLIERS, MAXIMISER, WIDTH),
    source="this project",
    proof=(
        *belongs(),
        Axiom("vote kept", "gap", "kept"),
        Product("above", "vote kept", "λ ≤ 1"),
        Total("kept", "above"),
        Axiom("vote dropped", "gap", "dropped"),
        Product("below", "vote dropped", "λ ≥ 0"),
        Total("dropped", "below"),
        Split("units", lam(i), UNITS, K),
        Axiom("first order", "maximiser", "first order"),
        Certificate(
            "mask",
            None,
            using={
                "kept": ONE,
                "dropped": ONE,
                "first order": ONE,
                "units": mu - tau,
                "total λ": tau - mu,
            },
        ),
    ),
)
