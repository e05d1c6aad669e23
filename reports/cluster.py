"""Many machines: the cells of a study on the workers of a Dask cluster, through joblib's backend (extra ``dask``).

A worker needs this package, and a user's file or data at the path by which the cell names it; results come back over
the network and are saved where ``aat verify`` was started, so the workers need not share its folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import joblib

from aat import InputError


@contextmanager
def on_cluster(address: str | None) -> Iterator[None]:
    """Inside, :meth:`reports.study.Study.run` uses the cluster of the scheduler at ``address``; none if ``None``.

    Raises:
        InputError: Dask is not installed, or no scheduler answers.
    """
    if address is None:
        yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise InputError("a cluster needs Dask; try: pip install 'aat-sgd[dask]'") from None
    try:
        client = Client(address, timeout=10, set_as_default=True)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"no scheduler at {address!r} ({reason}); expected e.g. tcp://host:8786; try dask scheduler"
        ) from None
    with client, joblib.parallel_config(backend="dask"):
        yield
