r"""R8: smooth, nonconvex, biased gradients.

Setting
    As R6, but :math:`\mathbb E[g_t \mid \text{past}] = \nabla F(w_t) + b_t` with
    :math:`\mathbb E\|b_t\|^2 \le m\,\mathbb E\|\nabla F(w_t)\|^2 + \zeta^2`, m < 1, and noise
    :math:`\mathbb E\|g_t - \nabla F(w_t) - b_t\|^2 \le M\,\mathbb E\|\nabla F(w_t)+b_t\|^2 + \sigma^2`. AAT: the
    gradient through the hard mask, as a gradient of the smoothed objective.

Algorithm
    :math:`w_{t+1} = w_t - \eta g_t`, constant :math:`\eta \le 1/((M+1)L)`.

Guarantee
    :math:`\frac1T\sum_{t<T} \mathbb E\|\nabla F(w_t)\|^2 \le (2\Delta/(\eta T) + L\eta\sigma^2 + \zeta^2)/(1-m)`. R6 is
    the case m = M = ζ = 0.

Reference
    A. Ajalloeian, S. U. Stich, "On the convergence of SGD with biased gradients", 2020, Theorem 2.
"""

import sympy as sp

from theory.assumptions import SMOOTH, SUBOPTIMALITY, Assumption
from theory.claim import Metric, Rate
from theory.facts import Fact, Range, Refused, at_most, equals
from theory.steps import Axiom, Certificate, Telescope, Total
from theory.symbols import Delta, L, M, T, bias, eta, g, m, sigma, t, w, zeta
from theory.terms import Gradient, Inner, Norm2, Objective, known_by


def _mean(time: sp.Expr) -> sp.Expr:
    return Gradient(w(time)) + bias(time)


def _tower(time: sp.Expr, against: sp.Expr) -> Fact:
    if not known_by(against, time):
        raise Refused(f"{against} is not known at step {time}, so g may not be replaced by its mean")
    return equals(Inner(g(time), against), Inner(_mean(time), against), expected=True)


BIASED = Assumption(
    "biased",
    r"$\mathbb{E}[g_t \mid w_0,g_0,\dots,g_{t-1},w_t] = \nabla F(w_t)+b_t$",
    {"tower": _tower},
)
BIAS = Assumption(
    "bias",
    r"$\mathbb{E}\|b_t\|^2 \le m\,\mathbb{E}\|\nabla F(w_t)\|^2+\zeta^2$",
    {"bound": lambda time: at_most(Norm2(bias(time)), m * Norm2(Gradient(w(time))) + zeta**2, expected=True)},
    constant=zeta,
)
RELATIVE_BIAS = Assumption(
    "relative bias",
    r"$m < 1$",
    domain={m: 1 - 1 / (1 + sp.Dummy("q", nonnegative=True))},
    condition=1 - m,
    strict=True,
    constant=m,
)
NOISE = Assumption(
    "noise",
    r"$\mathbb{E}\|g_t-\nabla F(w_t)-b_t\|^2 \le M\,\mathbb{E}\|\nabla F(w_t)+b_t\|^2+\sigma^2$",
    {"bound": lambda time: at_most(Norm2(g(time) - _mean(time)), M * Norm2(_mean(time)) + sigma**2, expected=True)},
    constant=sigma,
)
STEP = Assumption(
    "step",
    r"$\eta \le 1/((M+1)L)$",
    domain={L: 1 / ((M + 1) * (eta + sp.Dummy("s", nonnegative=True)))},
    condition=1 - eta * (M + 1) * L,
    constant=M,
)

_all_steps = Range(t, sp.Integer(0), T - 1)
_gradient = Gradient(w(t))
_share = 2 / (eta * (1 - m) * T)

R8 = Rate.state(
    id="R8",
    title="Smooth nonconvex, biased gradients",
    setting=r"$F$ $L$-smooth, $\mathbb{E}[g_t\mid w_t]=\nabla F(w_t)+b_t$, "
    r"$\|b_t\|^2\le m\|\nabla F(w_t)\|^2+\zeta^2$, constant step $\eta\le1/((M+1)L)$",
    metric=Metric("mean_square_gradient", "mean of ‖∇F‖²", sp.Sum(Norm2(_gradient), _all_steps.limits) / T),
    bound=(2 * Delta / (eta * T) + L * eta * sigma**2 + zeta**2) / (1 - m),
    schedule=eta,
    cap=1 / ((M + 1) * L),
    assumptions=(SMOOTH, BIASED, BIAS, RELATIVE_BIAS, NOISE, STEP, SUBOPTIMALITY),
    definitions={w(t + 1): w(t) - eta * g(t)},
    source="Ajalloeian, Stich 2020, Thm 2",
    proof=(
        Axiom("descent", "smooth", "descent", {"at": w(t), "to": w(t + 1)}, _all_steps),
        Axiom("mean", "biased", "tower", {"time": t, "against": _gradient}, _all_steps),
        Axiom("own mean", "biased", "tower", {"time": t, "against": _mean(t)}, _all_steps),
        Axiom("bias", "bias", "bound", {"time": t}, _all_steps),
        Axiom("noise", "noise", "bound", {"time": t}, _all_steps),
        Certificate(
            "one step",
            at_most(
                eta / 2 * (1 - m) * Norm2(_gradient),
                Objective(w(t)) - Objective(w(t + 1)) + eta / 2 * (L * eta * sigma**2 + zeta**2),
            ),
            using={
                "descent": sp.Integer(1),
                "mean": -eta,
                "own mean": L * eta**2,
                "bias": eta / 2,
                "noise": L * eta**2 / 2,
            },
            squares=((eta / 2 * (1 - eta * (M + 1) * L), _mean(t)),),
        ),
        Total("all steps", "one step"),
        Telescope("decrease", Objective(w(t)), _all_steps),
        Axiom("start", "suboptimality", "bound", {"point": w(T)}),
        Certificate("rate", None, using={"all steps": _share, "decrease": _share, "start": _share}),
    ),
)
