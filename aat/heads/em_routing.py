"""EM routing as a head: units vote for classes, and a class is active where the votes that it gets agree.

Each unit i is a capsule with an activation a_i and a vote V_ij ∈ R^H for every class j; EM fits one Gaussian for each
class to the votes of a sample, so that a unit is assigned to the classes that its votes agree with.
Source: Hinton, Sabour & Frosst, "Matrix capsules with EM routing", ICLR 2018, Procedure 1.

What a head on pooled features changes, since these tell of a unit only how strong it is: the activation is a logistic
function of the feature, with a scale and a shift learned for each unit (the paper's capsules come with one), and the
pose is the vector (x_i, 1) instead of a 4×4 matrix, so that its product with the learned 2×H matrix, the vote, moves
along a line as the feature does. Scores are the logits of the class activations a_j, which order classes as these do
and which cross-entropy can train. There is one β_u and one β_a for each class.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from aat.checks import check_tensor, shown, within_memory
from aat.errors import InputError
from aat.typed import typed

# Added to every variance: with one unit left, or votes that all agree, its logarithm stays finite.
VARIANCE_FLOOR = 1e-4


class Clusters(NamedTuple):
    """What the M step makes of the votes.

    Attributes:
        mean, variance: of the votes that each class was assigned, in each dimension; variance >= VARIANCE_FLOOR.
        amount: the data of each class, Σ_i R_ij a_i.
    """

    mean: Float[Tensor, "B O H"]
    variance: Float[Tensor, "B O H"]
    amount: Float[Tensor, "B O"]


class Routed(NamedTuple):
    """What routing ends with.

    Attributes:
        scores: logits of the class activations.
        clusters: of the last M step.
        log_assignments: log R_ij of which that M step was made.
    """

    scores: Float[Tensor, "B O"]
    clusters: Clusters
    log_assignments: Float[Tensor, "B O n"]


def inverse_temperature(iteration: int, final: float) -> float:
    """λ of the iterations 1, 2, …: final·(1 − 0.95^iteration), which grows towards ``final``.

    The paper fixes a schedule without giving it; this is the one of Gritzman, "Avoiding implementation pitfalls of
    matrix capsules with EM routing", 2019.
    """
    return final * (1 - 0.95**iteration)


def m_step(log_weights: Float[Tensor, "B O n"], votes: Float[Tensor, "B O H n"]) -> Clusters:
    """Mean and variance of the votes, weighted by R_ij a_i, whose logarithms are given: lines 2 to 4 of the M step.

    Weights are normalised as logarithms, so that a class with next to no data has a mean like any other.
    """
    share = log_weights.softmax(-1).unsqueeze(2)
    mean = (share * votes).sum(-1)
    variance = (share * (votes - mean.unsqueeze(-1)).square()).sum(-1) + VARIANCE_FLOOR
    return Clusters(mean, variance, log_weights.logsumexp(-1).exp())


def scores_of(
    clusters: Clusters, beta_u: Float[Tensor, " O"], beta_a: Float[Tensor, " O"], inverse: float
) -> Float[Tensor, "B O"]:
    """Logit of each class's activation: λ(β_a − Σ_h (β_u + log σ_h) Σ_i R_ij a_i), lines 5 and 6 of the M step."""
    cost = (beta_u.unsqueeze(-1) + clusters.variance.log() / 2).sum(-1) * clusters.amount
    return inverse * (beta_a - cost)


def e_step(votes: Float[Tensor, "B O H n"], clusters: Clusters, scores: Float[Tensor, "B O"]) -> Float[Tensor, "B O n"]:
    """The logarithm of R_ij: log a_j + log N(V_ij; μ_j, σ_j²), less its logsumexp over the classes.

    Densities are never formed: far from every cluster they would all be 0.
    """
    apart = ((votes - clusters.mean.unsqueeze(-1)).square() / clusters.variance.unsqueeze(-1)).sum(2)
    # the factor (2π)^(−H/2) is that of every class
    log_density = -(apart + clusters.variance.log().sum(-1, keepdim=True)) / 2
    return (nn.functional.logsigmoid(scores).unsqueeze(-1) + log_density).log_softmax(1)


def route(
    log_activations: Float[Tensor, "B n"],
    votes: Float[Tensor, "B O H n"],
    beta_u: Float[Tensor, " O"],
    beta_a: Float[Tensor, " O"],
    *,
    iterations: int,
    final: float,
) -> Routed:
    """Procedure 1: assignments start uniform; an M step, then an E step between every two of them.

    Args:
        log_activations: log a_i.
        votes: V_ij.
        beta_u: what a class pays for each dimension of a unit's vote, besides log σ.
        beta_a: what a class may cost and be active.
        iterations: M steps, at least 1.
        final: the inverse temperature that the schedule approaches.
    """
    log_assignments = votes.new_full((*votes.shape[:2], votes.shape[3]), -math.log(votes.shape[1]))
    for iteration in range(1, iterations + 1):
        clusters = m_step(log_assignments + log_activations.unsqueeze(1), votes)
        scores = scores_of(clusters, beta_u, beta_a, inverse_temperature(iteration, final))
        if iteration < iterations:
            log_assignments = e_step(votes, clusters, scores)
    return Routed(scores, clusters, log_assignments)


@typed
class EMRouting(nn.Module):
    """A head whose classes are routed to by EM: features (B, n) to scores (B, O).

    Args:
        in_features, out_features: n units and O classes.
        pose: H, the dimensions of a vote.
        iterations: of routing, at least 1; the paper's 3 by default.
        final: the inverse temperature that the schedule approaches.

    Raises:
        InputError: one of them is below 1, or ``final`` no finite number > 0; and for features of another shape.
    """

    def __init__(
        self, in_features: int, out_features: int, *, pose: int = 4, iterations: int = 3, final: float = 1.0
    ) -> None:
        sizes = {"in_features": in_features, "out_features": out_features, "pose": pose, "iterations": iterations}
        for name, size in sizes.items():
            if size < 1:
                raise InputError(f"{name} = {shown(size)}; expected at least 1; try {name}=4")
        if not 0 < final < math.inf:
            raise InputError(f"final = {final}; expected a finite number > 0; try 1.0")
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.pose, self.iterations, self.final = pose, iterations, final
        with within_memory(f"a head of {', '.join(f'{name} = {shown(size)}' for name, size in sizes.items())}"):
            self._make(in_features, out_features, pose)

    def _make(self, in_features: int, out_features: int, pose: int) -> None:
        self.slope = nn.Parameter(torch.randn(out_features, pose, in_features))
        self.offset = nn.Parameter(torch.randn(out_features, pose, in_features))
        self.scale = nn.Parameter(torch.ones(in_features))
        self.shift = nn.Parameter(torch.zeros(in_features))
        self.beta_u = nn.Parameter(torch.zeros(out_features))
        self.beta_a = nn.Parameter(torch.zeros(out_features))

    def forward(self, x: Float[Tensor, "B n"]) -> Float[Tensor, "B O"]:
        """Scores."""
        return self.routed(x).scores

    def routed(self, x: Float[Tensor, "B n"]) -> Routed:
        """All that routing ends with."""
        check_tensor("features", x)
        if x.ndim != 2 or x.shape[1] != self.in_features:
            raise InputError(f"features of shape {tuple(x.shape)}; expected (B, {self.in_features}); try flatten(1)")
        if x.device != self.slope.device:
            raise InputError(
                f"features on {x.device}; expected {self.slope.device}, as the head; try head.to(x.device)"
            )
        votes = x[:, None, None, :] * self.slope + self.offset
        return route(self._log_activations(x), votes, self.beta_u, self.beta_a,
                     iterations=self.iterations, final=self.final)  # fmt: skip

    def heard(self, x: Float[Tensor, "B n"]) -> Float[Tensor, "B O n"]:
        """What each class hears of each unit: R_ij a_i, of the assignments that the scores are made of."""
        return (self.routed(x).log_assignments + self._log_activations(x).unsqueeze(1)).exp()

    def extra_repr(self) -> str:
        """The numbers."""
        sizes = f"in_features={self.in_features}, out_features={self.out_features}, pose={self.pose}"
        return f"{sizes}, iterations={self.iterations}, final={self.final}"

    def _log_activations(self, x: Float[Tensor, "B n"]) -> Float[Tensor, "B n"]:
        return nn.functional.logsigmoid(self.scale * x + self.shift)
