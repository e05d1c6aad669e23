"""Seeds by name: what is run determines its randomness, so that a row can be run again alone."""

from __future__ import annotations

import hashlib

import torch


def generator(*names: object) -> torch.Generator:
    """A generator seeded by the names of what it is for.

    >>> a, b = generator("digits", 7), generator("digits", 7)
    >>> bool(torch.rand(1, generator=a) == torch.rand(1, generator=b))
    True
    """
    return torch.Generator().manual_seed(key(*names))


def key(*names: object) -> int:
    """A 63-bit number, the digest of the names; also the key of a counter-based stream."""
    text = "/".join(str(name) for name in names)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
