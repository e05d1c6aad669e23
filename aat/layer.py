"""AATLinear: a linear layer whose outputs each listen to K units, chosen anew for every sample."""

from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from aat import kernels
from aat.checks import SmoothingName, check_device, check_k, check_smoothing, check_tensor, shown, within_memory
from aat.errors import InputError
from aat.kernels import operator, smoothed
from aat.typed import typed


@typed
class AATLinear(nn.Linear):
    """Drop-in for nn.Linear: z_j = s_K(w_j ⊙ x) + b_j for every output j.

    The arguments up to dtype, the initialisation and the keys of the state_dict are those of nn.Linear.

    k          votes kept for each sample and output, 1 <= k <= in_features
    smoothing  None, "entropic" or "quadratic"; mu > 0 if and only if given (see `topk_sum`)
    backend    how the hard head is computed: one of aat.kernels.BACKENDS, or None for the fastest that fits

    At k = in_features without smoothing, or with the entropic one, it is nn.Linear bit for bit (O5).
    Raises InputError for another k, smoothing or mu, for sizes beyond memory, and for an input whose last dimension
    is not in_features, or whose dtype or device is not that of the weight (under autocast dtypes may differ).
    Source: Sun, Ravi & Singh, "Adaptive Activation Thresholding", ICCV 2019.

    >>> AATLinear(512, 365, k=5)
    AATLinear(in_features=512, out_features=365, bias=True, k=5, backend=...)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        k: int,
        smoothing: SmoothingName | None = None,
        mu: float | None = None,
        backend: str | None = None,
    ) -> None:
        check_k(k, in_features)
        check_smoothing(smoothing, mu)
        kernels.check(backend)
        check_device(device, dtype)
        if out_features < 0:
            raise InputError(f"out_features = {out_features}; expected at least 0; try the number of classes")
        with within_memory(f"a weight of {shown(out_features)} × {shown(in_features)} numbers"):
            super().__init__(in_features, out_features, bias, device, dtype)
        self.k = k
        self.smoothing = smoothing
        self.mu = mu
        self.backend = backend

    @classmethod
    @typed
    def from_linear(
        cls,
        linear: nn.Linear,
        k: int,
        smoothing: SmoothingName | None = None,
        mu: float | None = None,
        backend: str | None = None,
    ) -> Self:
        """Return an AATLinear that shares (does not copy) the parameters of `linear` and is in the same mode.

        Raises InputError for a wrong k, smoothing or mu, and for a linear layer under a parametrization.
        """
        if "weight" not in linear._parameters:
            kind = type(linear).__name__
            raise InputError(f"{kind} computes its weight; expected a plain parameter; try remove_parametrizations")
        has_bias = linear.bias is not None
        layer = cls(
            linear.in_features,
            linear.out_features,
            has_bias,
            device="meta",
            k=k,
            smoothing=smoothing,
            mu=mu,
            backend=backend,
        )
        layer.weight = linear.weight
        layer.bias = linear.bias
        return layer.train(linear.training)

    def votes(self, input: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch out n"]:
        """Return the votes v_j = w_j ⊙ x of the units for each output: (*batch, in) -> (*batch, out, in)."""
        self._check_input(input)
        return input.unsqueeze(-2) * self.weight

    def forward(self, input: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch out"]:
        """Return the outputs z: (*batch, in) -> (*batch, out)."""
        self._check_input(input)
        if self._dense:
            return nn.functional.linear(input, self.weight, self.bias)
        if self.smoothing is None or self.mu is None:
            backend = kernels.choose(input, self.k, self.backend)
            return operator.linear(input, self.weight, self.bias, self.k, backend)
        return smoothed.linear(input, self.weight, self.bias, self.k, self.smoothing, self.mu)

    @property
    def _dense(self) -> bool:
        return self.k == self.in_features and self.smoothing != "quadratic"

    def extra_repr(self) -> str:
        """Describe the layer: the arguments of nn.Linear, then k, smoothing and mu when set, and the backend."""
        smoothed = "" if self.smoothing is None else f", smoothing={self.smoothing!r}, mu={self.mu}"
        if self._dense:
            chosen = "dense"
        elif self.smoothing is not None:
            chosen = "chunked"
        else:
            chosen = kernels.choose(self.weight, self.k, self.backend)
        return f"{super().extra_repr()}, k={self.k}{smoothed}, backend={chosen!r}"

    def _check_input(self, input: Tensor) -> None:
        check_tensor("input", input)
        if input.shape[-1:] != (self.in_features,):
            given, expected = tuple(input.shape), f"(*batch, {self.in_features})"
            raise InputError(f"input of shape {given}; expected {expected}; try input.flatten(1) for feature maps")
        weight = self.weight
        if input.dtype != weight.dtype or input.device != weight.device:
            # the backends read memory as what the weight is
            rounded = input.is_floating_point() and input.dtype != torch.float64 and _autocast(input.device.type)
            if not rounded or input.device != weight.device:
                asked = f"{weight.dtype} on {weight.device}, as the weight"
                told = f"input of {input.dtype} on {input.device}; expected {asked}"
                raise InputError(f"{told}; try input.to(layer.weight)")


def _autocast(kind: str) -> bool:
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
