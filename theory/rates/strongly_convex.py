r"""R4: strongly convex.

Setting
    Minimise a λ-strongly convex :math:`F` from stochastic subgradients with :math:`\mathbb E\|g_t\|^2 \le G^2`.
    AAT: the losses of R1 with an added :math:`(\lambda/2)\|w\|^2`.

Algorithm
    :math:`w_{t+1} = w_t - \eta_t g_t` with :math:`\eta_t = 2\eta/(t+2)` and any :math:`\eta \ge 1/\lambda`; the output
    is the average of :math:`w_0 \dots w_{T-1}` with weights :math:`t+1`.

Guarantee
    For every comparator u, wherever the start, :math:`\mathbb E F(\bar w_T) - F(u) \le 2\eta G^2/(T+1)`; the best scale
    :math:`\eta = 1/\lambda` gives :math:`2G^2/(\lambda(T+1))`.

Proof
    In the one-step inequality times :math:`t+1` the curvature takes at least :math:`(t+1)/(2\eta)` off the weight
    :math:`(t+1)(t+2)/(4\eta)` of :math:`\|w_t-u\|^2`, because :math:`\eta\lambda \ge 1`. What is left,
    :math:`t(t+1)/(4\eta)`, telescopes and vanishes at t = 0: the start does not matter.

Reference
    S. Lacoste-Julien, M. Schmidt, F. Bach, "A simpler approach to obtaining an O(1/t) convergence rate for the
    projected stochastic subgradient method", 2012, eq. (5).
"""

import sympy as sp

from theory.assumptions import CONVEX, SECOND_MOMENT, UNBIASED, Assumption
from theory.claim import Metric, Rate
from theory.facts import Fact, Range, at_most
from theory.steps import Axiom, Certificate, Jensen, Telescope, Total
from theory.symbols import G, T, eta, g, modulus, t, u, w, wbar
from theory.terms import Gradient, Inner, Norm2, Objective


def _subgradient(at: sp.Expr, against: sp.Expr) -> Fact:
    curved = modulus / 2 * Norm2(against - at)
    return at_most(Objective(at) + Inner(Gradient(at), against - at) + curved, Objective(against))


STRONGLY_CONVEX = Assumption(
    "strongly convex",
    r"$F-\tfrac\lambda2\|\cdot\|^2$ is convex",
    {"subgradient": _subgradient},
    constant=modulus,
)
STEP_AT_LEAST_INVERSE_MODULUS = Assumption(
    "step",
    r"$\eta \ge 1/\lambda$",
    domain={modulus: (1 + sp.Dummy("s", nonnegative=True)) / eta},
    condition=eta * modulus - 1,
)

_all_steps = Range(t, sp.Integer(0), T - 1)
_step = 2 * eta / (t + 2)
_weight = 2 * (t + 1) / (T * (T + 1))
_excess = Objective(w(t)) - Objective(u)
_potential = t * (t + 1) / (4 * eta) * Norm2(w(t) - u)

R4 = Rate.state(
    id="R4",
    title="Strongly convex",
    setting=r"$F$ $\lambda$-strongly convex, $\mathbb{E}\|g_t\|^2\le G^2$, $\eta_t=2\eta/(t+2)$ with $\eta\ge1/\lambda$"
    r", average of $w_0,\dots,w_{T-1}$ with weights $t+1$",
    metric=Metric("linear_average_gap", "F(linearly weighted average) − F(u)", Objective(wbar(T)) - Objective(u)),
    bound=2 * eta * G**2 / (T + 1),
    schedule=_step,
    scale=1 / modulus,
    assumptions=(CONVEX, STRONGLY_CONVEX, UNBIASED, SECOND_MOMENT, STEP_AT_LEAST_INVERSE_MODULUS),
    definitions={
        w(t + 1): w(t) - _step * g(t),
        wbar(T): sp.Sum(_weight * w(t), _all_steps.limits),
    },
    source="Lacoste-Julien, Schmidt, Bach 2012, eq. (5)",
    proof=(
        Axiom("mean", "unbiased", "tower", {"time": t, "against": w(t) - u}, _all_steps),
        Axiom("curvature", "strongly convex", "subgradient", {"at": w(t), "against": u}, _all_steps),
        Axiom("moment", "second moment", "bound", {"time": t}, _all_steps),
        Certificate(
            "one step",
            at_most((t + 1) * _excess, _potential - _potential.subs(t, t + 1) + eta * G**2),
            using={"mean": -(t + 1), "curvature": t + 1, "moment": (t + 1) * _step / 2},
            squares=(
                ((t + 1) * (eta * modulus - 1) / (2 * eta), w(t) - u),
                (eta / (t + 2), G),
            ),
        ),
        Total("all steps", "one step"),
        Telescope("telescope", _potential, _all_steps),
        Jensen("average", wbar(T), ((_weight, w(t)),), along=_all_steps),
        Certificate(
            "rate",
            None,
            using={"all steps": 2 / (T * (T + 1)), "telescope": 2 / (T * (T + 1)), "average": sp.Integer(1)},
            squares=((1 / (2 * eta), w(T) - u),),
        ),
    ),
)
