"""A run: the saved, self-describing result of simulating one method on one problem for some horizons."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy
import torch

from aat import InputError

SCHEMA = 1


def versions() -> dict[str, str]:
    """What computed a result."""
    return {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__,
            "torch": torch.__version__}  # fmt: skip


@dataclass(frozen=True)
class Horizon:
    """What was measured at one horizon T.

    Attributes:
        T: number of steps.
        eta: scale of the step size.
        values: the metric, one number a trial; for an exact run one number, the expectation.
        rounding: how far rounding may have moved an exact value; 0 for Monte Carlo, where sampling dominates.
        audit: constants measured along the run.
    """

    T: int
    eta: float
    values: tuple[float, ...]
    rounding: float
    audit: dict[str, float]


@dataclass(frozen=True)
class Run:
    """A result on a grid of horizons.

    Attributes:
        problem: family and data.
        method: update rule and head.
        metric: what was measured.
        engine: ``exact`` (all sample paths) or ``monte_carlo``.
        samples: N.
        seed: the run's seed; the streams are derived from it and the names above.
        constants: declared by the problem.
        convex: whether the problem is declared convex.
        horizons: one entry for each T, increasing.
        key: fingerprint of what was asked for; a saved run is taken up again only under the same key.
        versions: of the libraries that computed it.
        schema: version of this format.
    """

    problem: str
    method: str
    metric: str
    engine: Literal["exact", "monte_carlo"]
    samples: int
    seed: int
    constants: dict[str, float]
    convex: bool
    horizons: tuple[Horizon, ...]
    key: str = ""
    versions: dict[str, str] = field(default_factory=versions)
    schema: int = SCHEMA

    def save(self, path: Path) -> None:
        """Write the run as JSON, whole or not at all."""
        write_whole(path, json.dumps(asdict(self), indent=1, ensure_ascii=False))

    @classmethod
    def load(cls, path: Path) -> Run:
        """Read a saved run.

        Raises:
            InputError: the file is not a run of this version.
        """
        try:
            fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if fields["schema"] != SCHEMA:
                raise InputError(f"{path} has schema {fields['schema']}; expected {SCHEMA}; run the claim again")
            horizons = tuple(Horizon(**{**h, "values": tuple(h["values"])}) for h in fields.pop("horizons"))
            return cls(horizons=horizons, **fields)
        except InputError:
            raise
        except (OSError, UnicodeDecodeError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{path} is not a saved run ({error}); delete it and run the claim again") from None


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` so that a reader, or an interruption, never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def fingerprint(*parts: object) -> str:
    """A short digest of what was asked for."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()
