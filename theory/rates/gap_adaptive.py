r"""R14: what hard AAT-SGD itself achieves on a nonconvex loss.

Setting
    Hard AAT-SGD on a smooth loss of O scores. Its quadratic smoothing :math:`F = F_\mu`, with scores raised by
    :math:`\mu K/2`, is not used by the algorithm, so μ is free, and may depend on T. The hard gradient is a gradient of
    F with a bias of at most ζ(μ). :math:`L_\mu = a + R_\infty^2/\mu` from the table of losses; :math:`\Lambda_1`
    bounds the slopes, :math:`\Lambda_2` is their Lipschitz constant.

Algorithm
    :math:`w_{t+1} = w_t - \eta g_t` with g the gradient through the hard mask, constant η.

Guarantee
    If no gap on the path is smaller than :math:`\Delta_v`, the bias is 0 at :math:`\mu=\Delta_v` (O10.quadratic), and
    hard AAT-SGD has SGD's own rate, R6 with :math:`L=a+R_\infty^2/\Delta_v` (claim ``R14.gap``).

    If a share of at most ct of the samples has a gap of t or less at each iterate (claim ``bias.mean``),
    :math:`\zeta(\mu) = \tfrac12c\mu\Lambda_1R_\infty\kappa + \tfrac16c\mu^2\Lambda_2\sqrt O R_K\kappa^2` with
    :math:`\kappa^2=K(n-K)/n`, and with :math:`\mu_T = \nu T^{-1/5}` and L and ζ those of ν,

    .. math:: \frac1T\sum_{t<T} \mathbb E\|\nabla F_{\mu_T}(w_t)\|^2
        \le \frac{2\Delta}{\eta T} + LT^{1/5}\eta\sigma^2 + \zeta^2T^{-2/5},

    so :math:`O(T^{-2/5})` with the tuned step.

Conditions
    K < n (at K = n nothing is dropped and R6 applies), and Δ bounds :math:`F_\mu(w_0)-\inf F_\mu` for the μ in use.

Proof
    R8 without relative bias or noise, at :math:`L_{\mu_T} \le T^{1/5}L_\nu` and :math:`\zeta(\mu_T) \le T^{-1/5}
    \zeta(\nu)` (claims ``annealed.smooth`` and ``annealed.bias``). Quadratic smoothing is what makes the constants
    small: an entropic one leaves a bias at every gap, and costs a logarithm where the gaps stay.

Reference
    This project; Ajalloeian, Stich 2020 for R8.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from theory.assumptions import UNBIASED, Assumption
from theory.claim import Claim, Rate
from theory.facts import at_most
from theory.rates.biased import BIAS, R8
from theory.rates.smooth_nonconvex import R6
from theory.steps import Certificate, Lemma
from theory.symbols import L, M, T, eta, m, zeta

_ZERO, _ONE = sp.Integer(0), sp.Integer(1)
FIFTH = T ** sp.Rational(1, 5)
_VALUES = {m: _ZERO, M: _ZERO, L: FIFTH * L, zeta: zeta / FIFTH}

STEP = Assumption(
    "step",
    r"$\eta \le 1/(T^{1/5}L)$, which is at most $1/L_{\mu_T}$",
    domain={L: 1 / (FIFTH * (eta + sp.Dummy("s", nonnegative=True)))},
    condition=1 - eta * FIFTH * L,
)


def _shown(assumption: Assumption, name: str, by: tuple[str, ...]) -> Assumption:
    """The assumption; if it is the one called ``name``, with the claims that prove it here."""
    return replace(assumption, proved_by=by) if assumption.id == name else assumption


# of the smoothing that the claim chooses, whatever the problem that is run
METRIC = replace(R8.metric, id="mean_square_smoothed_gradient", title="mean of ‖∇F_μ‖²")

R14 = Rate.state(
    id="R14",
    title="Hard AAT-SGD, nonconvex",
    setting=r"hard AAT-SGD, gaps of density at most $c$; $F=F_{\mu_T}$ is the quadratic smoothing "
    r"$\mu_T=\nu T^{-1/5}$; $L$ and $\zeta$ are those of the smoothing $\nu$",
    metric=METRIC,
    bound=R8.bound.subs(_VALUES, simultaneous=True),
    schedule=eta,
    cap=1 / (FIFTH * L),
    assumptions=(
        *(_shown(a.at(_VALUES), BIAS.id, ("bias.mean", "annealed.bias")) for a in R8.assumptions if a.rules),
        STEP,
    ),
    definitions=R8.definitions,
    source="this project",
    about=("annealed.smooth",),
    proof=(Lemma("biased", R8, _VALUES), Certificate("rate", None, using={"biased": _ONE})),
)

R14_GAP = Rate.state(
    id="R14.gap",
    title="Hard AAT-SGD, nonconvex, gaps that stay",
    setting=r"hard AAT-SGD, no gap on the path below $\Delta_v$; $F=F_{\Delta_v}$ is the quadratic smoothing "
    r"$\mu=\Delta_v$, of which hard gradients are exact gradients there",
    metric=METRIC,
    bound=R6.bound,
    schedule=R6.schedule,
    cap=R6.cap,
    assumptions=tuple(_shown(a, UNBIASED.id, ("O10.quadratic", "O12.quadratic", "O8.below")) for a in R6.assumptions),
    definitions=R6.definitions,
    source="this project",
    proof=(Lemma("exact", R6), Certificate("rate", None, using={"exact": _ONE})),
)

_factor, _nu = sp.symbols("s nu", positive=True)
_flat, _steep, _first, _second = sp.symbols("a b z_1 z_2", nonnegative=True)
LARGER = Assumption("factor", r"$s \ge 1$", domain={_factor: 1 + sp.Dummy("q", nonnegative=True)})

ANNEALED_SMOOTH = Claim(
    id="annealed.smooth",
    title="Smoothness grows no faster than the smoothing shrinks",
    setting=r"$L_{\nu/s} \le s L_\nu$ for $L_\mu=a+b/\mu$ and $s\ge1$",
    statement=at_most(_flat + _steep * _factor / _nu, _factor * (_flat + _steep / _nu)),
    assumptions=(LARGER,),
    source="this project",
    proof=(Certificate("rougher", None, squares=((_flat * (_factor - 1), _ONE),)),),
)
ANNEALED_BIAS = Claim(
    id="annealed.bias",
    title="The bias shrinks at least as fast as the smoothing",
    setting=r"$\zeta(\nu/s) \le \zeta(\nu)/s$ for $\zeta(\mu)=z_1\mu+z_2\mu^2$ and $s\ge1$",
    statement=at_most(
        _first * _nu / _factor + _second * (_nu / _factor) ** 2, (_first * _nu + _second * _nu**2) / _factor
    ),
    assumptions=(LARGER,),
    source="this project",
    proof=(Certificate("nearer", None, squares=((_second * _nu**2 * (1 / _factor - 1 / _factor**2), _ONE),)),),
)
