"""The score of a class as the sum of the votes that it heard, in the manner of attribution methods."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from aat import routing
from aat.errors import InputError
from aat.explain.probe import Heard, Probe
from aat.layer import AATLinear
from aat.topk import topk_sum
from aat.typed import typed


class Attribution(NamedTuple):
    """Contributions, and what they miss.

    Attributes:
        contributions: of each unit to the score of the target, zero for units that it did not hear, in float64.
        delta: Σ contributions + constant − score, where the score is what the network said in its own precision: no
            more than its rounding.
    """

    contributions: Float[Tensor, "B n"]
    delta: Float[Tensor, " B"]


class Votes(NamedTuple):
    """All that makes a score: Σ contributions + regulariser + bias.

    Attributes:
        target: the class of each sample.
        contributions: see :class:`Attribution`.
        regulariser: of a smoothed head, μ Σ h(λ) or −(μ/2) ‖λ‖² (O6, O8); zero for others.
        bias: of the class; zero for a head without one.
        delta: see :class:`Attribution`.
    """

    target: Int[Tensor, " B"]
    contributions: Float[Tensor, "B n"]
    regulariser: Float[Tensor, " B"]
    bias: Float[Tensor, " B"]
    delta: Float[Tensor, " B"]


@typed
class VoteAttribution:
    """Attribution by votes, for a network whose last nn.Linear, an AATLinear or a dense one, gives its scores.

    It is complete by construction, without a baseline or a path: the contributions and the bias are the score. Those of
    float32 weights and features are exact, as products in float64.

    Raises:
        InputError: the network has no nn.Linear.

    >>> from aat import AATLinear
    >>> head = AATLinear(3, 2, k=2)
    >>> with torch.no_grad():
    ...     _ = head.weight.copy_(torch.tensor([[1.0, 2.0, -1.0], [0.0, 1.0, 1.0]])), head.bias.zero_()
    >>> contributions, delta = VoteAttribution(nn.Sequential(nn.Flatten(), head)).attribute(torch.ones(1, 3, 1, 1))
    >>> contributions.tolist(), delta.item()
    ([[1.0, 2.0, 0.0]], 0.0)
    """

    def __init__(self, network: nn.Module) -> None:
        self.probe = Probe(network)

    @typed
    def attribute(self, inputs: Tensor, target: int | Int[Tensor, " B"] | None = None) -> Attribution:
        """Contributions of the units to the score of ``target``.

        Args:
            inputs: (B, C, H, W), what the network takes.
            target: a class for all, or one for each input; None: the class of the largest score.

        Raises:
            InputError: there is no such class, or the head does not give the scores of the network.
        """
        votes = self.votes(self.probe(inputs), target)
        return Attribution(votes.contributions, votes.delta)

    @typed
    def votes(self, heard: Heard, target: int | Int[Tensor, " B"] | None = None) -> Votes:
        """The same of inputs that a probe has seen, with what else makes the score."""
        head, scores = self.probe.head, heard.scores
        if scores.shape != (len(heard.features), head.out_features):
            given = f"scores of shape {tuple(scores.shape)} over {len(heard.features)} features"
            raise InputError(f"{given}; expected those of the last nn.Linear; try a network that ends with it")
        if target is None:
            target = scores.argmax(1)
        elif not isinstance(target, Tensor):
            target = torch.full((len(scores),), target, device=scores.device)
        x = heard.features.double()
        contributions = routing.contributions(head, x, target)
        bias = x.new_zeros(len(x)) if head.bias is None else head.bias.detach().double()[target]
        regulariser = torch.zeros_like(bias)
        if isinstance(head, AATLinear) and head.smoothing is not None:
            smoothed = topk_sum(head.weight.detach()[target].double() * x, head.k, head.smoothing, head.mu)
            regulariser = smoothed - contributions.sum(1)
        score = scores.double().gather(1, target.unsqueeze(1)).squeeze(1)
        return Votes(target, contributions, regulariser, bias, contributions.sum(1) + regulariser + bias - score)
