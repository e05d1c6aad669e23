r"""Bilinear votes: the features are trained too.

Setting
    Votes :math:`v_i = w_i\langle u_i,x\rangle` in the weights :math:`w_i` and the feature directions :math:`u_i`, both
    trained; :math:`f = \ell(s(v))` with ℓ convex and slope in [0, 1], such as :math:`\ln(1+e^z)`; hard or smoothed.

Guarantee
    f is ρ-weakly convex with :math:`\rho=\|x\|` (``convex.bilinear``):
    :math:`f(\theta') \ge f(\theta)+\langle g,\theta'-\theta\rangle-\tfrac\rho2\|\theta'-\theta\|^2`.

Proof
    ℓ and s are convex and nondecreasing in what they take; a vote leaves its linearisation by
    :math:`\delta w_i\langle\delta u_i,x\rangle \ge -\tfrac{\|x\|}2(\delta w_i^2+\|\delta u_i\|^2)`.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import at_most, equals
from theory.losses.monotone import loss, loss_new, z, z_new
from theory.losses.over_heads import ONE, axioms, e
from theory.operator.units import MULTIPLIERS, UNITS, belongs, over
from theory.steps import Axiom, Certificate, Product, Total
from theory.symbols import i, lam, v, y
from theory.terms import Scalar, sequence

dw, du, du2, linear = (
    sequence(name, Scalar, letter)
    for name, letter in (("dw", r"\delta w"), ("du", r"\delta\alpha"), ("du2", r"\beta"), ("lin", "l"))
)
size = sp.Symbol("r", positive=True)

SLOPE = Assumption(
    "slope",
    r"$\ell$ is convex with slope $0\le\ell'\le1$ (logistic loss of a negative)",
    {
        "tangent": lambda: at_most(loss + e * (z_new - z), loss_new),
        "e ≥ 0": lambda: at_most(0, e),
        "e ≤ 1": lambda: at_most(e, 1),
    },
)
CONVEX_SUM = Assumption(
    "convex sum",
    r"$s(v')\ge s(v)+\langle\lambda,v'-v\rangle$ (O4)",
    {"subgradient": lambda: at_most(z + over(UNITS, lam(i) * (y(i) - v(i))), z_new)},
    proved_by=("O4",),
)
BILINEAR = Assumption(
    "bilinear",
    r"$v'_i-v_i = l_i+\delta w_i\,\delta\alpha_i$ with the linear part $l_i$, "
    r"$\delta\alpha_i=\langle\delta u_i,x\rangle$ and $\delta\alpha_i^2 \le \|x\|^2\beta_i$, "
    r"$\beta_i=\|\delta u_i\|^2$ (Cauchy–Schwarz), for $r=\|x\|>0$",
    {
        "change": lambda: equals(y(i) - v(i), linear(i) + dw(i) * du(i), over=UNITS),
        "Cauchy–Schwarz": lambda: at_most(du(i) ** 2, size**2 * du2(i), over=UNITS),
    },
)
_moved = dw(i) ** 2 + du2(i)

BILINEAR_WEAKLY_CONVEX = Claim(
    id="convex.bilinear",
    title="Bilinear votes are weakly convex",
    setting=r"$f(\theta')\ge f(\theta)+\langle g,\theta'-\theta\rangle-\frac\rho2\|\theta'-\theta\|^2$, $\rho=\|x\|$, "
    r"with $\langle g,\theta'-\theta\rangle=\ell'\sum_i\lambda_il_i$",
    statement=at_most(loss + e * over(UNITS, lam(i) * linear(i)) - size / 2 * over(UNITS, _moved), loss_new),
    assumptions=(SLOPE, CONVEX_SUM, BILINEAR, MULTIPLIERS),
    source="after Drusvyatskiy, Paquette 2019, Lemma 4.2: convex after smooth",
    proof=(
        *belongs()[:2],
        *axioms(SLOPE, "tangent", "e ≥ 0", "e ≤ 1"),
        Axiom("subgradient", "convex sum", "subgradient"),
        Product("slope × sum", "e ≥ 0", "subgradient"),
        Axiom("change", "bilinear", "change"),
        Certificate(
            "weighted", equals(lam(i) * (y(i) - v(i)), lam(i) * (linear(i) + dw(i) * du(i))), using={"change": lam(i)}
        ),
        Total("changes", "weighted"),
        Axiom("Cauchy–Schwarz", "bilinear", "Cauchy–Schwarz"),
        Certificate(
            "bend",
            at_most(-dw(i) * du(i), size / 2 * _moved),
            using={"Cauchy–Schwarz": 1 / (2 * size)},
            squares=((1 / (2 * size), size * dw(i) + du(i)),),
        ),
        Certificate(
            "β ≥ 0", at_most(0, du2(i)), using={"Cauchy–Schwarz": 1 / size**2}, squares=((1 / size**2, du(i)),)
        ),
        Certificate("size", at_most(0, _moved), using={"β ≥ 0": ONE}, squares=((ONE, dw(i)),)),
        Product("λ size", "λ ≤ 1", "size"),
        Product("λ bend", "λ ≥ 0", "bend"),
        Certificate(
            "bent",
            at_most(-lam(i) * dw(i) * du(i), size / 2 * _moved, over=UNITS),
            using={"λ bend": ONE, "λ size": size / 2},
        ),
        Total("bends", "bent"),
        Total("sizes", "size"),
        Product("e bends", "e ≥ 0", "bends"),
        Product("e sizes", "e ≤ 1", "sizes"),
        Certificate(
            "weakly convex",
            None,
            using={"tangent": ONE, "slope × sum": ONE, "changes": -e, "e bends": ONE, "e sizes": size / 2},
        ),
    ),
)
