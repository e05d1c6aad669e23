"""The balance Σ ψ(u_i − θ) = K: one unknown a row, all rows at once."""

import torch
from jaxtyping import Float
from torch import Tensor

from aat.smoothing import Smoothing

# From PATIENCE on every second step bisects. A bracket is at most 200 + ln 4K(n−K) wide, so MAX_STEPS bring
# it down to one unit in the last place whatever the votes. 2 to 8 steps are usual.
PATIENCE = 10
MAX_STEPS = 150


def balance(
    u: Float[Tensor, "*batch n"], gap: Float[Tensor, "*batch 1"], k: int, smoothing: Smoothing
) -> Float[Tensor, "*batch n"]:
    """Solve Σ_i ψ(u_i − θ) = K for θ, 1 <= K < n; return λ = ψ(u − θ), |Σ λ − K| <= 4 K eps.

    `gap` is (v_[K] − v_[K+1]) / μ. Newton's method inside a shrinking bracket; for the quadratic smoothing,
    where Σ λ is piecewise linear in θ, it ends after finitely many steps (Cominetti, Mascarenhas & Silva,
    "A Newton's method for the continuous quadratic knapsack problem", 2014). Rows with NaN are left alone.
    """
    n = u.shape[-1]
    lo, hi, theta = smoothing.bracket(gap, k, n)
    tolerance = 4 * k * torch.finfo(u.dtype).eps
    for step in range(MAX_STEPS):
        lam = smoothing.multipliers(u - theta)
        total = lam.sum(-1, keepdim=True)
        surplus = total - k
        unsolved = surplus.abs() > tolerance
        if not unsolved.any():
            break
        lo = torch.where(surplus > 0, theta, lo)
        hi = torch.where(surplus < 0, theta, hi)
        middle = (lo + hi) / 2
        if step >= PATIENCE and step % 2:
            trial = middle
        else:
            slope = smoothing.slope(lam).sum(-1, keepdim=True)
            trial = theta + smoothing.step(total, slope, k, n)
            # A zero slope makes the trial inf or NaN: both fail the test.
            trial = torch.where((lo < trial) & (trial < hi), trial, middle)
        theta = torch.where(unsolved, trial, theta)
    return lam
