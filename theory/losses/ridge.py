r"""A ridge: any loss with :math:`\tfrac\lambda2\|w\|^2` added.

Guarantee
    The ridge adds λ to L (``L.ridge``), and makes a convex F λ-strongly convex (``convex.ridge``). The gradients are no
    longer bounded everywhere: G comes from a ball that SGD does not leave, or from the run.

Proof
    :math:`\tfrac12\|w'\|^2 = \tfrac12\|w\|^2+\langle w,w'-w\rangle+\tfrac12\|w'-w\|^2`, an identity.
"""

from theory.assumptions import CONVEX, SMOOTH
from theory.claim import Claim
from theory.facts import at_most
from theory.operator.units import ONE
from theory.steps import Axiom, Certificate
from theory.symbols import L, ridge, t, u, w
from theory.terms import Gradient, Inner, Norm2, Objective

_here = Objective(w(t)) + ridge / 2 * Norm2(w(t))
_there = Objective(u) + ridge / 2 * Norm2(u)
_linear = _here + Inner(Gradient(w(t)) + ridge * w(t), u - w(t))

RIDGE_CURVATURE = Claim(
    id="L.ridge",
    title="A ridge adds its weight to the smoothness",
    setting=r"$F_\lambda = F+\frac\lambda2\|\cdot\|^2$ is $(L+\lambda)$-smooth: "
    r"$F_\lambda(u) \le F_\lambda(w)+\langle\nabla F_\lambda(w),u-w\rangle+\frac{L+\lambda}{2}\|u-w\|^2$",
    statement=at_most(_there, _linear + (L + ridge) / 2 * Norm2(u - w(t))),
    assumptions=(SMOOTH,),
    source="identity",
    proof=(
        Axiom("descent", "smooth", "descent", {"at": w(t), "to": u}),
        Certificate("smooth", None, using={"descent": ONE}),
    ),
)

RIDGE_CONVEX = Claim(
    id="convex.ridge",
    title="A ridge makes convex strongly convex",
    setting=r"$F_\lambda = F+\frac\lambda2\|\cdot\|^2$ is $\lambda$-strongly convex: "
    r"$F_\lambda(u) \ge F_\lambda(w)+\langle\nabla F_\lambda(w),u-w\rangle+\frac\lambda2\|u-w\|^2$",
    statement=at_most(_linear + ridge / 2 * Norm2(u - w(t)), _there),
    assumptions=(CONVEX,),
    source="identity",
    proof=(
        Axiom("subgradient", "convex", "subgradient", {"at": w(t), "against": u}),
        Certificate("strongly convex", None, using={"subgradient": ONE}),
    ),
)
