"""The AAT operator: the sum of the K largest votes of each row, hard or smoothed."""

from jaxtyping import Float
from torch import Tensor

from aat.checks import SmoothingName, check
from aat.hard import gap, hard_sum, mask, threshold
from aat.smoothing import SMOOTHINGS
from aat.soft import soft_sum

__all__ = ["gap", "mask", "multipliers", "threshold", "topk_sum"]


class TopKSum:
    """The type of `topk_sum`, a function with `threshold`, `mask` and `gap` at hand."""

    threshold = staticmethod(threshold)
    mask = staticmethod(mask)
    gap = staticmethod(gap)

    def __call__(
        self,
        votes: Float[Tensor, "*batch n"],
        k: int,
        smoothing: SmoothingName | None = None,
        mu: float | None = None,
    ) -> Float[Tensor, "*batch"]:
        """Sum of the K largest votes, s_K(v) = v_[1] + … + v_[K] (O1), or its smoothing (O6, O8).

        votes      (*batch, n), floating point, n >= 1; NaN and inf propagate as in the definition
        k          1 <= k <= n
        smoothing  None: exactly votes.topk(k).values.sum(-1), differentiated through the mask (O4)
                   "entropic": max over Δ_{n,K} of ⟨λ, v⟩ + μ Σ h(λ_i), in [s_K, s_K + μ n h(K/n)]
                   "quadratic": max over Δ_{n,K} of ⟨λ, v⟩ − (μ/2) ‖λ‖², in [s_K − μK/2, s_K − μK²/(2n)]
        mu         μ > 0, in the units of a vote; given if and only if smoothing is

        Returns (*batch,) in the dtype of votes, differentiable in reverse mode to any order.
        Raises InputError for anything else.
        Source: Sun, Ravi & Singh, "Adaptive Activation Thresholding", ICCV 2019; smoothing after Nesterov,
        "Smooth minimization of non-smooth functions", 2005.

        >>> import torch
        >>> votes = torch.tensor([3.0, -1.0, 2.0, 2.0])
        >>> topk_sum(votes, 2)
        tensor(5.)
        >>> topk_sum.mask(votes, 2)
        tensor([ True, False,  True, False])
        """
        check(votes, k, smoothing, mu)
        if smoothing is None or mu is None:
            return hard_sum(votes, k)
        return soft_sum(votes, k, SMOOTHINGS[smoothing], float(mu))[0]


topk_sum = TopKSum()


def multipliers(
    votes: Float[Tensor, "*batch n"],
    k: int,
    smoothing: SmoothingName | None = None,
    mu: float | None = None,
) -> Float[Tensor, "*batch n"]:
    """Multipliers λ in Δ_{n,K} that attain topk_sum: its gradient in the votes (O4, O6, O8).

    The mask as numbers when hard (without a gradient), else the smoothed multipliers, differentiable.
    Arguments and errors are those of `topk_sum`.

    >>> import torch
    >>> multipliers(torch.tensor([1.0, 0.0, 0.0]), 1, smoothing="quadratic", mu=2.0)
    tensor([0.6667, 0.1667, 0.1667])
    """
    check(votes, k, smoothing, mu)
    if smoothing is None or mu is None:
        return mask(votes, k).to(votes.dtype)
    return soft_sum(votes, k, SMOOTHINGS[smoothing], float(mu))[1]
