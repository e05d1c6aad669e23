"""Heads in threads and processes, and over many calls: no call disturbs another, nothing hangs, nothing leaks."""

import gc
import multiprocessing
import pickle
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import aat
from aat.kernels import BACKENDS, cpu

compiled = pytest.mark.skipif(not cpu.library(), reason="the compiled head was not built")


def _resident() -> int:
    """Bytes of memory held now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@compiled
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="not Linux")
def test_calls_do_not_leak() -> None:
    layer = aat.AATLinear(40, 20, k=5, backend="cpu")
    x = torch.randn(8, 40, requires_grad=True)

    def work(times: int) -> None:
        for _ in range(times):
            layer(x).sum().backward()

    work(1000)
    gc.collect()
    before = _resident()
    work(10_000)
    gc.collect()
    assert _resident() - before < 4 * 2**20


def test_layers_in_eight_threads_do_not_disturb_each_other(backend: str) -> None:
    layers = [aat.AATLinear(60, 30, k=k, backend=backend) for k in range(1, 9)]
    x = torch.randn(20, 60)

    def work(i: int) -> list[Tensor]:
        own = x.clone().requires_grad_()
        z = layers[i % 8](own)
        return [z, *torch.autograd.grad((z**2).sum(), [own, *layers[i % 8].parameters()])]

    alone = [work(i) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for i, found in enumerate(pool.map(work, range(160))):
            assert all(map(torch.equal, found, alone[i % 8]))


def _halves(layer: aat.AATLinear, x: Tensor) -> list[Tensor]:
    w = layer.weight.detach()
    z, threshold, ties = BACKENDS["cpu"].forward(x, w, None, layer.k)
    return [z, *BACKENDS["cpu"].backward(torch.ones_like(z), x, w, threshold, ties)]


def _child(layer: aat.AATLinear, x: Tensor, results: Any) -> None:
    # without autograd, which may refuse to work in a forked process
    torch.set_num_threads(1)
    results.send_bytes(pickle.dumps([part.numpy() for part in _halves(layer, x)]))


@compiled
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_does_not_hang() -> None:
    """As a DataLoader's workers are made: after the parent has computed with several threads."""
    layer = aat.AATLinear(60, 200, k=5, backend="cpu")
    x = torch.randn(500, 60)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        wanted = _halves(layer, x)
    finally:
        torch.set_num_threads(before)
    fork = multiprocessing.get_context("fork")
    receive, send = fork.Pipe(duplex=False)
    child = fork.Process(target=_child, args=(layer, x, send), daemon=True)
    child.start()
    try:
        assert receive.poll(30), "the child hangs"
        found = pickle.loads(receive.recv_bytes())
    finally:
        child.kill()
        child.join()
    torch.testing.assert_close([torch.from_numpy(part) for part in found], wanted)
