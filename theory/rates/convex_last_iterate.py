r"""R3: convex, last iterate.

Setting
    As R1: convex :math:`F`, stochastic subgradients with :math:`\mathbb E\|g_t\|^2 \le G^2`.

Algorithm
    :math:`w_{t+1} = w_t - \eta_t g_t` with the step going linearly to zero,
    :math:`\eta_t = \eta\,(1 - (t+1)/T)`; the output is the last iterate :math:`w_{T-1}`.

Guarantee
    The bound of R1, without averaging: :math:`\mathbb E F(w_{T-1}) - F(u) \le D^2/(2\eta T) + \eta G^2/2`; the
    best scale :math:`\eta = D/(G\sqrt T)` gives :math:`DG/\sqrt T`, attained exactly.

Proof
    Anchors :math:`z_0 = u`, :math:`z_{t+1} = w_t/(T-t) + (1 - 1/(T-t)) z_t`. One step against the anchor
    :math:`z_{t+1}`, and convexity along :math:`z_t, z_{t+1}, w_t`, give with :math:`c = \eta/T`

    .. math:: 2c\,\mathbb E[F(z_{t+1}) - F(z_t)]
        \le \mathbb E\frac{\|w_t - z_t\|^2}{(T-t)^2} - \mathbb E\frac{\|w_{t+1} - z_{t+1}\|^2}{(T-t-1)^2} + c^2G^2,

    so both sides telescope: the weights of the published proof are all inside the anchors. A last, virtual
    step of length c turns :math:`F(z_{T-1})` into :math:`F(w_{T-1})`.

Reference
    M. Zamani, F. Glineur, "Exact convergence rate of the last iterate in subgradient methods", 2023, Theorem 2.4;
    A. Defazio, A. Cutkosky, H. Mehta, K. Mishchenko, "Optimal linear decay learning rate schedules and
    further refinements", 2023, Corollary 3.
"""

import sympy as sp

from theory.assumptions import CONVEX, DISTANCE, SECOND_MOMENT, UNBIASED
from theory.claim import Metric, Rate
from theory.facts import Range, at_most
from theory.steps import Axiom, Certificate, Jensen, Telescope, Total
from theory.symbols import D, G, T, eta, g, t, u, w, z
from theory.terms import Norm2, Objective

_but_last = Range(t, sp.Integer(0), T - 2)
_left = T - t
_c = eta / T
_potential = Norm2(w(t) - z(t)) / _left**2
_rise = Objective(z(t + 1)) - Objective(z(t))
_final = Objective(w(T - 1)) - Objective(z(T - 1))

R3 = Rate.state(
    id="R3",
    title="Convex, last iterate",
    setting=r"$F$ convex, $\mathbb{E}\|g_t\|^2\le G^2$, $\eta_t=\eta\,(1-(t+1)/T)$, last iterate $w_{T-1}$",
    metric=Metric("last_gap", "F(last) − F(u)", Objective(w(T - 1)) - Objective(u)),
    bound=D**2 / (2 * eta * T) + eta * G**2 / 2,
    schedule=eta * (1 - (t + 1) / T),
    assumptions=(CONVEX, UNBIASED, SECOND_MOMENT, DISTANCE),
    definitions={
        w(t + 1): w(t) - _c * (_left - 1) * g(t),
        z(t + 1): w(t) / _left + (_left - 1) / _left * z(t),
        z(0): u,
    },
    source="Zamani, Glineur 2023, Thm 2.4; Defazio, Cutkosky, Mehta, Mishchenko 2023, Cor. 3",
    proof=(
        Axiom("mean", "unbiased", "tower", {"time": t, "against": w(t) - z(t)}, _but_last),
        Axiom("convexity", "convex", "subgradient", {"at": w(t), "against": z(t + 1)}, _but_last),
        Axiom("moment", "second moment", "bound", {"time": t}, _but_last),
        Jensen("anchor", z(t + 1), ((1 / _left, w(t)), ((_left - 1) / _left, z(t))), over=_but_last),
        Certificate(
            "one step",
            at_most(2 * _c * _rise, _potential - _potential.subs(t, t + 1) + _c**2 * G**2),
            using={
                "mean": -2 * _c / _left,
                "convexity": 2 * _c / (_left - 1),
                "anchor": 2 * _c * _left / (_left - 1),
                "moment": _c**2,
            },
        ),
        Total("all but last", "one step"),
        Telescope("rises", -Objective(z(t)), _but_last),
        Telescope("potentials", _potential, _but_last),
        Axiom("last mean", "unbiased", "tower", {"time": T - 1, "against": w(T - 1) - z(T - 1)}),
        Axiom("last convexity", "convex", "subgradient", {"at": w(T - 1), "against": z(T - 1)}),
        Axiom("last moment", "second moment", "bound", {"time": T - 1}),
        Certificate(
            "virtual step",
            at_most(2 * _c * _final, Norm2(w(T - 1) - z(T - 1)) + _c**2 * G**2),
            using={"last mean": -2 * _c, "last convexity": 2 * _c, "last moment": _c**2},
            squares=((sp.Integer(1), w(T - 1) - z(T - 1) - _c * g(T - 1)),),
        ),
        Axiom("start", "distance", "bound"),
        Certificate(
            "rate",
            None,
            using={
                "all but last": 1 / (2 * _c),
                "rises": -sp.Integer(1),
                "potentials": 1 / (2 * _c),
                "virtual step": 1 / (2 * _c),
                "start": 1 / (2 * _c * T**2),
            },
        ),
    ),
)
