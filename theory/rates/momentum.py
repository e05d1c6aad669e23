r"""R9: smooth, nonconvex, heavy ball.

Setting
    Find a stationary point of an L-smooth :math:`F` from unbiased gradients with :math:`\mathbb E\|g_t\|^2 \le G^2`.
    AAT: every loss with a soft threshold (entropic or quadratic), and every smooth loss at K = n.

Algorithm
    :math:`m_{t+1} = \beta m_t + g_t`, :math:`w_{t+1} = w_t - \eta m_{t+1}`, with :math:`m_0 = 0` and
    :math:`0 < \beta < 1`, at any constant step: SGD with momentum as it is in PyTorch.

Guarantee
    With the effective step :math:`\alpha = \eta/(1-\beta)` and :math:`\Delta \ge F(w_0) - \inf F`,

    .. math:: \frac1T\sum_{t<T} \mathbb E\|\nabla F(w_t)\|^2 \le \frac1{2-\beta}
        \Big(\frac{2\Delta}{\alpha T} + L\alpha G^2 + \beta\Big(\frac{L\alpha G}{1-\beta}\Big)^2\Big).

    The step :math:`\alpha = \sqrt{2\Delta/(LG^2T)}` gives
    :math:`\big(2G\sqrt{2L\Delta/T} + 2L\Delta\beta/((1-\beta)^2T)\big)/(2-\beta)`: momentum costs a factor below 2 and
    a term of order :math:`1/T`. As β goes to 0 this is :math:`\Delta/(\eta T) + L\eta G^2/2`, the bound of R6 for G
    in place of σ, halved, and without a cap.

Proof
    The virtual iterate :math:`y_t = w_t - \alpha\beta m_t` moves by :math:`-\alpha g_t`. So the descent lemma at
    :math:`y_t` has the gradient :math:`\nabla F(y_t)` against :math:`g_t`, of mean :math:`\nabla F(w_t)`, and by
    Young's inequality with weight β, which leaves the more of :math:`\|\nabla F(w_t)\|^2` the less the momentum,

    .. math:: -\alpha\langle\nabla F(y_t), \nabla F(w_t)\rangle
        \le -\alpha(1-\tfrac\beta2)\|\nabla F(w_t)\|^2 + \tfrac{\alpha}{2\beta} L^2\alpha^2\beta^2\|m_t\|^2.

    By convexity of the square, :math:`\|m_{t+1}\|^2 \le \beta\|m_t\|^2 + \|g_t\|^2/(1-\beta)`: with a multiple of
    :math:`\|m_t\|^2` beside :math:`F(y_t)` in the potential, both sides telescope. No bound on a single
    :math:`\|m_t\|^2` is needed.

Reference
    After T. Yang, Q. Lin, Z. Li, "Unified convergence analysis of stochastic momentum methods for convex and
    non-convex optimization", 2016, Theorem 3.
"""

import sympy as sp

from theory.assumptions import MOMENTUM, SECOND_MOMENT, SMOOTH, SUBOPTIMALITY, UNBIASED
from theory.claim import Metric, Rate
from theory.facts import Range, at_most
from theory.steps import Axiom, Certificate, Telescope, Total
from theory.symbols import Delta, G, L, T, beta, eta, g, momentum, t, w
from theory.terms import Gradient, Norm2, Objective

_ONE = sp.Integer(1)
_all_steps = Range(t, sp.Integer(0), T - 1)
_alpha = eta / (1 - beta)
_virtual = w(t) - _alpha * beta * momentum(t)
_gradient = Gradient(w(t))
_weight = L**2 * _alpha**3 * beta / (2 * (1 - beta))
_scale = 2 / ((2 - beta) * _alpha * T)
_potential = Objective(_virtual) + _weight * Norm2(momentum(t))

R9 = Rate.state(
    id="R9",
    title="Smooth nonconvex, heavy ball",
    setting=r"$F$ $L$-smooth, $\mathbb{E}\|g_t\|^2\le G^2$, momentum $m_{t+1}=\beta m_t+g_t$, constant step $\eta$; "
    r"$\alpha=\eta/(1-\beta)$",
    metric=Metric("mean_square_gradient", "mean of ‖∇F‖²", sp.Sum(Norm2(_gradient), _all_steps.limits) / T),
    bound=(2 * Delta / (_alpha * T) + L * _alpha * G**2 + beta * (L * _alpha * G / (1 - beta)) ** 2) / (2 - beta),
    schedule=eta,
    direction=momentum(t + 1),
    assumptions=(SMOOTH, UNBIASED, SECOND_MOMENT, MOMENTUM, SUBOPTIMALITY),
    definitions={
        w(t + 1): w(t) - eta * momentum(t + 1),
        momentum(t + 1): beta * momentum(t) + g(t),
        momentum(0): sp.Integer(0),
    },
    source="after Yang, Lin, Li 2016, Thm 3",
    proof=(
        Axiom("descent", "smooth", "descent", {"at": _virtual, "to": _virtual.subs(t, t + 1)}, _all_steps),
        Axiom("mean", "unbiased", "tower", {"time": t, "against": Gradient(_virtual)}, _all_steps),
        Axiom("lag", "smooth", "Lipschitz", {"at": w(t), "to": _virtual}, _all_steps),
        Axiom("moment", "second moment", "bound", {"time": t}, _all_steps),
        Certificate(
            "momentum decays",
            at_most(Norm2(momentum(t + 1)), beta * Norm2(momentum(t)) + G**2 / (1 - beta)),
            using={"moment": 1 / (1 - beta)},
            squares=((beta / (1 - beta), (1 - beta) * momentum(t) - g(t)),),
        ),
        Certificate(
            "one step",
            at_most(
                _alpha * (1 - beta / 2) * Norm2(_gradient),
                _potential - _potential.subs(t, t + 1) + L * _alpha**2 * G**2 / 2 + _weight * G**2 / (1 - beta),
            ),
            using={
                "descent": _ONE,
                "mean": -_alpha,
                "lag": _alpha / (2 * beta),
                "moment": L * _alpha**2 / 2,
                "momentum decays": _weight,
            },
            squares=((_alpha / (2 * beta), Gradient(_virtual) - (1 - beta) * _gradient),),
        ),
        Total("all steps", "one step"),
        Telescope("decrease", _potential, _all_steps),
        Axiom("start", "suboptimality", "bound", {"point": _virtual.subs(t, T)}),
        Certificate(
            "rate",
            None,
            using={"all steps": _scale, "decrease": _scale, "start": _scale},
            squares=((_scale * _weight, momentum(T)),),
        ),
    ),
)
