"""Which samples a step sees: minibatches with or without replacement, or random reshuffling.

All three draw B positions from a pool of samples. With replacement and without, the pool is always whole; reshuffling
takes out what it has drawn until the pool is empty, at the end of an epoch. The randomness is finite, so the exact
engine can enumerate it: at each step the choices are the same multisets or subsets of positions in the pool.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, combinations_with_replacement
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from aat.checks import shown
from aat.typed import typed
from sim.stream import sample_indices

Kind = Literal["with replacement", "without replacement", "reshuffling"]

# Steps whose samples are drawn at a time.
_CHUNK = 4096


@typed
@dataclass(frozen=True)
class Sampling:
    """How the B samples of a step are drawn.

    Attributes:
        kind: one of :data:`Kind`; ``reshuffling`` takes every sample once an epoch, in a new random order.
        batch: B ≥ 1.

    Raises:
        InputError: from the constructor, when one of these is not so.

    >>> Sampling("without replacement", 2).paths(samples=4, horizon=3)
    216
    """

    kind: Kind = "with replacement"
    batch: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or self.kind not in get_args(Kind):
            raise InputError(f"sampling {shown(self.kind)}; expected one of {', '.join(get_args(Kind))}")
        if isinstance(self.batch, bool) or not isinstance(self.batch, int) or self.batch < 1:
            raise InputError(f"batch = {self.batch!r}; expected an integer ≥ 1; try batch=1")

    def check(self, samples: int) -> None:
        """InputError unless N samples can be drawn from like this."""
        if self.kind != "with replacement" and self.batch > samples:
            raise InputError(f"batch = {self.batch} of {samples} samples {self.kind}; expected at most {samples}")
        if self.reshuffled and samples % self.batch:
            raise InputError(f"batch = {self.batch} does not divide {samples} samples; expected whole epochs")

    @property
    def reshuffled(self) -> bool:
        """Whether the steps of an epoch depend on each other: what is drawn is taken out."""
        return self.kind == "reshuffling"

    @property
    def name(self) -> str:
        """In words; empty for one sample with replacement, which is what SGD does unless said otherwise."""
        if self == Sampling():
            return ""
        return self.kind if self.batch == 1 else f"B={self.batch} {self.kind}"

    def variance_share(self, samples: int) -> float:
        """Variance of a minibatch's mean gradient over that of one sample's (claims R11r, R11).

        Reshuffling: 1, since its claims speak of the variance over the terms.
        """
        if self.kind == "with replacement":
            return 1 / self.batch
        if self.reshuffled or samples == 1:
            return float(self.reshuffled)
        return (samples - self.batch) / (self.batch * (samples - 1))

    def epoch(self, samples: int) -> int:
        """Steps of an epoch; 1 where steps do not depend on each other."""
        return samples // self.batch if self.reshuffled else 1

    # --- All draws ---

    def pool(self, samples: int, t: int) -> int:
        """How many samples are left to draw from at step t."""
        return samples - t * self.batch % samples if self.reshuffled else samples

    def choices(self, pool: int) -> tuple[Int[Tensor, "choices B"], Float[Tensor, " choices"]]:
        """Every choice of B positions in a pool, order ignored, with its probability."""
        return _choices(self.kind == "with replacement", pool, self.batch)

    def choice_count(self, pool: int) -> int:
        """How many :meth:`choices` there are."""
        return math.comb(pool + self.batch - 1 if self.kind == "with replacement" else pool, self.batch)

    def nodes(self, samples: int, horizon: int) -> list[int]:
        """How many different histories there are before step 0, 1, … horizon."""
        counts = [1]
        for t in range(horizon):
            counts.append(counts[-1] * self.choice_count(self.pool(samples, t)))
        return counts

    def paths(self, samples: int, horizon: int) -> int:
        """How many different histories of T steps there are."""
        return self.nodes(samples, horizon)[-1]

    # --- Random draws ---

    def draws(self, key: int, steps: int, trials: int, samples: int) -> Iterator[Int[Tensor, "trials B"]]:
        """The samples of each trial's step 0, 1, … ``steps`` − 1, from the stream of :mod:`sim.stream` of that key."""
        epoch = self.epoch(samples)
        for first in range(0, steps, _CHUNK):
            chunk = min(_CHUNK, steps - first)
            if self.kind == "with replacement":
                yield from sample_indices(key, first, chunk, trials * self.batch, samples).unflatten(1, (trials, -1))
                continue
            for t in range(first, first + chunk):
                if t % epoch == 0:
                    # random words in order are a random order; two of 30 bits are equal once in a thousand million
                    words = sample_indices(key, t, 1, trials * samples, 2**30).unflatten(1, (trials, -1))[0]
                    order = words.argsort(dim=-1, stable=True)
                place = t % epoch * self.batch
                yield order[:, place : place + self.batch]


@lru_cache(maxsize=64)
def _choices(replacement: bool, pool: int, batch: int) -> tuple[Tensor, Tensor]:
    combined = list((combinations_with_replacement if replacement else combinations)(range(pool), batch))
    if replacement:
        ways = [math.factorial(batch) / math.prod(math.factorial(c.count(i)) for i in set(c)) for c in combined]
        weights = torch.tensor(ways, dtype=torch.float64) / float(pool) ** batch
    else:
        weights = torch.full((len(combined),), 1 / len(combined), dtype=torch.float64)
    return torch.tensor(combined), weights
