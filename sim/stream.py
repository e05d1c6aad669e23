"""The random stream that all engines share: a sample index for each step and trial, computed from their numbers alone.

Step t of key κ has the stream SplitMix64 seeded with ``mix(κ + (t+1)γ)``, of which trial j takes output j. A draw thus
depends on (κ, t, j) only: not on the engine, the number of trials, their order, or the core that computes it.

Everything is 64-bit integer arithmetic that wraps, written with signed operators: the same source runs on torch
tensors, and compiled on single numbers. Reference: Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", 2014 (with the constants of Stafford's variant 13).
"""

from __future__ import annotations

from typing import TypeVar

import torch
from jaxtyping import Int
from torch import Tensor

# γ = 0x9E3779B97F4A7C15 of SplitMix64, and the two multipliers of its finaliser, as signed numbers.
GAMMA = -7046029254386353131
_FIRST = -4658895280553007687
_SECOND = -7723592293110705685

Word = TypeVar("Word", int, Tensor)


def mix(z: Word) -> Word:
    """The finaliser of SplitMix64, a bijection of 64-bit words; shifts are made logical by their masks."""
    z = (z ^ ((z >> 30) & 0x3FFFFFFFF)) * _FIRST
    z = (z ^ ((z >> 27) & 0x1FFFFFFFFF)) * _SECOND
    return z ^ ((z >> 31) & 0x1FFFFFFFF)


def scaled(z: Word, samples: int, bits: int) -> Word:
    """An index in [0, N) from the upper bits of a word: ``⌊N·b / 2^bits⌋``; each has a share of 1/N within 2^−bits."""
    return (((z >> (64 - bits)) & ((1 << bits) - 1)) * samples) >> bits


def precision(samples: int) -> int:
    """The number of bits that :func:`scaled` can use without overflow: at least 32 for N < 2³¹."""
    return 63 - samples.bit_length()


def sample_indices(key: int, first: int, steps: int, trials: int, samples: int) -> Int[Tensor, "steps trials"]:
    """The samples that trials 0 … ``trials`` − 1 draw at steps ``first`` … ``first + steps`` − 1.

    Args:
        key: any 64-bit signed integer, see :func:`aat.seeds.key`.
        first: number of the first step, ≥ 0.
        steps: how many.
        trials: how many.
        samples: N, in [1, 2³¹).
    """
    step = torch.arange(first + 1, first + steps + 1)[:, None]
    trial = torch.arange(1, trials + 1)
    return scaled(mix(mix(step * GAMMA + key) + trial * GAMMA), samples, precision(samples))
