r"""O1, O4, O7, O9: what the rates need to know of the operator :math:`s_K`.

``s_K(v)`` is the sum of the K largest of n votes, its smoothings are
``max {⟨λ, v⟩ + μH(λ) : λ ∈ Δ_{n,K}}`` with ``Δ_{n,K} = {λ ∈ [0,1]^n : Σλ = K}`` and a strongly concave H. Units are
numbered so that the largest votes come first, so the support is ``1 … K``.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import Fact, Range, at_most, equals
from theory.proof import Axiom, Certificate, Product, Split, Total
from theory.symbols import K, i, lam, mu, n, tau, v
from theory.terms import Scalar, sequence

KEPT = Range(i, sp.Integer(1), K)
DROPPED = Range(i, K + 1, n)
UNITS = Range(i, sp.Integer(1), n)


def over(units: Range, term: sp.Expr) -> sp.Sum:
    """The sum of ``term`` over units."""
    return sp.Sum(term, units.limits)


ORDER = Assumption(
    "order",
    r"units are numbered by decreasing vote, with $\tau = v_K$",
    {
        "kept": lambda: at_most(tau, v(i), over=KEPT),
        "dropped": lambda: at_most(v(i), tau, over=DROPPED),
    },
)
WIDTH = Assumption("width", r"$K\le n$", domain={n: K + sp.Dummy("r", integer=True, nonnegative=True)})
MULTIPLIERS = Assumption(
    "multipliers",
    r"$\lambda \in \Delta_{n,K}$: $0\le\lambda_i\le1$ and $\sum_i\lambda_i = K$",
    {
        "at least 0": lambda: at_most(0, lam(i)),
        "at most 1": lambda: at_most(lam(i), 1),
        "total": lambda: equals(over(UNITS, lam(i)), K),
    },
)

O1 = Claim(
    id="O1",
    title="The K largest votes are the best vertex",
    setting=r"$\langle\lambda,v\rangle \le s_K(v)$ for every $\lambda\in\Delta_{n,K}$: $s_K$ is a support function",
    statement=at_most(over(UNITS, lam(i) * v(i)), over(KEPT, v(i))),
    assumptions=(ORDER, MULTIPLIERS, WIDTH),
    source="Ky Fan's principle for diagonal matrices; Rockafellar, Convex Analysis, section 13",
    proof=(
        Axiom("above", "order", "kept"),
        Axiom("room", "multipliers", "at most 1", over=KEPT),
        Product("kept units", "above", "room"),
        Total("kept", "kept units"),
        Axiom("below", "order", "dropped"),
        Axiom("weight", "multipliers", "at least 0", over=DROPPED),
        Product("dropped units", "below", "weight"),
        Total("dropped", "dropped units"),
        Axiom("total", "multipliers", "total"),
        Split("votes", lam(i) * v(i), UNITS, K),
        Split("weights", lam(i), UNITS, K),
        Certificate(
            "support function",
            None,
            using={
                "kept": sp.Integer(1),
                "dropped": sp.Integer(1),
                "total": tau,
                "votes": sp.Integer(1),
                "weights": -tau,
            },
        ),
    ),
)

y = sequence("y", Scalar)
value, other_value, entropy = (sp.Symbol(name, real=True) for name in ("s_v", "s_y", "H"))

MAXIMUM = Assumption(
    "maximum",
    r"$s(v) = \max_{\lambda\in\Delta_{n,K}} \langle\lambda,v\rangle + \mu H(\lambda)$, attained at $\lambda$",
    {
        "attained": lambda: equals(value, over(UNITS, lam(i) * v(i)) + mu * entropy),
        "elsewhere": lambda: at_most(over(UNITS, lam(i) * y(i)) + mu * entropy, other_value),
    },
)

O4 = Claim(
    id="O4",
    title="The multipliers are a subgradient, so the operator is convex",
    setting=r"$s(y) \ge s(v) + \langle\lambda, y-v\rangle$ for the multipliers $\lambda$ at $v$: hard ($\mu H=0$, "
    r"$\lambda$ the mask) and smoothed",
    statement=at_most(value + over(UNITS, lam(i) * (y(i) - v(i))), other_value),
    assumptions=(MAXIMUM,),
    source="Danskin 1966; Rockafellar, Convex Analysis, Cor. 23.5.3",
    proof=(
        Axiom("here", "maximum", "attained"),
        Axiom("there", "maximum", "elsewhere"),
        Certificate("subgradient", None, using={"here": sp.Integer(1), "there": sp.Integer(1)}),
    ),
)


def _at_other_votes(fact: Fact) -> Fact:
    """A fact about the multipliers λ at v, as the same fact about ν at y."""
    swap = {v(i): y(i), lam(i): nu(i), nu(i): lam(i), slope(i): other_slope(i)}
    return Fact(fact.lhs.xreplace(swap), fact.rhs.xreplace(swap))


nu = sequence("nu", Scalar, r"\nu")
slope, other_slope = sequence("dlam", Scalar, "H'(\\lambda)"), sequence("dnu", Scalar, "H'(\\nu)")
p = sp.Symbol("p", positive=True)
_moved = lam(i) - nu(i)
_first_order = at_most(over(UNITS, (v(i) + mu * slope(i)) * (nu(i) - lam(i))), 0)

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
