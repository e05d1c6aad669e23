"""What tests of the operator share: random numbers of their own, and the backends."""

from collections.abc import Iterator

import pytest
import torch

from aat.kernels import cpu

NAMES = ["reference", "chunked", pytest.param("cpu", marks=pytest.mark.skipif(not cpu.library(), reason="not built"))]


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture(params=NAMES)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)
