"""``aat bench head``: one hard head by every backend, against its definition, the portable way and ``nn.Linear``.

Ways whose time grows with the votes they write down (the definition, and the backends ``reference`` and ``chunked``)
are timed on as many outputs as make about 2^24 votes, and their times scaled to all outputs: the work is the same for
each output. Every other way does the whole case. A timed round is as many calls as take about 50 ms. Ratios are of
medians; float32, ``torch.get_num_threads()`` threads; on CUDA, times are those between two events of the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from aat import AATLinear, InputError
from aat.device import device_name
from aat.kernels import BACKENDS
from reports.bench.contest import Contender, Work, cuda_seconds, medians, seconds

FEATURES = ("relu", "gaussian")
DIRECTIONS = ("forward", "forward+backward")
LINEAR, DEFINITION, PORTABLE = "nn.Linear", "definition", "chunked"
PEERS = (LINEAR, DEFINITION, PORTABLE)
# Ways that write the votes down, and so many of these are timed.
_WRITTEN, _VOTES = (DEFINITION, "reference", PORTABLE), 2**24
# Seconds of a timed round, and calls in it at most.
_ROUND, _CALLS = 0.05, 2_000

Head = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Case:
    """A batch of B samples of n features, O outputs that hear K of them each."""

    B: int
    n: int
    O: int  # noqa: E741
    K: int

    @property
    def name(self) -> str:
        """As tables and figures have it."""
        return f"B={self.B} n={self.n} O={self.O} K={self.K}"

    def share(self, way: str) -> float:
        """The part of the outputs on which a way is timed: a whole number of them."""
        return min(self.O, max(1, _VOTES // (self.B * self.n))) / self.O if way in _WRITTEN else 1.0

    def features(self, kind: str) -> Float[Tensor, "B n"]:
        """Standard normal numbers; ``relu``: the negative ones are 0, so that votes tie."""
        x = torch.randn(self.B, self.n, generator=torch.Generator().manual_seed(self.n))
        return x.relu() if kind == "relu" else x


CASES = (
    Case(256, 512, 365, 5),
    Case(256, 512, 1000, 10),
    Case(256, 2048, 1000, 10),
    Case(128, 64, 10, 5),
    Case(64, 512, 10, 25),
)


@dataclass(frozen=True)
class BenchRow:
    """One comparison.

    Attributes:
        case: the sizes.
        features: ``relu`` or ``gaussian``.
        direction: ``forward``, without gradients, or ``forward+backward``: gradients in x, weight and bias.
        backend, peer: who is compared.
        ms, peer_ms: median time of the whole case.
        ratio: ms / peer_ms where the peer is nn.Linear, which does less: how many times its time is taken; peer_ms / ms
            where the peer does the same: how many times faster the backend is.
        extra_mb, peer_extra_mb: peak memory of one forward+backward of the whole case beyond its inputs and parameters,
            in 10^6 bytes (:mod:`reports.bench.memory`); None where it was not measured or there was not enough of it.
        share: the part of the outputs on which the slower of the two was timed.
        threads: of PyTorch, on the CPU.
        device: in words.
    """

    case: str
    features: str
    direction: str
    backend: str
    peer: str
    ms: float
    peer_ms: float
    ratio: float
    extra_mb: float | None
    peer_extra_mb: float | None
    share: float
    threads: int
    device: str


def defined(layer: nn.Linear, k: int, x: Float[Tensor, "B n"]) -> Float[Tensor, "B O"]:
    """The head as anybody would write it: all votes, their K largest, the sum; ties as torch.topk breaks them."""
    z = (x.unsqueeze(1) * layer.weight).topk(k).values.sum(-1)
    return z if layer.bias is None else z + layer.bias


def backends(case: Case, device: str) -> list[str]:
    """Those that fit."""
    x = torch.empty(case.B, case.n, device=device)
    return [name for name, module in BACKENDS.items() if module.unfit(x, case.K) is None]


def ways(case: Case, device: str) -> list[str]:
    """All contenders: the peers, and the backends that fit."""
    return list(dict.fromkeys((*PEERS, *backends(case, device))))


def head(way: str, case: Case, outputs: int, device: str) -> tuple[Head, nn.Linear]:
    """The function of a way on so many outputs, and the layer with its parameters: as nn.Linear draws them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.n)
        layer = nn.Linear(case.n, outputs).to(device)
    if way == LINEAR:
        return layer, layer
    if way == DEFINITION:
        return partial(defined, layer, case.K), layer
    return AATLinear.from_linear(layer, case.K, backend=way), layer


def call(way: str, case: Case, outputs: int, x: Float[Tensor, "B n"], direction: str) -> Work:
    """One call on so many outputs."""
    function, layer = head(way, case, outputs, x.device.type)
    if direction == "forward":
        return torch.no_grad()(partial(function, x))
    x = x.detach().requires_grad_()
    g = torch.ones(len(x), outputs, device=x.device)
    return lambda: torch.autograd.grad(function(x), (x, layer.weight, layer.bias), g)


def contender(
    way: str, case: Case, x: Float[Tensor, "B n"], direction: str, clock: Callable[[Work], float]
) -> Contender:
    """A way with its share of the outputs, repeated so that a round lasts long enough to be timed."""
    share = case.share(way)
    once = call(way, case, round(share * case.O), x, direction)
    once()
    calls = min(_CALLS, math.ceil(_ROUND / max(clock(once), 1e-9)))

    def work() -> None:
        for _ in range(calls):
            once()

    return Contender(calls * share, work)


def rows(case: Case, features: str, rounds: int, device: str, extra: dict[str, float | None]) -> Iterator[BenchRow]:
    """Every backend that fits against every peer, both directions; ``extra``: memory by way, as far as it is known."""
    clock = cuda_seconds if device == "cuda" else seconds
    x, fit = case.features(features).to(device), backends(case, device)
    contenders, told = ways(case, device), device_name(device)
    for direction in DIRECTIONS:
        found = medians({way: contender(way, case, x, direction, clock) for way in contenders}, rounds, clock)
        for backend in fit:
            for peer in PEERS:
                if peer == backend:
                    continue
                ms, peer_ms = found[backend], found[peer]
                yield BenchRow(
                    case.name, features, direction, backend, peer, ms, peer_ms,
                    ms / peer_ms if peer == LINEAR else peer_ms / ms, extra.get(backend), extra.get(peer),
                    min(case.share(backend), case.share(peer)), torch.get_num_threads(), told,
                )  # fmt: skip


def check(device: str) -> None:
    """InputError unless PyTorch can compute there."""
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("PyTorch finds no CUDA device; expected one; try --device cpu")
