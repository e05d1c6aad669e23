r"""One head, as a function of its weights: ``z(w) = s(w ⊙ x)``, so ``∂z/∂w = x ⊙ λ``.

How long that gradient is (R_K; R_2K for the routing loss), and how curved z is (κ).
"""

from __future__ import annotations

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import Range, at_most, equals
from theory.operator.units import MULTIPLIERS, ONE, UNITS, at_best_vertex, belongs, best_vertex, over
from theory.proof import Step
from theory.steps import Axiom, Certificate, Product, Total
from theory.symbols import R_K, K, R_inf, i, lam, n, x
from theory.terms import Scalar, sequence

tau_x = sp.Symbol("tau_x", nonnegative=True)


def below_itself(multipliers: str, letter: str) -> tuple[Step, ...]:
    """``0 ≤ a ≤ 1`` and ``a² ≤ a``, for every unit."""
    square = Product(f"{letter}² ≤ {letter}", f"{letter} ≥ 0", f"{letter} ≤ 1")
    return (*belongs(multipliers, letter), square)


def norm(
    id: str, title: str, setting: str, weight: sp.Expr, budget: sp.Expr, radius: sp.Symbol,
    masks: tuple[Assumption, ...], inside: tuple[Step, ...],
) -> Claim:  # fmt: skip
    """``Σ x_i² a_i² ≤ R²`` for weights with ``a_i² ≤ 1`` and ``Σ a_i² ≤ budget``, which the steps ``inside`` show.

    The certificate of O1, for the votes x² and the multipliers a²: moving weight to larger |x| only adds.
    """
    kept, dropped = Range(i, ONE, budget), Range(i, budget + 1, n)
    size = sp.latex(budget)
    largest = Assumption(
        "radius",
        rf"units are numbered by decreasing $|x_i|$; $R_{{{size}}}^2=\sum_{{i\le {size}}}x_i^2$",
        {
            "kept": lambda: at_most(tau_x, x(i) ** 2, over=kept),
            "dropped": lambda: at_most(x(i) ** 2, tau_x, over=dropped),
            "value": lambda: equals(over(kept, x(i) ** 2), radius**2),
        },
    )
    width = Assumption("width", rf"${size}\le n$", domain={n: budget + sp.Dummy("r", integer=True, nonnegative=True)})
    return Claim(
        id=id,
        title=title,
        setting=setting,
        statement=at_most(over(UNITS, x(i) ** 2 * weight**2), radius**2),
        assumptions=(*masks, largest, width),
        source="O1 for the votes x²",
        proof=(
            *inside,
            Certificate("square", at_most(0, weight**2), squares=((ONE, weight),)),
            *best_vertex("radius", "at most 1", "square", x(i) ** 2, weight**2, budget),
            Axiom("radius", "radius", "value"),
            Certificate(
                "norm",
                None,
                using={**at_best_vertex(tau_x), "budget": tau_x, "radius": ONE},
            ),
        ),
    )


HEAD_NORM = norm(
    id="G.head",
    title="Gradient of one head",
    setting=r"$\|x\odot\lambda\| \le R_K$ for all multipliers, hard or smoothed",
    weight=lam(i),
    budget=K,
    radius=R_K,
    masks=(MULTIPLIERS,),
    inside=(
        *below_itself("multipliers", "λ"),
        Certificate("at most 1", at_most(lam(i) ** 2, 1), using={"λ ≤ 1": ONE, "λ² ≤ λ": ONE}),
        Certificate("each", at_most(lam(i) ** 2, lam(i), over=UNITS), using={"λ² ≤ λ": ONE}),
        Total("each summed", "each"),
        Certificate("budget", at_most(over(UNITS, lam(i) ** 2), K), using={"each summed": ONE, "total λ": ONE}),
    ),
)

d = sequence("d", Scalar)
_form, _lipschitz = sp.Symbol("Q", real=True), sp.Symbol("ell", positive=True)

FEATURES = Assumption(
    "features", r"$|x_i| \le R_\infty$", {"largest": lambda: at_most(x(i) ** 2, R_inf**2, over=UNITS)}
)
CURVATURE = Assumption(
    "operator",
    r"the multipliers are $\ell$-Lipschitz in the votes ($\ell=1/(4\mu)$ by O7, $1/\mu$ by O9), so "
    r"$d^\top\nabla_w^2 s(w\odot x)\,d \le \ell\,\|x\odot d\|^2$",
    {"Lipschitz": lambda: at_most(_form, _lipschitz * over(UNITS, x(i) ** 2 * d(i) ** 2))},
    proved_by=("O7", "O9"),
)

HEAD_CURVATURE = Claim(
    id="L.head",
    title="Curvature of one head, and smoothness of the routing loss",
    setting=r"$d^\top\nabla_w^2 s(w\odot x)\,d \le \kappa\|d\|^2$ with $\kappa=R_\infty^2\ell$: $R_\infty^2/(4\mu)$ "
    r"entropic, $R_\infty^2/\mu$ quadratic",
    statement=at_most(_form, R_inf**2 * _lipschitz * over(UNITS, d(i) ** 2)),
    assumptions=(CURVATURE, FEATURES),
    source="chain rule; O7, O9",
    proof=(
        Axiom("votes", "operator", "Lipschitz"),
        Axiom("features", "features", "largest"),
        Certificate("direction", at_most(0, d(i) ** 2, over=UNITS), squares=((ONE, d(i)),)),
        Product("each", "features", "direction"),
        Total("all", "each"),
        Certificate("curvature", None, using={"votes": ONE, "all": _lipschitz}),
    ),
)
