r"""R12: smooth, nonconvex, random reshuffling.

Setting
    Find a stationary point of a mean F of :math:`N \ge 2` terms, each with an L-Lipschitz gradient, whose gradients
    have variance at most σ² over the terms.
    AAT: every loss with a soft threshold (entropic or quadratic), and every smooth loss at K = n; L is the largest of
    the smoothness constants of the terms.

Algorithm
    Each of E epochs takes every term once, in a new uniformly random order, by steps of constant
    :math:`\eta \le 1/(2LN)`: in all :math:`T = NE` gradients. Here t counts epochs: :math:`w_t` starts an epoch,
    :math:`y_{t,k}` is the iterate at position k in it, and :math:`h_{t,k}` the gradient that is taken there.

Guarantee
    :math:`\frac1E\sum_{t<E} \mathbb E\|\nabla F(w_t)\|^2
    \le \tfrac52\Delta/(\eta T) + \tfrac12\eta^2L^2(N+1)\sigma^2`. Noise enters with η², where SGD has η: the tuned
    step gives :math:`5LN\Delta/T + O(N^{1/3}T^{-2/3})`, against SGD's :math:`T^{-1/2}`.

Proof
    Let :math:`d_{t,k}` be the gradient of the term at position k, at :math:`w_t`. From
    :math:`y_k - w = -\eta\sum_{l<k}(h_l - d_l) - \eta\sum_{l<k}d_l`, Young's inequality with weights 3 and 3/2,
    Cauchy-Schwarz, smoothness, and the variance of a sum of k terms drawn without replacement (R11),

    .. math:: \mathbb E\|y_k-w\|^2 \le 3\eta^2L^2k\,\mathbb EV
        + \tfrac32\eta^2\big(k^2\mathbb E\|\nabla F(w)\|^2 + \tfrac{k(N-k)}{N-1}\sigma^2\big),
        \qquad V = \sum_{l<N}\|y_l-w\|^2.

    Summed over positions, :math:`\mathbb EV \le \tfrac45\eta^2N^3\mathbb E\|\nabla F(w)\|^2 +
    \tfrac25\eta^2N(N+1)\sigma^2`. As an epoch takes every term once, it is a step along N times the gradient up to an
    error of :math:`\sum_k\|h_k-d_k\|^2\le L^2V`, and the descent lemma gives
    :math:`F(w_{t+1}) \le F(w_t) - \tfrac{\eta N}2\|\nabla F(w_t)\|^2 + \tfrac{\eta L^2}2V`.

Reference
    After K. Mishchenko, A. Khaled, P. Richtárik, "Random reshuffling: simple analysis with vast improvements",
    NeurIPS 2020, Theorem 4.
"""

import sympy as sp

from theory.assumptions import (
    RESHUFFLED,
    SMOOTH_TERMS,
    STEP_AT_MOST_INVERSE_2LN,
    SUBOPTIMALITY,
    TERMS,
    WHOLE_EPOCHS,
    WITHOUT_REPLACEMENT,
)
from theory.claim import Metric, Rate
from theory.facts import Range, at_most
from theory.steps import Axiom, CauchySchwarz, Certificate, Rename, Split, Telescope, Total
from theory.symbols import Delta, E, L, N, T, at_start, eta, inner, k, l, sigma, t, taken, w
from theory.terms import Gradient, Norm2, Objective

_ONE, _ZERO = sp.Integer(1), sp.Integer(0)
_epochs = Range(t, _ZERO, E - 1)
_positions = Range(k, _ZERO, N - 1)
_earlier = Range(l, _ZERO, k - 1)
_later = Range(l, k, N - 1)
_anywhere = Range(l, _ZERO, N - 1)

_gradient = Gradient(w(t))
_here, _there = Norm2(inner(t, k) - w(t)), Norm2(inner(t, l) - w(t))
_apart = sp.Sum(_here, _positions.limits)
_sampled = sp.Sum(at_start(t, l), _earlier.limits)
_erred = sp.Sum(taken(t, l) - at_start(t, l), _earlier.limits)
_step = sp.Sum(taken(t, k), _positions.limits)
_all_terms = sp.Sum(at_start(t, k), _positions.limits)
_young = 3 * eta**2
_noise = eta**2 * L**2 * (N + 1) * sigma**2 / 2

R12 = Rate.state(
    id="R12",
    title="Smooth nonconvex, random reshuffling",
    setting=r"$F$ the mean of $N\ge2$ $L$-smooth terms, variance at most $\sigma^2$ over them, each of $E=T/N$ epochs "
    r"in a new random order, constant step $\eta\le1/(2LN)$; $w_t$ starts epoch $t$",
    metric=Metric(
        "epoch_mean_square_gradient",
        "mean over epochs of ‖∇F‖²",
        sp.Sum(Norm2(_gradient), _epochs.limits) / E,
    ),
    bound=sp.Rational(5, 2) * Delta / (eta * T) + _noise,
    schedule=eta,
    direction=_step,
    cap=1 / (2 * L * N),
    assumptions=(
        TERMS,
        SMOOTH_TERMS,
        RESHUFFLED,
        WITHOUT_REPLACEMENT,
        STEP_AT_MOST_INVERSE_2LN,
        WHOLE_EPOCHS,
        SUBOPTIMALITY,
    ),
    definitions={
        w(t + 1): w(t) - eta * _step,
        inner(t, k): w(t) - eta * sp.Sum(taken(t, l), _earlier.limits),
    },
    source="after Mishchenko, Khaled, Richtárik 2020, Thm 4",
    proof=(
        Axiom("smooth before", "smooth terms", "Lipschitz", {"epoch": t, "position": l}, _earlier),
        Total("error before", "smooth before", over=_positions),
        CauchySchwarz("sum before", taken(t, l) - at_start(t, l), _earlier, over=_positions),
        Certificate("later", at_most(0, _there, over=_later), squares=((_ONE, inner(t, l) - w(t)),)),
        Total("rest", "later", over=_positions),
        Split("before and after", _there, _anywhere, k - 1, over=_positions),
        Axiom("mean", "reshuffled", "mean", {"epoch": t, "position": l, "against": _gradient}, _earlier),
        Total("mean before", "mean", over=_positions),
        Axiom("spread", "without replacement", "first terms", {"epoch": t, "count": k}, _positions),
        Certificate(
            "one position",
            at_most(
                _here,
                _young * L**2 * k * sp.Sum(_there, _anywhere.limits)
                + _young / 2 * (k**2 * Norm2(_gradient) + k * (N - k) / (N - 1) * sigma**2),
            ),
            using={
                "sum before": _young,
                "error before": _young * k,
                "rest": _young * L**2 * k,
                "before and after": -_young * L**2 * k,
                "spread": _young / 2,
                "mean before": _young * k,
            },
            squares=((eta**2 / 2, 2 * _erred - _sampled),),
        ),
        Total("all positions", "one position"),
        Rename("one sum", _here, _positions, l),
        Certificate("here", at_most(0, _here, over=_positions), squares=((_ONE, inner(t, k) - w(t)),)),
        Total("at least 0", "here"),
        Certificate(
            "apart",
            at_most(_apart, sp.Rational(2, 5) * eta**2 * (2 * N**3 * Norm2(_gradient) + N * (N + 1) * sigma**2)),
            using={
                "all positions": sp.Rational(8, 5),
                "one sum": -sp.Rational(12, 5) * eta**2 * L**2 * N * (N - 1),
                "at least 0": sp.Rational(3, 5) * (1 - 4 * eta**2 * L**2 * N * (N - 1)),
            },
            squares=((sp.Rational(2, 5) * eta**2 * N * (3 * N - 1), _gradient),),
        ),
        Axiom("descent", "smooth terms", "descent", {"at": w(t), "to": w(t + 1)}, _epochs),
        Axiom(
            "every term",
            "reshuffled",
            "every term once",
            {"epoch": t, "against": _all_terms + N * _gradient - 2 * _step},
        ),
        CauchySchwarz("sum", taken(t, k) - at_start(t, k), _positions),
        Axiom("smooth", "smooth terms", "Lipschitz", {"epoch": t, "position": k}, _positions),
        Total("error", "smooth"),
        Certificate(
            "one epoch",
            at_most(
                sp.Rational(2, 5) * eta * N * Norm2(_gradient),
                Objective(w(t)) - Objective(w(t + 1)) + sp.Rational(2, 5) * eta * N * _noise,
            ),
            using={
                "descent": _ONE,
                "every term": -eta / (2 * N),
                "sum": eta / (2 * N),
                "error": eta / 2,
                "apart": eta * L**2 / 2,
            },
            squares=(
                (eta * (1 - L * eta * N) / (2 * N), _step),
                (eta * N * (1 - 4 * eta**2 * L**2 * N**2) / 10, _gradient),
            ),
        ),
        Total("all epochs", "one epoch"),
        Telescope("decrease", Objective(w(t)), _epochs),
        Axiom("start", "suboptimality", "bound", {"point": w(E)}),
        Axiom("gradients", "whole epochs", "count"),
        Certificate(
            "rate",
            None,
            using={
                "all epochs": sp.Rational(5, 2) / (eta * N * E),
                "decrease": sp.Rational(5, 2) / (eta * N * E),
                "start": sp.Rational(5, 2) / (eta * N * E),
                "gradients": sp.Rational(5, 2) * Delta / (eta * T * N * E),
            },
        ),
    ),
)
