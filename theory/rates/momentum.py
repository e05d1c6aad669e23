r"""R9: smooth, nonconvex, heavy ball.

Setting
    Find a stationary point of an L-smooth :math:`F` from unbiased gradients with :math:`\mathbb E\|g_t\|^2 \le G^2`.
    AAT: every loss with a soft threshold (entropic or quadratic), and every smooth loss at K = n.

Algorithm
    :math:`m_{t+1} = \beta m_t + g_t`, :math:`w_{t+1} = w_t - \eta m_{t+1}`, with :math:`m_0 = 0` and
    :math:`0 \le \beta < 1`, at any constant step: SGD with momentum as it is in PyTorch.

Guarantee
    With the effective step :math:`\alpha = \eta/(1-\beta)` and :math:`\Delta \ge F(w_0) - \inf F`,
    :math:`\frac1T\sum_{t<T} \mathbb E\|\nabla F(w_t)\|^2
    \le 2\Delta/(\alpha T) + L\alpha G^2 + (L\alpha\beta G/(1-\beta))^2`. The step :math:`\alpha =
    \sqrt{2\Delta/(LG^2T)}` gives :math:`2G\sqrt{2L\Delta/T} + 2L\Delta\beta^2/((1-\beta)^2T)`: momentum costs a term
    of order :math:`1/T` only. At :math:`\beta = 0` it is the bound of R6, with G in place of σ and no cap.

Proof
    The virtual iterate :math:`y_t = w_t - \alpha\beta m_t` moves by :math:`-\alpha g_t`. So the descent lemma at
    :math:`y_t` has the gradient :math:`\nabla F(y_t)` against :math:`g_t`, of mean :math:`\nabla F(w_t)`, and

    .. math:: -\alpha\langle\nabla F(y_t), \nabla F(w_t)\rangle
        \le -\tfrac\alpha2\|\nabla F(w_t)\|^2 + \tfrac\alpha2 L^2\alpha^2\beta^2\|m_t\|^2.

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
from theory.proof import Axiom, Certificate, Telescope, Total
from theory.symbols import Delta, G, L, T, beta, eta, g, m, t, w
from theory.terms import Gradient, Norm2, Objective

_ONE = sp.Integer(1)
_all_steps = Range(t, sp.Integer(0), T - 1)
_alpha = eta / (1 - beta)
_lag = L**2 * _alpha**2 * beta**2
_virtual = w(t) - _alpha * beta * m(t)
_gradient = Gradient(w(t))
_weight = _alpha * _lag / (2 * (1 - beta))
_potential = Objective(_virtual) + _weight * Norm2(m(t))

R9 = Rate.state(
    id="R9",
    title="Smooth nonconvex, heavy ball",
    setting=r"$F$ $L$-smooth, $\mathbb{E}\|g_t\|^2\le G^2$, momentum $m_{t+1}=\beta m_t+g_t$, constant step $\eta$; "
    r"$\alpha=\eta/(1-\beta)$",
    metric=Metric("mean_square_gradient", "mean of ‖∇F‖²", sp.Sum(Norm2(_gradient), _all_steps.limits) / T),
    bound=2 * Delta / (_alpha * T) + L * _alpha * G**2 + _lag * G**2 / (1 - beta) ** 2,
    schedule=eta,
    direction=m(t + 1),
    assumptions=(SMOOTH, UNBIASED, SECOND_MOMENT, MOMENTUM, SUBOPTIMALITY),
    definitions={
        w(t + 1): w(t) - eta * m(t + 1),
        m(t + 1): beta * m(t) + g(t),
        m(0): sp.Integer(0),
    },
    source="after Yang, Lin, Li 2016, Thm 3",
    proof=(
        Axiom("descent", "smooth", "descent", {"at": _virtual, "to": _virtual.subs(t, t + 1)}, _all_steps),
        Axiom("mean", "unbiased", "tower", {"time": t, "against": Gradient(_virtual)}, _all_steps),
        Axiom("lag", "smooth", "Lipschitz", {"at": w(t), "to": _virtual}, _all_steps),
        Axiom("moment", "second moment", "bound", {"time": t}, _all_steps),
        Certificate(
            "momentum",
            at_most(Norm2(m(t + 1)), beta * Norm2(m(t)) + G**2 / (1 - beta)),
            using={"moment": 1 / (1 - beta)},
            squares=((beta / (1 - beta), (1 - beta) * m(t) - g(t)),),
        ),
        Certificate(
            "one step",
            at_most(
                _alpha / 2 * Norm2(_gradient),
                _potential - _potential.subs(t, t + 1) + L * _alpha**2 * G**2 / 2 + _weight * G**2 / (1 - beta),
            ),
            using={
                "descent": _ONE,
                "mean": -_alpha,
                "lag": _alpha / 2,
                "moment": L * _alpha**2 / 2,
                "momentum": _weight,
            },
            squares=((_alpha / 2, Gradient(_virtual)),),
        ),
        Total("all steps", "one step"),
        Telescope("decrease", _potential, _all_steps),
        Axiom("start", "suboptimality", "bound", {"point": _virtual.subs(t, T)}),
        Certificate(
            "rate",
            None,
            using={"all steps": 2 / (_alpha * T), "decrease": 2 / (_alpha * T), "start": 2 / (_alpha * T)},
            squares=((2 * _weight / (_alpha * T), m(T)),),
        ),
    ),
)
