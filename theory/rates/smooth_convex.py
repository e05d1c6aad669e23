r"""R5, R5s: every sample convex and smooth.

Setting
    Minimise :math:`F = \mathbb E f_\xi` with every :math:`f_\xi` convex and :math:`L_{\max}`-smooth (L below), from
    :math:`g_t = \nabla f_{\xi_t}(w_t)`; no bound on the gradients or their variance is assumed, only
    :math:`\mathbb E\|\nabla f_\xi(u)\|^2 \le \sigma_*^2` at the comparator. AAT: the routing and the monotone logistic
    loss with a soft threshold.

Algorithm
    :math:`w_{t+1} = w_t - \eta g_t`, constant step; the output is the average of :math:`w_0 \dots w_{T-1}`.

Guarantee
    R5, for :math:`\eta < 1/(2L)`: :math:`\mathbb E F(\bar w_T) - F(u) \le D^2/(2\eta(1-2\eta L)T) +
    \eta\sigma_*^2/(1-2\eta L)`, as published, but for every comparator u. R5s, for :math:`\eta < 1/L`:
    :math:`D^2/(2\eta T) + \eta\sigma_*^2/(2(1-\eta L))`, never worse; its best step :math:`1/\eta = L +
    \sigma_*\sqrt T/D` gives :math:`LD^2/(2T) + \sigma_*D/\sqrt T`, which is gradient descent's own rate without noise.

Proof
    The published proof spends co-coercivity and convexity one after the other. Co-coercivity alone contains both:
    :math:`\langle\nabla F(w), w-u\rangle \ge F(w) - F(u) + \frac{1}{2L}\mathbb E\|g-g^u\|^2`, with :math:`g^u` the same
    sample's gradient at u, and the last term pays for :math:`\eta^2\|g\|^2 \le \frac{\eta}{L}\|g-g^u\|^2 +
    \frac{\eta^2}{1-\eta L}\|g^u\|^2`.

Reference
    G. Garrigos, R. M. Gower, "Handbook of convergence theorems for (stochastic) gradient methods", 2023, Theorem 5.3;
    Yu. Nesterov, "Lectures on convex optimization", 2018, Theorem 2.1.5.
"""

import sympy as sp

from theory.assumptions import CONVEX, DISTANCE, SMOOTH, UNBIASED, Assumption
from theory.claim import Claim, Metric, Rate
from theory.facts import Fact, Range, at_most
from theory.proof import Step
from theory.steps import Axiom, Certificate, Jensen, Telescope, Total
from theory.symbols import D, L, L_max, T, eta, g, g_u, sigma_star, t, u, w, wbar
from theory.terms import FixedVector, Gradient, Inner, Norm2, Objective

Squares = tuple[tuple[sp.Expr, sp.Expr], ...]

_at, _against = FixedVector("p"), FixedVector("q")
_apart = Gradient(_against) - Gradient(_at)
_between = _against - _apart / L

COCOERCIVE = Claim(
    id="cocoercive",
    title="The gradient of a smooth convex function is co-coercive",
    setting=r"$F(q) \ge F(p)+\langle\nabla F(p), q-p\rangle+\frac{1}{2L}\|\nabla F(q)-\nabla F(p)\|^2$ for $F$ convex "
    r"and $L$-smooth",
    statement=at_most(
        Objective(_at) + Inner(Gradient(_at), _against - _at) + Norm2(_apart) / (2 * L), Objective(_against)
    ),
    assumptions=(CONVEX, SMOOTH),
    source="Nesterov 2018, Thm 2.1.5",
    proof=(
        Axiom("convexity", "convex", "subgradient", {"at": _at, "against": _between}),
        Axiom("descent", "smooth", "descent", {"at": _against, "to": _between}),
        Certificate("co-coercive", None, using={"convexity": sp.Integer(1), "descent": sp.Integer(1)}),
    ),
)


def _cocoercive(time: sp.Expr) -> Fact:
    tangent = Objective(w(time)) + Inner(Gradient(w(time)), u - w(time))
    return at_most(tangent + Norm2(g(time) - g_u(time)) / (2 * L_max), Objective(u), expected=True)


SMOOTH_SAMPLES = Assumption(
    "smooth samples",
    r"$g_t=\nabla f_{\xi_t}(w_t)$ and $g^u_t=\nabla f_{\xi_t}(u)$ for a fresh sample $\xi_t$, "
    r"every $f_\xi$ is convex and $L_{\max}$-smooth, hence co-coercive, and $F=\mathbb{E}f_\xi$",
    {"cocoercive": _cocoercive},
    constant=L_max,
    proved_by=("cocoercive",),
)
NOISE_AT_COMPARATOR = Assumption(
    "noise at u",
    r"$\mathbb{E}\|g^u_t\|^2 \le \sigma_\star^2$",
    {"bound": lambda time: at_most(Norm2(g_u(time)), sigma_star**2, expected=True)},
    constant=sigma_star,
)


def _step_below(limit: str, times: int) -> Assumption:
    """``η < 1/(times·L_max)``."""
    slack = sp.Dummy("s", positive=True)
    return Assumption(
        "step",
        rf"$\eta < {limit}$",
        domain={L_max: 1 / (times * (eta + slack))},
        condition=1 - times * eta * L_max,
        strict=True,
    )


_all_steps = Range(t, sp.Integer(0), T - 1)
_excess = Objective(w(t)) - Objective(u)
_distance = Norm2(w(t) - u)
_common = {
    "metric": Metric("average_gap", "F(average) − F(u)", Objective(wbar(T)) - Objective(u)),
    "schedule": eta,
    "definitions": {w(t + 1): w(t) - eta * g(t), wbar(T): sp.Sum(w(t) / T, _all_steps.limits)},
}


def _proof(young: sp.Expr, paid: Squares, surplus: Squares = ()) -> tuple[Step, ...]:
    """The proof of ``D²/(2ηT) + young·ησ_*²/2`` plus ``surplus``.

    ``paid`` is what ``η²‖g‖² ≤ (η/L_max)‖g − g^u‖² + young·η²‖g^u‖²`` leaves over, as squares.
    """
    share = 1 / (2 * eta * T)
    return (
        Axiom("mean", "unbiased", "tower", {"time": t, "against": w(t) - u}, _all_steps),
        Axiom("co-coercivity", "smooth samples", "cocoercive", {"time": t}, _all_steps),
        Axiom("noise", "noise at u", "bound", {"time": t}, _all_steps),
        Certificate(
            "one step",
            at_most(2 * eta * _excess, _distance - Norm2(w(t + 1) - u) + young * eta**2 * sigma_star**2),
            using={"mean": -2 * eta, "co-coercivity": 2 * eta, "noise": young * eta**2},
            squares=paid,
        ),
        Total("all steps", "one step"),
        Telescope("telescope", _distance, _all_steps),
        Jensen("average", wbar(T), ((1 / T, w(t)),), along=_all_steps),
        Axiom("start", "distance", "bound"),
        Certificate(
            "rate",
            None,
            using={"all steps": share, "telescope": share, "average": sp.Integer(1), "start": share},
            squares=((share, w(T) - u), *surplus),
        ),
    )


_room, _half_room = 1 - eta * L_max, 1 - 2 * eta * L_max

R5 = Rate.state(
    id="R5",
    title="Smooth convex samples",
    setting=r"every $f_\xi$ convex and $L_{\max}$-smooth, constant step $\eta<1/(2L_{\max})$, "
    r"average of $w_0,\dots,w_{T-1}$",
    bound=D**2 / (2 * eta * _half_room * T) + eta * sigma_star**2 / _half_room,
    cap=1 / (2 * L_max),
    assumptions=(CONVEX, UNBIASED, SMOOTH_SAMPLES, NOISE_AT_COMPARATOR, DISTANCE, _step_below(r"1/(2L_{\max})", 2)),
    source="Garrigos, Gower 2023, Thm 5.3",
    proof=_proof(
        sp.Integer(2),
        paid=((eta / L_max * _half_room, g(t) - g_u(t)), (eta**2, g(t) - 2 * g_u(t))),
        surplus=((L_max / (_half_room * T), D), (2 * eta**2 * L_max / _half_room, sigma_star)),
    ),
    **_common,
)

R5s = Rate.state(
    id="R5s",
    title="Smooth convex samples, sharp",
    setting=r"every $f_\xi$ convex and $L_{\max}$-smooth, constant step $\eta<1/L_max$, average of $w_0,\dots,w_{T-1}$",
    bound=D**2 / (2 * eta * T) + eta * sigma_star**2 / (2 * _room),
    cap=1 / L_max,
    assumptions=(CONVEX, UNBIASED, SMOOTH_SAMPLES, NOISE_AT_COMPARATOR, DISTANCE, _step_below(r"1/L_{\max}", 1)),
    source="sharper than Garrigos, Gower 2023, Thm 5.3",
    proof=_proof(1 / _room, paid=((eta / (L_max * _room), _room * (g(t) - g_u(t)) - eta * L_max * g_u(t)),)),
    **_common,
)
