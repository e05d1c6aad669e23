r"""R10: weakly convex, nonsmooth.

Setting
    Find a nearly stationary point of a ρ-weakly convex :math:`F` (one whose sum with :math:`\rho\|\cdot\|^2/2` is
    convex) from stochastic subgradients with :math:`\mathbb E\|g_t\|^2 \le G^2`.
    AAT: bilinear votes, hard or smoothed, at any K; every convex loss, with any ρ > 0.

Algorithm
    :math:`w_{t+1} = w_t - \eta g_t`, constant step.

Guarantee
    With the Moreau envelope :math:`F_{1/(2\rho)}(w) = \min_x F(x) + \rho\|x-w\|^2`, attained at the proximal point
    :math:`p_t` of :math:`w_t`, where :math:`\nabla F_{1/(2\rho)}(w_t) = 2\rho(w_t-p_t)`,
    :math:`\frac1T\sum_{t<T} \mathbb E\|\nabla F_{1/(2\rho)}(w_t)\|^2 \le 2\Delta/(\eta T) + 2\rho\eta G^2`. The
    smallest of these gradients, and that of an iterate drawn uniformly, are at most their mean. The best step
    :math:`\eta = \sqrt{\Delta/(\rho T)}/G` gives :math:`4G\sqrt{\rho\Delta/T}`; steps of order
    :math:`1/\sqrt{t+1}` would cost a factor of order :math:`\log T`.

Proof
    Weak convexity along the segment from :math:`p_t` to :math:`w_t`, and that no point of it is below the least one,
    give in the limit at :math:`p_t` the growth :math:`F(w_t) - F(p_t) \ge \tfrac32\rho\|w_t-p_t\|^2`. As
    :math:`p_t` is a candidate for the envelope at :math:`w_{t+1}`,

    .. math:: \mathbb E F_{1/(2\rho)}(w_{t+1})
        \le \mathbb E F_{1/(2\rho)}(w_t) + 2\rho\eta\,\mathbb E\langle\nabla F(w_t), p_t-w_t\rangle + \rho\eta^2G^2,

    and weak convexity from :math:`w_t` to :math:`p_t` with the growth make the inner product at most
    :math:`-\rho\|w_t-p_t\|^2`.

Reference
    D. Davis, D. Drusvyatskiy, "Stochastic model-based minimization of weakly convex functions", SIAM J. Optim. 29
    (2019), Theorem 3.1.
"""

import sympy as sp

from theory.assumptions import PROXIMAL, SECOND_MOMENT, SUBOPTIMALITY, UNBIASED, WEAKLY_CONVEX
from theory.claim import Metric, Rate
from theory.facts import Range, at_most
from theory.steps import Axiom, Certificate, Limit, Telescope, Total
from theory.symbols import Delta, G, T, epsilon, eta, g, prox, rho, t, w
from theory.terms import Norm2, Objective

_ONE = sp.Integer(1)
_all_steps = Range(t, sp.Integer(0), T - 1)
_far = Norm2(w(t) - prox(t))
_envelope = Objective(prox(t)) + rho * _far
_between = (prox(t) + epsilon * w(t)) / (1 + epsilon)
_rise = Objective(w(t)) - Objective(prox(t))

R10 = Rate.state(
    id="R10",
    title="Weakly convex",
    setting=r"$F$ $\rho$-weakly convex, $\mathbb{E}\|g_t\|^2\le G^2$, constant step $\eta$; "
    r"$2\rho(w_t-p_t)=\nabla F_{1/(2\rho)}(w_t)$",
    metric=Metric(
        "mean_square_envelope_gradient",
        "mean of ‖∇ Moreau envelope‖²",
        sp.Sum(Norm2(2 * rho * (w(t) - prox(t))), _all_steps.limits) / T,
    ),
    bound=2 * Delta / (eta * T) + 2 * rho * eta * G**2,
    schedule=eta,
    assumptions=(WEAKLY_CONVEX, PROXIMAL, UNBIASED, SECOND_MOMENT, SUBOPTIMALITY),
    definitions={w(t + 1): w(t) - eta * g(t)},
    source="Davis, Drusvyatskiy 2019, Thm 3.1",
    proof=(
        Axiom("to p", "weakly convex", "subgradient", {"at": _between, "against": prox(t)}, _all_steps),
        Axiom("to w", "weakly convex", "subgradient", {"at": _between, "against": w(t)}, _all_steps),
        Axiom("least between", "proximal point", "least", {"time": t, "against": _between}, _all_steps),
        Certificate(
            "near p",
            at_most((sp.Rational(3, 2) + epsilon) * rho * _far, (1 + epsilon) * _rise),
            using={
                "to p": (1 + epsilon) / epsilon,
                "to w": 1 + epsilon,
                "least between": (1 + epsilon) ** 2 / epsilon,
            },
        ),
        Limit("growth", "near p", epsilon),
        Axiom("least next", "proximal point", "least", {"time": t + 1, "against": prox(t)}, _all_steps),
        Axiom("mean", "unbiased", "tower", {"time": t, "against": prox(t) - w(t)}, _all_steps),
        Axiom("descent", "weakly convex", "subgradient", {"at": w(t), "against": prox(t)}, _all_steps),
        Axiom("moment", "second moment", "bound", {"time": t}, _all_steps),
        Certificate(
            "one step",
            at_most(
                eta / 2 * Norm2(2 * rho * (w(t) - prox(t))), _envelope - _envelope.subs(t, t + 1) + rho * eta**2 * G**2
            ),
            using={
                "least next": _ONE,
                "mean": 2 * rho * eta,
                "descent": 2 * rho * eta,
                "growth": 2 * rho * eta,
                "moment": rho * eta**2,
            },
        ),
        Total("all steps", "one step"),
        Telescope("decrease", _envelope, _all_steps),
        Axiom("least at the start", "proximal point", "least", {"time": sp.Integer(0), "against": w(0)}),
        Axiom("start", "suboptimality", "bound", {"point": prox(T)}),
        Certificate(
            "rate",
            None,
            using={
                "all steps": 2 / (eta * T),
                "decrease": 2 / (eta * T),
                "least at the start": 2 / (eta * T),
                "start": 2 / (eta * T),
            },
            squares=((2 * rho / (eta * T), w(T) - prox(T)),),
        ),
    ),
)
