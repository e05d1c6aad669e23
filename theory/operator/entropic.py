r"""O6: entropic smoothing and what it adds.

Setting
    :math:`s_{K,\mu}(v) = \max_{\lambda\in\Delta_{n,K}} \langle\lambda,v\rangle + \mu\sum_i h(\lambda_i)` with the
    entropy :math:`h(p) = -p\ln p-(1-p)\ln(1-p)`. Statements that hold for every λ hold for the maximum.

Guarantee
    :math:`s_{K,\mu}(v) = \min_\theta K\theta + \mu\sum_i \mathrm{softplus}((v_i-\theta)/\mu)`: no threshold gives less
    (``O6.dual``), and the multipliers :math:`\lambda_i=\sigma((v_i-\theta)/\mu)` attain it at the θ where they add up
    to K (``O6.attained``). So :math:`s_K \le s_{K,\mu}` (``O6.below``), :math:`s_{K,\mu} \le s_K + \mu\,n\,h(K/n)` for
    K < n (``O6``; at K = n nothing is added, O5.dense), and this is at most :math:`\mu K(1+\ln(n/K))` (``O6.plain``).

Proof
    Each :math:`h(\lambda_i)` lies below the tangent of h at K/n, and the multipliers average to K/n.

Reference
    Yu. Nesterov, "Smooth minimization of non-smooth functions", Math. Program. 103 (2005), for the entropy of Δ.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.calculus import ENTROPY_TANGENT, ENTROPY_VALUE, LOGARITHM, binary_entropy, exp
from theory.claim import Claim
from theory.facts import at_most, equals
from theory.operator.support_function import O1
from theory.operator.units import FEWER, KEPT, MULTIPLIERS, ONE, ORDER, UNITS, WIDTH, belongs, over
from theory.proof import Step
from theory.steps import Axiom, Certificate, Lemma, Total
from theory.symbols import K, entropy, i, lam, mu, n, softplus, theta, v

smoothed_value = sp.Symbol("s_mu", real=True)
_each, _entropy = lam(i) * v(i), entropy(lam(i))
entropic = over(UNITS, _each) + mu * over(UNITS, _entropy)
_share = K / n
_added = mu * n * binary_entropy(_share)


def pull(threshold: sp.Expr) -> sp.Expr:
    """``(v_i − θ)/μ``, of which the multiplier is the sigmoid."""
    return (v(i) - threshold) / mu


def dual(threshold: sp.Expr) -> sp.Expr:
    """``Kθ + μ Σ softplus((v_i − θ)/μ)``, the dual objective at a threshold."""
    return K * threshold + mu * over(UNITS, softplus(pull(threshold)))


def weak_duality(threshold: sp.Expr) -> tuple[Step, ...]:
    """Steps for ``⟨λ, v⟩ + μ Σ h(λ_i) ≤ dual(threshold)``, by that name."""
    return (
        *belongs(),
        Axiom(
            "conjugate",
            ENTROPY_TANGENT.id,
            "conjugate",
            {"at": lam(i), "slope": pull(threshold)},
            UNITS,
            given=("λ ≥ 0", "λ ≤ 1"),
        ),
        Total("conjugates", "conjugate"),
        Certificate("dual", at_most(entropic, dual(threshold)), using={"conjugates": mu, "total λ": threshold}),
    )


MAXIMUM_OF_ENTROPIC = Assumption(
    "entropic maximum",
    r"$s_{K,\mu}(v) \ge \langle\lambda,v\rangle+\mu\sum_ih(\lambda_i)$ for every $\lambda\in\Delta_{n,K}$",
    {"elsewhere": lambda: at_most(entropic, smoothed_value)},
)
BALANCED = Assumption(
    "balanced",
    r"$\lambda_i = 1/(1+e^{-(v_i-\theta)/\mu})$, with the threshold $\theta$ where $\sum_i\lambda_i=K$",
    {
        "sigmoid": lambda: equals(lam(i) * (1 + exp(-pull(theta))), 1),
        "total": lambda: equals(over(UNITS, lam(i)), K),
    },
)

O6_DUAL = Claim(
    id="O6.dual",
    title="Every threshold bounds the entropic sum",
    setting=r"$s_{K,\mu}(v) \le K\theta+\mu\sum_i\mathrm{softplus}((v_i-\theta)/\mu)$ for every $\theta$",
    statement=at_most(entropic, dual(theta)),
    assumptions=(MULTIPLIERS, ENTROPY_TANGENT),
    source="Lagrange duality; Rockafellar, Uryasev 2000 for μ → 0",
    proof=(*weak_duality(theta), Certificate("every threshold", None, using={"dual": ONE})),
)

O6_ATTAINED = Claim(
    id="O6.attained",
    title="The balanced sigmoid attains the entropic sum",
    setting=r"$s_{K,\mu}(v) = K\theta+\mu\sum_i\mathrm{softplus}((v_i-\theta)/\mu)$ at "
    r"$\lambda_i=\sigma((v_i-\theta)/\mu)$, $\sum_i\lambda_i=K$",
    statement=equals(entropic, dual(theta)),
    assumptions=(BALANCED, ENTROPY_VALUE),
    source="Lagrange duality",
    proof=(
        Axiom("sigmoid", "balanced", "sigmoid"),
        Axiom("value", ENTROPY_VALUE.id, "attained", {"at": lam(i), "slope": pull(theta)}, UNITS, given=("sigmoid",)),
        Total("values", "value"),
        Axiom("total", "balanced", "total"),
        Certificate("attained", None, using={"values": mu, "total": theta}),
    ),
)

O6_BELOW = Claim(
    id="O6.below",
    title="Entropic smoothing takes nothing away",
    setting=r"$s_K(v) \le s_{K,\mu}(v)$: $\langle\lambda,v\rangle \le s_{K,\mu}(v)$ for every "
    r"$\lambda\in\Delta_{n,K}$, the mask among them",
    statement=at_most(over(UNITS, _each), smoothed_value),
    assumptions=(MULTIPLIERS, MAXIMUM_OF_ENTROPIC, ENTROPY_TANGENT),
    source="h ≥ 0",
    proof=(
        *belongs()[:2],
        Axiom("entropy", ENTROPY_TANGENT.id, "positive", {"at": lam(i)}, UNITS, given=("λ ≥ 0", "λ ≤ 1")),
        Total("entropies", "entropy"),
        Axiom("maximum", "entropic maximum", "elsewhere"),
        Certificate("below", None, using={"entropies": mu, "maximum": ONE}),
    ),
)

O6 = Claim(
    id="O6",
    title="What entropic smoothing adds",
    setting=r"$s_{K,\mu}(v) \le s_K(v)+\mu\,n\,h(K/n)$ for $K<n$",
    statement=at_most(entropic, over(KEPT, v(i)) + _added),
    assumptions=(ORDER, MULTIPLIERS, WIDTH, FEWER, ENTROPY_TANGENT),
    source="O1, and the tangent of h at K/n",
    proof=(
        Lemma("vertex", O1),
        *belongs(),
        Axiom("tangent", ENTROPY_TANGENT.id, "tangent", {"at": lam(i), "to": _share}, UNITS, given=("λ ≥ 0", "λ ≤ 1")),
        Total("tangents", "tangent"),
        Certificate(
            "smoothed",
            None,
            using={"vertex": ONE, "tangents": mu, "total λ": mu * (sp.log(1 - _share) - sp.log(_share))},
        ),
    ),
)

O6_PLAIN = Claim(
    id="O6.plain",
    title="The entropy of K units among n",
    setting=r"$\mu\,n\,h(K/n) \le \mu K(1+\ln(n/K))$",
    statement=at_most(_added, mu * K * (1 + sp.log(n / K))),
    assumptions=(FEWER, LOGARITHM),
    source="ln(1 − p) ≥ −p/(1 − p)",
    proof=(
        Axiom("tangent", LOGARITHM.id, "tangent", {"at": 1 - _share, "to": ONE}),
        Certificate("entropy", None, using={"tangent": mu * (n - K)}),
    ),
)
