r"""O7, O9: the multipliers are Lipschitz in the votes.

Setting
    The smoothings :math:`\max \{\langle\lambda,v\rangle + \mu H(\lambda) : \lambda\in\Delta_{n,K}\}` with the entropy
    :math:`H=\sum_i h(\lambda_i)` or the half square :math:`H=-\tfrac12\|\lambda\|^2`; λ is the maximiser at votes v, ν
    at votes y.

Guarantee
    :math:`\|\lambda-\nu\| \le \|v-y\|/(4\mu)` for the entropy (``O7``, because :math:`-h''\ge4`), and
    :math:`\|v-y\|/\mu` for the half square (``O9``). The multipliers are the gradient, so these are the curvatures of
    the smoothed operator.

Reference
    Yu. Nesterov, "Smooth minimization of non-smooth functions", Math. Program. 103 (2005), Theorem 1.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import Fact, at_most, equals
from theory.operator.units import UNITS, over
from theory.steps import Axiom, Certificate, Total
from theory.symbols import i, lam, mu, nu, v, y
from theory.terms import Scalar, sequence

slope, other_slope = sequence("dlam", Scalar, "H'(\\lambda)"), sequence("dnu", Scalar, "H'(\\nu)")
p = sp.Symbol("p", positive=True)
_moved = lam(i) - nu(i)
_first_order = at_most(over(UNITS, (v(i) + mu * slope(i)) * (nu(i) - lam(i))), 0)


def _at_other_votes(fact: Fact) -> Fact:
    """A fact about the multipliers λ at v, as the same fact about ν at y."""
    swap = {v(i): y(i), lam(i): nu(i), nu(i): lam(i), slope(i): other_slope(i)}
    return Fact(fact.lhs.xreplace(swap), fact.rhs.xreplace(swap))


OPTIMAL = Assumption(
    "optimal",
    r"the multipliers $\lambda$ at $v$ and $\nu$ at $y$ maximise over the convex set $\Delta_{n,K}$: "
    r"$\langle v+\mu\nabla H(\lambda), \nu-\lambda\rangle \le 0$, and vice versa",
    {"at v": lambda: _first_order, "at y": lambda: _at_other_votes(_first_order)},
)
ENTROPY = Assumption(
    "entropy",
    r"$H=\sum_i h(\lambda_i)$, $h''(p)=-1/(p(1-p))$ on $0<p<1$: by the mean value theorem "
    r"$(h'(\lambda_i)-h'(\nu_i))(\lambda_i-\nu_i)=h''(p)(\lambda_i-\nu_i)^2$ for some such $p$",
    {"curvature": lambda: equals((slope(i) - other_slope(i)) * _moved, -(_moved**2) / (p * (1 - p)))},
    domain={p: 1 / (1 + sp.Dummy("q", positive=True))},
    some=frozenset({p}),
)
HALF_SQUARE = Assumption(
    "half square",
    r"$H=-\tfrac12\|\lambda\|^2$, so $\nabla H(\lambda)=-\lambda$",
    {"curvature": lambda: equals((slope(i) - other_slope(i)) * _moved, -(_moved**2))},
)


def _lipschitz(
    id: str,
    kind: str,
    constant: str,
    entropy: Assumption,
    modulus: int,
    surplus: tuple[tuple[sp.Expr, sp.Expr], ...],
) -> Claim:
    """The multipliers are 1/(modulus·μ)-Lipschitz, because H is ``modulus``-strongly concave."""
    strength = modulus * mu
    return Claim(
        id=id,
        title=f"{kind} multipliers are {constant}-Lipschitz in the votes",
        setting=rf"$\|\lambda-\nu\|^2 \le \|v-y\|^2/({modulus if modulus > 1 else ''}\mu)^2$ for the multipliers "
        rf"$\lambda$ at $v$ and $\nu$ at $y$",
        statement=at_most(over(UNITS, _moved**2), over(UNITS, (v(i) - y(i)) ** 2) / strength**2),
        assumptions=(OPTIMAL, entropy),
        source="Nesterov 2005, Theorem 1",
        proof=(
            Axiom("curvature", entropy.id, "curvature", over=UNITS),
            Certificate(
                "strongly concave",
                at_most(modulus * _moved**2, -(slope(i) - other_slope(i)) * _moved),
                using={"curvature": sp.Integer(1)},
                squares=surplus,
            ),
            Total("concavity", "strongly concave"),
            Axiom("at v", "optimal", "at v"),
            Axiom("at y", "optimal", "at y"),
            Certificate(
                "monotone",
                at_most(strength * over(UNITS, _moved**2), over(UNITS, (v(i) - y(i)) * _moved)),
                using={"at v": sp.Integer(1), "at y": sp.Integer(1), "concavity": mu},
            ),
            Certificate(
                "square",
                at_most(0, ((v(i) - y(i)) - strength * _moved) ** 2, over=UNITS),
                squares=((sp.Integer(1), (v(i) - y(i)) - strength * _moved),),
            ),
            Total("squares", "square"),
            Certificate("Lipschitz", None, using={"monotone": 2 / strength, "squares": 1 / strength**2}),
        ),
    )


O7 = _lipschitz("O7", "Entropic", "1/(4μ)", ENTROPY, 4, ((1 / (p * (1 - p)), (1 - 2 * p) * _moved),))
O9 = _lipschitz("O9", "Quadratic", "1/μ", HALF_SQUARE, 1, ())
