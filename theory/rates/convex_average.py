r"""R1: convex, average iterate.

Setting
    Minimise a convex :math:`F` from stochastic subgradients with :math:`\mathbb E\|g_t\|^2 \le G^2`.
    AAT: the routing loss and the monotone logistic loss, hard or smoothed, at any K; every loss at K = n.

Algorithm
    :math:`w_{t+1} = w_t - \eta g_t`, constant step; the output is the average of :math:`w_0 \dots w_{T-1}`.

Guarantee
    For every comparator u with :math:`\|w_0 - u\| \le D`,
    :math:`\mathbb E F(\bar w_T) - F(u) \le D^2/(2\eta T) + \eta G^2/2`; the best step
    :math:`\eta = D/(G\sqrt T)` gives :math:`DG/\sqrt T`, which no method with these assumptions can beat by
    more than a constant, and which is attained exactly (Drori and Teboulle 2016).

Reference
    A. Nemirovski, A. Juditsky, G. Lan, A. Shapiro, "Robust stochastic approximation approach to stochastic
    programming", SIAM J. Optim. 19 (2009), eq. (2.18); Y. Drori, M. Teboulle, "An optimal variant of Kelley's
    cutting-plane method", Math. Program. 160 (2016).
"""

import sympy as sp

from theory.assumptions import CONVEX, DISTANCE, SECOND_MOMENT, UNBIASED
from theory.claim import Metric, Rate
from theory.facts import Range, at_most
from theory.steps import Axiom, Certificate, Jensen, Telescope, Total
from theory.symbols import D, G, T, eta, g, t, u, w, wbar
from theory.terms import Norm2, Objective

_all_steps = Range(t, sp.Integer(0), T - 1)
_excess = Objective(w(t)) - Objective(u)
_distance = Norm2(w(t) - u)

R1 = Rate.state(
    id="R1",
    title="Convex, average iterate",
    setting=r"$F$ convex, $\mathbb{E}\|g_t\|^2\le G^2$, constant step $\eta$, average of $w_0,\dots,w_{T-1}$",
    metric=Metric("average_gap", "F(average) − F(u)", Objective(wbar(T)) - Objective(u)),
    bound=D**2 / (2 * eta * T) + eta * G**2 / 2,
    schedule=eta,
    assumptions=(CONVEX, UNBIASED, SECOND_MOMENT, DISTANCE),
    definitions={
        w(t + 1): w(t) - eta * g(t),
        wbar(T): sp.Sum(w(t) / T, _all_steps.limits),
    },
    source="Nemirovski, Juditsky, Lan, Shapiro 2009, eq. (2.18)",
    proof=(
        Axiom("mean", "unbiased", "tower", {"time": t, "against": w(t) - u}, _all_steps),
        Axiom("convexity", "convex", "subgradient", {"at": w(t), "against": u}, _all_steps),
        Axiom("moment", "second moment", "bound", {"time": t}, _all_steps),
        Certificate(
            "one step",
            at_most(2 * eta * _excess, _distance - Norm2(w(t + 1) - u) + eta**2 * G**2),
            using={"mean": -2 * eta, "convexity": 2 * eta, "moment": eta**2},
        ),
        Total("all steps", "one step"),
        Telescope("telescope", _distance, _all_steps),
        Jensen("average", wbar(T), ((1 / T, w(t)),), along=_all_steps),
        Axiom("start", "distance", "bound"),
        Certificate(
            "rate",
            None,
            using={
                "all steps": 1 / (2 * eta * T),
                "telescope": 1 / (2 * eta * T),
                "average": sp.Integer(1),
                "start": 1 / (2 * eta * T),
            },
            squares=((1 / (2 * eta * T), w(T) - u),),
        ),
    ),
)
