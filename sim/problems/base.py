"""What a problem is: a finite sum ``F(w) = (1/N) Σ f_i(w)`` that declares its constants.

Parameters are one flat vector; everything is float64 and batched over leading dimensions (trials, sample paths).
Gradients are autograd's, through the operator of :mod:`aat` itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from aat import InputError, topk_sum
from aat.checks import check_k, check_smoothing
from aat.seeds import generator
from aat.typed import check_fields
from sim.problems.data import tensor_of

# Votes evaluated at a time by the full objective: 2^21 float64 numbers are 16 MiB.
_BLOCK = 2**21

# μ times the Lipschitz constant of the multipliers in the votes (claims O7, O9).
_LIPSCHITZ = {"entropic": 0.25, "quadratic": 1.0}

_COMPARATOR_PULL = 1e-3
_COMPARATOR_MU = 0.02


def checked(name: str, values: Tensor, shape: str) -> Float[Tensor, ...]:
    """``values`` as float64; InputError unless they are finite numbers of as many dimensions as ``shape`` names."""
    values = tensor_of(name, values)
    if values.dtype.is_complex or values.ndim != len(shape.split()) or values.numel() == 0:
        raise InputError(f"{name} of shape {tuple(values.shape)}; expected real numbers of shape ({shape})")
    values = values.detach().to(torch.float64)
    bad = int((~values.isfinite()).sum())
    if bad:
        raise InputError(f"{name} has {bad} values that are NaN or infinite; expected finite numbers; clean the data")
    return values


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem(ABC):
    """A loss over AAT heads on N samples.

    Attributes:
        x: features, shape (N, n), finite.
        k: votes that a class hears, 1 ≤ k ≤ n; k = n is the dense head.
        smoothing: ``None`` (hard), ``"entropic"`` or ``"quadratic"``, with its ``mu`` > 0.
        raised: whether μK/2 is added to quadratic scores, which makes them the hard ones where the gap is at least μ.
        ridge: λ ≥ 0 of an added ``(λ/2)‖w‖²``.
        start: w_0, shape (dimension,); the family's own if omitted.
        comparator: u, shape (dimension,); the family's own if omitted.
        data: name of the data, for labels and seeds.

    Raises:
        InputError: from the constructor, when one of these is not so.
    """

    family: ClassVar[str]

    x: Float[Tensor, "N n"]
    k: int
    smoothing: str | None = None
    mu: float | None = None
    raised: bool = False
    ridge: float = 0.0
    start: Float[Tensor, " dim"] | None = None
    comparator: Float[Tensor, " dim"] | None = None
    data: str = "given"

    def __post_init__(self) -> None:
        check_fields(self, "raised", "ridge", "data")
        object.__setattr__(self, "x", checked("x", self.x, "N n"))
        check_k(self.k, self.features)
        check_smoothing(self.smoothing, self.mu)
        if self.raised and self.smoothing != "quadratic":
            raise InputError(f"raised scores with smoothing {self.smoothing!r}; expected quadratic smoothing")
        if not 0 <= self.ridge < float("inf"):
            raise InputError(f"ridge = {self.ridge!r}; expected a finite number ≥ 0; try ridge=0.01")
        self._check_target()
        for name in ("start", "comparator"):
            point = getattr(self, name)
            if point is not None:
                point = checked(name, point, "dim")
                if point.shape != (self.dimension,):
                    raise InputError(f"{name} of shape {tuple(point.shape)}; expected ({self.dimension},)")
                object.__setattr__(self, name, point)

    # --- What a family says about itself ---

    @abstractmethod
    def _check_target(self) -> None:
        """InputError unless the targets fit the features; converts them."""

    @property
    @abstractmethod
    def heads(self) -> int:
        """Number of heads O: the parameters are O rows of n weights."""

    @abstractmethod
    def _losses(self, w: Float[Tensor, "*batch O n"], index: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        """Loss of sample ``index`` at ``w``, without the ridge."""

    @property
    @abstractmethod
    def lower_bound(self) -> float:
        """A lower bound of inf F."""

    @property
    @abstractmethod
    def convex(self) -> bool:
        """Whether every f_i is known to be convex in w."""

    @property
    @abstractmethod
    def _norms(self) -> Float[Tensor, " N"]:
        """A bound on ‖∇f_i‖ for each sample, without the ridge."""

    @property
    @abstractmethod
    def _outer_curvature(self) -> Float[Tensor, " N"]:
        """The part of the smoothness of f_i that the outer loss has: the constant where the head is linear."""

    # --- Shapes ---

    @property
    def samples(self) -> int:
        """N."""
        return self.x.shape[0]

    @property
    def features(self) -> int:
        """n: votes of a head."""
        return self.x.shape[1]

    @property
    def dimension(self) -> int:
        """Number of parameters, O·n."""
        return self.heads * self.features

    @property
    def dense(self) -> bool:
        """Whether every vote is heard, k = n."""
        return self.k == self.features

    def with_head(self, k: int, smoothing: str | None = None, mu: float | None = None) -> Self:
        """The same problem (data, start and comparator) with another head."""
        return replace(self, k=k, smoothing=smoothing, mu=mu, raised=self.raised and smoothing == "quadratic")

    def dense_head(self) -> Problem:
        """The same problem with the dense head, K = n."""
        return self.with_head(self.features)

    # --- Values and gradients ---

    def scores(self, votes: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
        """The operator of this problem's head; a hard head that hears every vote is a plain sum."""
        if self.dense and self.smoothing is None:
            return votes.sum(-1)
        score = topk_sum(votes, self.k, self.smoothing, self.mu)  # type: ignore[arg-type]
        return score + self.mu * self.k / 2 if self.raised and self.mu else score

    def losses(self, w: Float[Tensor, "*batch dim"], index: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        """f_i(w) for each pair of parameters and sample; leading dimensions broadcast."""
        value = self._losses(w.unflatten(-1, (self.heads, self.features)), index)
        return value + self.ridge / 2 * w.square().sum(-1) if self.ridge else value

    def gradients(self, w: Float[Tensor, "*batch dim"], index: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch dim"]:
        """∇f_i(w), or the subgradient that backpropagation takes; ``w`` and ``index`` of one batch shape."""
        w = w.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.losses(w, index).sum(), w)
        return gradient

    def objective(self, w: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
        """F(w), over all samples, in blocks of bounded memory."""
        total = torch.zeros(len(w), dtype=torch.float64)
        with torch.no_grad():
            for points, index in self._blocks(w):
                total[points] += self.losses(w[points].unsqueeze(1), index).sum(-1)
        return total / self.samples

    def full_gradient(self, w: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
        """∇F(w), over all samples, in blocks of bounded memory."""
        total = torch.zeros_like(w)
        for points, index in self._blocks(w):
            leaf = w[points].detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.losses(leaf.unsqueeze(1), index).sum(), leaf)
            total[points] += gradient
        return total / self.samples

    def _blocks(self, w: Float[Tensor, "batch dim"]) -> Iterator[tuple[slice, Int[Tensor, "1 block"]]]:
        samples = max(1, min(self.samples, _BLOCK // self.dimension))
        points = max(1, _BLOCK // (self.dimension * samples))
        for first in range(0, len(w), points):
            for index in torch.arange(self.samples).split(samples):
                yield slice(first, first + points), index.unsqueeze(0)

    def vote_scale(self, w: Float[Tensor, "batch dim"]) -> float:
        """How large the sums of votes at ``w`` can be, max ‖x‖·‖w‖: what rounding is relative to."""
        return (self.radius(self.features).max() * w.norm(dim=-1).max()).item()

    # --- Start, comparator, constants ---

    @cached_property
    def w0(self) -> Float[Tensor, " dim"]:
        """The start w_0; by default as PyTorch starts a linear layer, uniform in ±1/√n, the same for every head."""
        if self.start is not None:
            return self.start
        random = generator("start", self.name)
        return (2 * torch.rand(self.dimension, dtype=torch.float64, generator=random) - 1) / self.features**0.5

    @cached_property
    def u(self) -> Float[Tensor, " dim"]:
        """The comparator. A bound holds for every u, and is smallest for one that is both good and near."""
        return self._default_comparator() if self.comparator is None else self.comparator

    def _default_comparator(self) -> Float[Tensor, " dim"]:
        """Minimiser of ``F(w) + (c/2)‖w − w_0‖²`` by L-BFGS, on the entropic smoothing where F has a hard threshold."""
        smooth = self if self.smooth else self.with_head(self.k, "entropic", _COMPARATOR_MU)
        w0 = self.w0

        def penalised(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            w = torch.from_numpy(flat)
            value = smooth.objective(w[None])[0] + _COMPARATOR_PULL / 2 * (w - w0).square().sum()
            return value.item(), (smooth.full_gradient(w[None])[0] + _COMPARATOR_PULL * (w - w0)).numpy()

        found = minimize(penalised, w0.numpy(), jac=True, method="L-BFGS-B", options={"maxiter": 60})
        return torch.from_numpy(found.x)

    def constants(self) -> dict[str, float]:
        """The constants this problem declares, by the symbols of the theory; derived from the data, not measured.

        ``G``: E‖g‖² ≤ G², the root mean square of the samples' bounds. ``sigma``: E‖g − ∇F‖² ≤ σ² (a variance is at
        most a second moment; a ridge adds no noise). ``Delta``: F(w_0) minus a lower bound of F. ``L``, where F is
        smooth: the mean over samples; ``L_max``: the largest of them. ``D``, where F is convex: ‖w_0 − u‖.
        ``sigma_star``, where it is convex and smooth: E‖∇f_i(u)‖² = σ_*² at the comparator. With a ridge λ, G holds on
        the ball ‖w‖ ≤ max(‖w_0‖, max_i ‖∇f_i‖/λ), which SGD does not leave when ηλ ≤ 1, and a convex F has the
        ``modulus`` λ, hence also the Polyak–Łojasiewicz constant ``m_PL`` = λ.
        """
        return dict(self._constants)

    def _start_gap(self) -> float:
        """F(w_0) less the lower bound of F, which rounding may put below it where it is attained."""
        return max(0.0, (self.objective(self.w0[None]) - self.lower_bound).item())

    @cached_property
    def _constants(self) -> dict[str, float]:
        norm = self._norms.square().mean().sqrt().item()
        ball = max(self.ridge * self.w0.norm().item(), self._norms.max().item()) if self.ridge else 0.0
        declared = {
            "G": norm + ball,
            "sigma": norm,
            "Delta": self._start_gap(),
        }
        if self.smooth:
            curvature = self._outer_curvature + self._head_curvature
            declared["L"] = curvature.mean().item() + self.ridge
            declared["L_max"] = curvature.max().item() + self.ridge
        return declared | self._convex_constants()

    def _convex_constants(self) -> dict[str, float]:
        """What a convex problem declares besides."""
        if not self.convex:
            return {}
        declared = {"D": (self.w0 - self.u).norm().item()}
        if self.smooth:
            at_u = self.gradients(self.u.expand(self.samples, -1), torch.arange(self.samples))
            declared["sigma_star"] = at_u.square().sum(-1).mean().sqrt().item()
        if self.ridge:
            declared["modulus"] = declared["m_PL"] = self.ridge
        return declared

    def gradient_bounds(self) -> Float[Tensor, " N"]:
        """A bound on ‖∇f_i‖ for each sample, without the ridge."""
        return self._norms

    def gradient_size(self, w: Float[Tensor, "batch dim"]) -> float:
        """How large the gradients at ``w`` can be: what the rounding of their squares is relative to."""
        return self.constants()["G"]

    @property
    def slopes(self) -> tuple[float, float]:
        """Λ₁ and Λ₂: a bound on ‖∂ℓ/∂z‖ over the scores of a sample, and the Lipschitz constant of ∂ℓ/∂z."""
        raise InputError(f"{self.name} states no slopes of its loss; try softmax, logistic, logcosh or routing")

    @property
    def scores_a_sample(self) -> int:
        """How many scores enter the loss of a sample."""
        return self.heads

    @property
    def smooth(self) -> bool:
        """Whether ∇F is Lipschitz: a soft threshold, or none."""
        return self.dense or self.smoothing is not None

    @property
    def _head_curvature(self) -> Float[Tensor, " N"]:
        """κ of each sample: R_∞²/(4μ) entropic, R_∞²/μ quadratic, 0 for a dense head (claim L.head)."""
        if self.dense or self.smoothing is None or self.mu is None:
            return torch.zeros(self.samples, dtype=torch.float64)
        return self.x.abs().amax(-1).square() * _LIPSCHITZ[self.smoothing] / self.mu

    def radius(self, k: int) -> Float[Tensor, " N"]:
        """R_k(x_i): the 2-norm of the k largest |x| of each sample (of all, when k > n)."""
        return self.x.abs().topk(min(k, self.features)).values.norm(dim=-1)

    # --- Names ---

    @property
    def name(self) -> str:
        """Family, data and ridge, e.g. ``softmax/digits``: what dense and AAT heads have in common."""
        return f"{self.family}/{self.data}" + (f" ridge={self.ridge:g}" if self.ridge else "")

    @property
    def head(self) -> str:
        """The head in words, e.g. ``entropic AAT-SGD, K=5, μ=0.1``: the method is SGD with this head."""
        return self.method_name("SGD")

    def method_name(self, rule: str) -> str:
        """The method in words, when the update rule is called ``rule``."""
        if self.dense and self.smoothing is None:
            return f"dense {rule}, K=n={self.features}"
        mu = "" if self.mu is None else f", μ={self.mu:g}"
        return f"{self.smoothing or 'hard'} AAT-{rule}, K={self.k}{mu}"
