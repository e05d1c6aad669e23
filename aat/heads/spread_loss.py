"""The spread loss that EM routing was trained with: the right class's activation shall lead by a margin."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

FIRST, LAST = 0.2, 0.9


def margin(progress: float) -> float:
    """m: from 0.2 at the beginning of the training to 0.9 at its end; ``progress`` is in [0, 1]."""
    return FIRST + (LAST - FIRST) * progress


def spread_loss(scores: Float[Tensor, "B O"], labels: Int[Tensor, " B"], progress: float) -> Tensor:
    """Mean over samples of Σ_{j ≠ y} max(0, m − (a_y − a_j))², where a = logistic(scores).

    A small margin at first keeps capsules from dying early.
    Source: Hinton, Sabour & Frosst, ICLR 2018, equation (3).
    """
    active = scores.sigmoid()
    right = active.gather(1, labels.unsqueeze(1))
    short = (margin(progress) - (right - active)).relu().square()
    others = ~nn.functional.one_hot(labels, scores.shape[1]).bool()
    return torch.where(others, short, 0.0).sum(1).mean()
