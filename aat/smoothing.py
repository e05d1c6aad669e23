"""The two smoothings, as formulas of the shifted votes u = (v − v_[K]) / μ and the shifted threshold θ.

A smoothing replaces max ⟨λ, v⟩ over Δ_{n,K} (O1) by max ⟨λ, v⟩ + μ Σ r(λ_i) with r strictly concave. Its
maximiser is λ_i = ψ(u_i − θ), ψ the inverse of −r' cut to [0, 1], with the θ for which Σ λ = K. The shift by
v_[K] costs nothing, as Σ λ = |S| = K, and keeps every difference that matters exact at any scale of v / μ.
"""

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from aat.checks import SmoothingName


class Smoothing(ABC):
    """What the balance and the smoothed sum need to know of a smoothing."""

    @abstractmethod
    def multipliers(self, z: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
        """ψ(z), z = u − θ."""

    @abstractmethod
    def slope(self, lam: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
        """ψ' >= 0, as a function of λ = ψ(z)."""

    @abstractmethod
    def bracket(self, gap: Float[Tensor, "*batch 1"], k: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """Bounds lo <= θ <= hi and a start between them, from gap = (v_[K] − v_[K+1]) / μ and 1 <= K < n."""

    @abstractmethod
    def step(self, total: Tensor, slope: Tensor, k: int, n: int) -> Tensor:
        """Newton's step in θ towards Σ λ = K, from total = Σ λ and slope = Σ ψ'."""

    @abstractmethod
    def excess(
        self, lam: Float[Tensor, "*batch n"], u: Float[Tensor, "*batch n"], kept: Bool[Tensor, "*batch n"]
    ) -> Float[Tensor, "*batch"]:
        """(Smoothed sum − s_K) / μ at the balanced λ, where kept is the mask."""

    @abstractmethod
    def full_excess(self, n: int) -> float:
        """(Smoothed sum − s_K) / μ when K = n, where λ = 1 is the only choice."""


class _Entropic(Smoothing):
    """r = h, the entropy −λ ln λ − (1−λ) ln(1−λ); ψ is the logistic function σ (O6)."""

    def multipliers(self, z: Tensor) -> Tensor:
        return torch.sigmoid(z)

    def slope(self, lam: Tensor) -> Tensor:
        return torch.addcmul(lam, lam, lam, value=-1)

    def bracket(self, gap: Tensor, k: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
        # At θ = ln 2(n−K) the vote u_[K] = 0 alone lacks more than 1/2 of its multiplier, and the n−K votes
        # below it have together at most (n−K) e^{−θ} = 1/2: Σ λ <= K. By symmetry Σ λ >= K at −gap − ln 2K.
        # Past a gap of 200 the middle of it leaves every λ within e^{−100} of 0 or 1, and inf has no middle.
        # The start, midway in the gap, is exact for two votes.
        gap = gap.clamp(max=200.0)
        return -gap - math.log(2 * k), torch.full_like(gap, math.log(2 * (n - k))), -gap / 2

    def step(self, total: Tensor, slope: Tensor, k: int, n: int) -> Tensor:
        # Newton on logit(Σ λ / n) = logit(K / n): the left side is linear in θ when all votes are equal.
        rest = n - total
        return torch.log(total * ((n - k) / k) / rest) * total * rest / (n * slope)

    def excess(self, lam: Tensor, u: Tensor, kept: Tensor) -> Tensor:
        # The dual form of O6 less s_K. With softplus(z) = z + softplus(−z) on the support, Kτ cancels:
        # s_{K,μ} − s_K = μ Σ_S softplus(θ − u_i) + μ Σ_{S^c} softplus(u_i − θ), a sum of terms >= 0, and
        # softplus(−z) = −ln σ(z).
        return -torch.where(kept, lam, 1 - lam).log().sum(-1)

    def full_excess(self, n: int) -> float:
        return 0.0


class _Quadratic(Smoothing):
    """r = −λ²/2; ψ is the clip to [0, 1], so that most multipliers are exactly 0 or 1 (O8)."""

    def multipliers(self, z: Tensor) -> Tensor:
        return z.clamp(0, 1)

    def slope(self, lam: Tensor) -> Tensor:
        return (lam - lam * lam).sign()  # 1 where 0 < λ < 1, else 0

    def bracket(self, gap: Tensor, k: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
        # At θ = 0 only votes above u_[K] = 0 have multipliers: Σ λ <= K − 1. At θ = −1 the K largest have
        # λ = 1: Σ λ >= K. The lower bound is one further out, so that a root at −1 is inside for sure.
        # The start is exact for two votes, and for any number of them when the gap is at least μ.
        return torch.full_like(gap, -2.0), torch.zeros_like(gap), -(1 + gap.clamp(max=1.0)) / 2

    def step(self, total: Tensor, slope: Tensor, k: int, n: int) -> Tensor:
        return (total - k) / slope

    def excess(self, lam: Tensor, u: Tensor, kept: Tensor) -> Tensor:
        # q − s_K = ⟨λ − 1_S, v⟩ − (μ/2) ‖λ‖² = μ (⟨λ − 1_S, u⟩ − ‖λ‖²/2).
        # λ = 1_S wherever |u| > 1, because −1 <= θ <= 0: the clamp only keeps 0 · inf out.
        return ((lam - kept.to(lam.dtype)) * u.clamp(-1, 1) - lam * lam / 2).sum(-1)

    def full_excess(self, n: int) -> float:
        return -n / 2


SMOOTHINGS: dict[SmoothingName, Smoothing] = {"entropic": _Entropic(), "quadratic": _Quadratic()}
