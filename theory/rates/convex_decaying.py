r"""R2: convex, decaying steps.

Setting
    As R1: convex :math:`F`, stochastic subgradients with :math:`\mathbb E\|g_t\|^2 \le G^2`.

Algorithm
    :math:`w_{t+1} = w_t - \eta_t g_t` with any positive deterministic steps :math:`\eta_t = \eta s_t`; the output is
    the average of :math:`w_0 \dots w_{T-1}` with weights :math:`\eta_t`. R2 in the ledger is
    :math:`s_t = 1/\sqrt{t+1}`; :func:`decaying` gives the claim and the proof for any other shape.

Guarantee
    For every comparator u with :math:`\|w_0 - u\| \le D`, :math:`\mathbb E F(\bar w_T) - F(u) \le (D^2 + G^2 \sum_t
    \eta_t^2)/(2 \sum_t \eta_t)`; the best scale gives :math:`DG \sqrt{\sum_t s_t^2} / \sum_t s_t`.

Reference
    A. Nemirovski, A. Juditsky, G. Lan, A. Shapiro, "Robust stochastic approximation approach to stochastic
    programming", SIAM J. Optim. 19 (2009), eq. (2.20).
"""

import sympy as sp

from theory.assumptions import CONVEX, DISTANCE, SECOND_MOMENT, UNBIASED
from theory.claim import Metric, Rate
from theory.facts import Range, at_most
from theory.steps import Axiom, Certificate, Jensen, Telescope, Total
from theory.symbols import D, G, T, eta, g, latex, t, u, w, wbar
from theory.terms import Norm2, Objective

_all_steps = Range(t, sp.Integer(0), T - 1)
_excess = Objective(w(t)) - Objective(u)
_distance = Norm2(w(t) - u)


def decaying(shape: sp.Expr, id: str = "R2", title: str = "Convex, decaying steps") -> Rate:
    """The claim for steps ``η · shape``, where ``shape`` is an expression in t that is positive for t ≥ 0."""
    step = eta * shape
    length, energy = (sp.Sum(term, _all_steps.limits) for term in (shape, shape**2))
    share = 1 / (2 * eta * length)
    return Rate.state(
        id=id,
        title=title,
        setting=rf"$F$ convex, $\mathbb{{E}}\|g_t\|^2\le G^2$, $\eta_t={latex(step)}$, average of "
        r"$w_0,\dots,w_{T-1}$ with weights $\eta_t$",
        metric=Metric("step_average_gap", "F(average by steps) − F(u)", Objective(wbar(T)) - Objective(u)),
        bound=D**2 / (2 * eta * length) + eta * G**2 * energy / (2 * length),
        schedule=step,
        assumptions=(CONVEX, UNBIASED, SECOND_MOMENT, DISTANCE),
        definitions={
            w(t + 1): w(t) - step * g(t),
            wbar(T): sp.Sum(shape * w(t), _all_steps.limits) / length,
        },
        source="Nemirovski, Juditsky, Lan, Shapiro 2009, eq. (2.20)",
        proof=(
            Axiom("mean", "unbiased", "tower", {"time": t, "against": w(t) - u}, _all_steps),
            Axiom("convexity", "convex", "subgradient", {"at": w(t), "against": u}, _all_steps),
            Axiom("moment", "second moment", "bound", {"time": t}, _all_steps),
            Certificate(
                "one step",
                at_most(2 * step * _excess, _distance - Norm2(w(t + 1) - u) + step**2 * G**2),
                using={"mean": -2 * step, "convexity": 2 * step, "moment": step**2},
            ),
            Total("all steps", "one step"),
            Telescope("telescope", _distance, _all_steps),
            Jensen("average", wbar(T), ((shape / length, w(t)),), along=_all_steps),
            Axiom("start", "distance", "bound"),
            Certificate(
                "rate",
                None,
                using={"all steps": share, "telescope": share, "average": sp.Integer(1), "start": share},
                squares=((share, w(T) - u),),
            ),
        ),
    )


R2 = decaying(1 / sp.sqrt(t + 1))
