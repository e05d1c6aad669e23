r"""O12: with a gap, smoothing hardly moves the value.

Setting
    Votes in decreasing order with :math:`v_K-v_{K+1}\ge\Delta_v>0`, K < n.

Guarantee
    Entropic: :math:`s_{K,\mu}(v) \le s_K(v) + 2\mu\sqrt{K(n-K)}\,e^{-\Delta_v/(2\mu)}` (``O12``), at most
    :math:`s_K(v) + \mu n e^{-\Delta_v/(2\mu)}` since :math:`2\sqrt{K(n-K)}\le n`.
    Quadratic: :math:`q_{K,\mu}(v) \le s_K(v) - \mu K/2 + (\mu-\Delta_v)\sum_{i>K}\lambda_i -
    \tfrac\mu2\|1_S-\lambda\|_2^2` (``O12.quadratic``): from
    :math:`\Delta_v\ge\mu` on, :math:`q_{K,\mu} = s_K-\mu K/2` (with ``O8.below``).

Proof
    The dual form of O6 at the threshold :math:`\theta=v_K-\Delta_v/2+(\mu/2)\ln((n-K)/K)`, where kept and dropped units
    add the same, and :math:`\ln(1+e^a)\le e^a`.
"""

import sympy as sp

from theory.calculus import ENTROPY_TANGENT, EXPONENTIAL, SOFTPLUS
from theory.claim import Claim
from theory.facts import Range, at_most
from theory.operator.entropic import entropic, pull, weak_duality
from theory.operator.mask_under_gap import distance2, limited
from theory.operator.quadratic import quadratic
from theory.operator.units import DROPPED, FEWER, GAP, KEPT, MULTIPLIERS, ONE, UNITS, WIDTH, belongs, over
from theory.proof import Step
from theory.steps import Axiom, Certificate, Product, Split, Total
from theory.symbols import K, gap, i, lam, mu, n, softplus, tau, v

_even = tau - gap / 2 + mu / 2 * sp.log((n - K) / K)


def _small(label: str, units: Range, slope: sp.Expr, limit: sp.Expr) -> tuple[Step, ...]:
    """``softplus(slope) ≤ e^slope ≤ e^limit``, for every unit and in total."""
    return (
        *limited(label, units, slope, limit),
        Axiom(f"softplus {label}", SOFTPLUS.id, "exponential", {"at": slope}, units),
        Certificate(
            f"small {label}",
            at_most(softplus(slope), sp.exp(limit), over=units),
            using={f"softplus {label}": ONE, f"limit {label}": ONE},
        ),
        Total(f"total {label}", f"small {label}"),
    )


O12 = Claim(
    id="O12",
    title="With a gap, entropic smoothing adds little",
    setting=r"$s_{K,\mu}(v) \le s_K(v)+2\mu\sqrt{K(n-K)}\,e^{-\Delta_v/(2\mu)}$",
    statement=at_most(entropic, over(KEPT, v(i)) + 2 * mu * sp.sqrt(K * (n - K)) * sp.exp(-gap / (2 * mu))),
    assumptions=(GAP, MULTIPLIERS, FEWER, ENTROPY_TANGENT, EXPONENTIAL, SOFTPLUS),
    source="this project; O6 at the threshold in the gap",
    proof=(
        *weak_duality(_even),
        Split("units", softplus(pull(_even)), UNITS, K),
        Split("count", ONE, UNITS, K),
        Axiom("mirror", SOFTPLUS.id, "mirror", {"at": pull(_even)}, KEPT),
        Total("mirrored", "mirror"),
        *_small("kept", KEPT, -pull(_even), -(tau - _even) / mu),
        *_small("dropped", DROPPED, pull(_even), (tau - gap - _even) / mu),
        Certificate(
            "value",
            None,
            using={
                "dual": ONE,
                "units": mu,
                "mirrored": mu,
                "total kept": mu,
                "total dropped": mu,
                "count": -mu * sp.sqrt(K) / sp.sqrt(n - K) * sp.exp(-gap / (2 * mu)),
            },
        ),
    ),
)

O12_QUADRATIC = Claim(
    id="O12.quadratic",
    title="With a gap of μ, quadratic smoothing is a constant shift",
    setting=r"$q_{K,\mu}(v) \le s_K(v)-\mu K/2+(\mu-\Delta_v)\sum_{i>K}\lambda_i-\frac\mu2\|1_S-\lambda\|_2^2$",
    statement=at_most(
        quadratic, over(KEPT, v(i)) - mu * K / 2 + (mu - gap) * over(DROPPED, lam(i)) - mu / 2 * distance2
    ),
    assumptions=(GAP, MULTIPLIERS, WIDTH),
    source="this project; O4.sharp",
    proof=(
        *belongs(),
        Axiom("vote kept", "gap", "kept"),
        Product("above", "vote kept", "λ ≤ 1"),
        Total("kept", "above"),
        Axiom("vote dropped", "gap", "dropped"),
        Product("below", "vote dropped", "λ ≥ 0"),
        Total("dropped", "below"),
        Split("votes", lam(i) * v(i), UNITS, K),
        Split("squares", lam(i) ** 2, UNITS, K),
        Split("units", lam(i), UNITS, K),
        Certificate(
            "value",
            None,
            using={
                "kept": ONE,
                "dropped": ONE,
                "votes": ONE,
                "squares": -mu / 2,
                "units": mu - tau,
                "total λ": tau - mu,
            },
        ),
    ),
)
