r"""R14: what hard AAT-SGD itself achieves on a nonconvex loss.

Setting
    Hard AAT-SGD on a smooth loss of O scores; :math:`F = F_\mu` is its entropic smoothing, which the algorithm does not
    use, so μ is free, and may depend on T. The hard gradient is a gradient of F with a bias of at most ζ(μ).
    :math:`L_\mu = a + b/\mu` from the table of losses; :math:`\Lambda_1` bounds the slopes, :math:`\Lambda_2` is their
    Lipschitz constant.

Algorithm
    :math:`w_{t+1} = w_t - \eta g_t` with g the gradient through the hard mask, constant η.

Guarantee
    If a share of at most ct of the samples has a gap of t or less at each iterate (claim ``bias.mean``),
    :math:`\zeta(\mu) = 2c\mu(\Lambda_1R_\infty\sqrt n + 2\Lambda_2R_K\sqrt{OK(n-K)}\,\mu)`, and with
    :math:`\mu_T = \nu T^{-1/5}` and L and ζ those of ν,

    .. math:: \frac1T\sum_{t<T} \mathbb E\|\nabla F_{\mu_T}(w_t)\|^2
        \le \frac{2\Delta}{\eta T} + LT^{1/5}\eta\sigma^2 + \zeta^2T^{-2/5},

    so :math:`O(T^{-2/5})` with the tuned step. If no gap is smaller than :math:`\Delta_v` (claim ``R14.gap``),
    :math:`\zeta(\mu) = (\Lambda_1R_\infty\sqrt n + 2\Lambda_2R_K\sqrt{OK(n-K)}\,\mu)\,e^{-\Delta_v/(2\mu)}`, and with
    :math:`\mu_T = \Delta_v/(1+\ln T)` the rate is :math:`O(\sqrt{\ln T/T})`: SGD's own, up to a logarithm.

Conditions
    K < n (at K = n nothing is dropped and R6 applies), and Δ bounds :math:`F_\mu(w_0)-\inf F_\mu` for the μ in use.

Proof
    R8 without relative bias or noise, at :math:`L_{\mu_T} \le T^{1/5}L_\nu` and :math:`\zeta(\mu_T) \le T^{-1/5}
    \zeta(\nu)` (claims ``annealed.smooth`` and ``annealed.bias``).

Reference
    This project; Ajalloeian, Stich 2020 for R8.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim, Rate
from theory.facts import at_most
from theory.proof import Certificate, Lemma
from theory.rates.biased import BIAS, R8
from theory.symbols import Delta, L, M, T, eta, m, sigma, zeta

_ZERO, _ONE = sp.Integer(0), sp.Integer(1)
FIFTH = T ** sp.Rational(1, 5)
LOGARITHM = 1 + sp.log(T)


def annealed(id: str, title: str, setting: str, rougher: sp.Expr, nearer: sp.Expr, shown: tuple[str, ...]) -> Rate:
    """R8 for a smoothing that shrinks with the horizon.

    Args:
        id, title, setting: of the claim.
        rougher: by which factor smoothness grows from that of horizon 1.
        nearer: by which factor the bias shrinks.
        shown: the claims that bound the bias.
    """
    values = {m: _ZERO, M: _ZERO, L: rougher * L, zeta: nearer * zeta}
    step = Assumption(
        "step",
        rf"$\eta \le 1/L_{{\mu_T}}$, which is at least $1/({sp.latex(rougher)} L)$",
        domain={L: 1 / (rougher * (eta + sp.Dummy("s", nonnegative=True)))},
        condition=1 - eta * rougher * L,
    )
    kept = (assumption for assumption in R8.assumptions if assumption.condition is None)
    instances = (assumption.at(values) for assumption in kept)
    return Rate.state(
        id=id,
        title=title,
        setting=setting,
        metric=R8.metric,
        bound=R8.bound.subs(values, simultaneous=True),
        schedule=eta,
        cap=1 / (rougher * L),
        assumptions=(
            *(replace(each, proved_by=shown) if each.id == BIAS.id else each for each in instances),
            step,
        ),
        definitions=R8.definitions,
        source="this project",
        proof=(Lemma("biased", R8, values), Certificate("rate", None, using={"biased": _ONE})),
    )


R14 = annealed(
    "R14",
    "Hard AAT-SGD, nonconvex, gaps of bounded density",
    r"hard AAT-SGD; $F=F_{\mu_T}$ with $\mu_T=\nu T^{-1/5}$; $L$ and $\zeta$ are those of the smoothing $\nu$",
    FIFTH,
    1 / FIFTH,
    ("bias.mean", "annealed.bias"),
)
R14_GAP = annealed(
    "R14.gap",
    "Hard AAT-SGD, nonconvex, gaps that stay",
    r"hard AAT-SGD, no gap below $\Delta_v$; $F=F_{\mu_T}$ with $\mu_T=\Delta_v/(1+\ln T)$; $L$ and $\zeta$ are those "
    r"of the smoothing $\Delta_v$",
    LOGARITHM,
    1 / sp.sqrt(T),
    ("bias", "O10", "O12"),
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
