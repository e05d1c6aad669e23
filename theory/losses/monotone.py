r"""Monotone losses: the logistic loss of negatives.

Setting
    :math:`f(w) = \ell(s(w\odot x)+b)` with ℓ convex and nondecreasing, such as :math:`\ln(1+e^z)`; hard or smoothed.

Guarantee
    f is convex in w (``convex.monotone``): hard AAT-SGD is the stochastic subgradient method. Its G and L are those of
    the logistic loss.

Reference
    S. Boyd, L. Vandenberghe, *Convex Optimization*, section 3.2.4.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import at_most
from theory.losses.over_heads import ONE, axioms, e
from theory.steps import Certificate, Product

z, z_new, along, loss, loss_new = sp.symbols("z z' delta ell ell'", real=True)
NONDECREASING = Assumption(
    "nondecreasing",
    r"$\ell$ is convex with slope $\ell'(z)\ge0$ (logistic loss of a negative)",
    {"tangent": lambda: at_most(loss + e * (z_new - z), loss_new), "slope": lambda: at_most(0, e)},
)
CONVEX_HEAD = Assumption(
    "convex head",
    r"$z(w') \ge z(w)+\langle x\odot\lambda, w'-w\rangle$ (O4); $\delta=\langle x\odot\lambda, w'-w\rangle$",
    {"subgradient": lambda: at_most(z + along, z_new)},
    proved_by=("O4",),
)

MONOTONE_CONVEX = Claim(
    id="convex.monotone",
    title="The monotone logistic loss is convex in the weights",
    setting=r"$f(w')\ge f(w)+\ell'(z)\langle x\odot\lambda,w'-w\rangle$ when every sample is a negative",
    statement=at_most(loss + e * along, loss_new),
    assumptions=(NONDECREASING, CONVEX_HEAD),
    source="convex and nondecreasing after convex; Boyd, Vandenberghe, section 3.2.4",
    proof=(
        *axioms(NONDECREASING, "tangent", "slope"),
        *axioms(CONVEX_HEAD, "subgradient"),
        Product("slope × head", "slope", "subgradient"),
        Certificate("convex", None, using={"tangent": ONE, "slope × head": ONE}),
    ),
)
