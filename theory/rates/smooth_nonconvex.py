r"""R6: smooth, nonconvex.

Setting
    Find a stationary point of an L-smooth :math:`F` from unbiased gradients of variance at most σ².
    AAT: every loss with a soft threshold (entropic or quadratic), and every smooth loss at K = n.

Algorithm
    :math:`w_{t+1} = w_t - \eta g_t`, constant :math:`\eta \le 1/L`.

Guarantee
    :math:`\frac1T\sum_{t<T} \mathbb E\|\nabla F(w_t)\|^2 \le 2\Delta/(\eta T) + L\eta\sigma^2` with
    :math:`\Delta \ge F(w_0) - \inf F`. The step :math:`1/\eta = L + \sigma\sqrt{LT/(2\Delta)}` obeys the cap at every
    T and gives at most :math:`2L\Delta/T + 2\sigma\sqrt{2L\Delta/T}`.

Sharper form
    What the proof really gives is :math:`2\,(F(w_0) - \mathbb E F(w_T))/(\eta T) + L\eta\sigma^2`: claim ``R6t``.

Reference
    S. Ghadimi, G. Lan, "Stochastic first- and zeroth-order methods for nonconvex stochastic programming",
    SIAM J. Optim. 23 (2013), Theorem 2.1.
"""

import sympy as sp

from theory.assumptions import SMOOTH, STEP_AT_MOST_INVERSE_L, SUBOPTIMALITY, UNBIASED, VARIANCE
from theory.claim import Claim, Metric, Rate
from theory.facts import Range, at_most
from theory.steps import Axiom, Certificate, Lemma, Telescope, Total
from theory.symbols import Delta, L, T, eta, g, sigma, t, w
from theory.terms import Gradient, Norm2, Objective

_all_steps = Range(t, sp.Integer(0), T - 1)
_gradient = Gradient(w(t))
_mean_square = sp.Sum(Norm2(_gradient), _all_steps.limits) / T
_decrease = Objective(w(0)) - Objective(w(T))
_noise = L * eta * sigma**2
_descent = {w(t + 1): w(t) - eta * g(t)}

R6t = Claim(
    id="R6t",
    title="Smooth nonconvex, telescoped",
    setting=r"$F$ $L$-smooth, variance at most $\sigma^2$, constant step $\eta\le1/L$; both sides in expectation",
    statement=at_most(_mean_square, 2 * _decrease / (eta * T) + _noise, expected=True),
    assumptions=(SMOOTH, UNBIASED, VARIANCE, STEP_AT_MOST_INVERSE_L),
    definitions=_descent,
    source="Ghadimi, Lan 2013, proof of Thm 2.1",
    proof=(
        Axiom("descent", "smooth", "descent", {"at": w(t), "to": w(t + 1)}, _all_steps),
        Axiom("mean", "unbiased", "tower", {"time": t, "against": _gradient}, _all_steps),
        Axiom("noise", "variance", "bound", {"time": t}, _all_steps),
        Certificate(
            "one step",
            at_most(eta / 2 * Norm2(_gradient), Objective(w(t)) - Objective(w(t + 1)) + L * eta**2 / 2 * sigma**2),
            using={"descent": sp.Integer(1), "mean": -eta + L * eta**2, "noise": L * eta**2 / 2},
            squares=((eta * (1 - L * eta) / 2, _gradient),),
        ),
        Total("all steps", "one step"),
        Telescope("decrease", Objective(w(t)), _all_steps),
        Certificate("rate", None, using={"all steps": 2 / (eta * T), "decrease": 2 / (eta * T)}),
    ),
)

R6 = Rate.state(
    id="R6",
    title="Smooth nonconvex",
    setting=r"$F$ $L$-smooth, variance at most $\sigma^2$, constant step $\eta\le1/L$",
    metric=Metric("mean_square_gradient", "mean of ‖∇F‖²", _mean_square),
    bound=2 * Delta / (eta * T) + _noise,
    schedule=eta,
    cap=1 / L,
    assumptions=(SMOOTH, UNBIASED, VARIANCE, STEP_AT_MOST_INVERSE_L, SUBOPTIMALITY),
    definitions=_descent,
    source="Ghadimi, Lan 2013, Thm 2.1",
    proof=(
        Lemma("telescoped", R6t),
        Axiom("start", "suboptimality", "bound", {"point": w(T)}),
        Certificate("rate", None, using={"telescoped": sp.Integer(1), "start": 2 / (eta * T)}),
    ),
)
