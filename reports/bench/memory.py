"""Peak memory of one forward+backward beyond its inputs and parameters, each way in a fresh process.

On Linux it is the growth of resident memory: the mark of its peak is set back (proc(5), ``clear_refs``) once inputs and
parameters are there and a call on two samples and two outputs has loaded all code, and read as ``VmHWM`` after the
call. The ``ru_maxrss`` of getrusage(2) will not do: a process starts with that of the one that started it, and it is
never set back. The kernel counts in pages, some of them late, so the number is good to about a megabyte. On CUDA it is
what PyTorch's allocator says: the peak of the allocated memory less that before.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path

import torch

from reports.bench.contest import Work
from reports.bench.head import DIRECTIONS, Case, call

_SELF = Path("/proc/self")


def extra_mb(ways: Iterable[str], case: Case, device: str) -> dict[str, float | None]:
    """Megabytes (10^6 bytes) by way, on Gaussian features; None: not to be measured here, or not enough memory."""
    return {way: _apart(way, case, device) for way in ways}


def _apart(way: str, case: Case, device: str) -> float | None:
    if "forkserver" not in get_all_start_methods():
        return None
    context = get_context("forkserver")
    # imported once, in the server; no process computes anything before its own task
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(_grown, way, case, device, torch.get_num_threads()).result()
        except BrokenProcessPool:
            return None


def _grown(way: str, case: Case, device: str, threads: int) -> float | None:
    torch.set_num_threads(threads)
    x = case.features("gaussian").to(device)
    call(way, case, 2, x[:2], DIRECTIONS[1])()
    work = call(way, case, case.O, x, DIRECTIONS[1])
    try:
        return (_grown_on_cuda if device == "cuda" else _grown_on_cpu)(work) / 1e6
    except (RuntimeError, MemoryError, OSError, ImportError):
        # allocators of PyTorch raise RuntimeError; without /proc there is nothing to read
        return None


def _grown_on_cuda(work: Work) -> int:
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def _grown_on_cpu(work: Work) -> int:
    import resource  # not on every system

    # an allocation beyond what is free fails, instead of taking the memory of others
    most = _bytes(_SELF / "status", "VmSize") + _bytes(Path("/proc/meminfo"), "MemAvailable")
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
    (_SELF / "clear_refs").write_text("5")
    before = _bytes(_SELF / "status", "VmRSS")
    work()
    return max(0, _bytes(_SELF / "status", "VmHWM") - before)


def _bytes(file: Path, field: str) -> int:
    """A field that is told in kibibytes."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
