"""Every backend against the definition: scores, thresholds, masks and gradients, ties by the lowest unit."""

import ctypes
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import EXTENSION_SUFFIXES
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from aat import InputError, kernels
from aat.kernels import cpu

BUILDS = [
    path
    for build in ("generic", "avx2", "avx512")
    for suffix in EXTENSION_SUFFIXES
    if (path := Path(cpu.__file__).with_name(f"_head_{build}{suffix}")).exists()
]
RUNNABLE = {"DEFAULT": 1, "NO AVX": 1, "AVX2": 2, "AVX512": 3}.get(torch.backends.cpu.get_cpu_capability(), 1)
NAMES = ["reference", "chunked", *(path.name.split(".")[0] for path in BUILDS[:RUNNABLE]), "triton"]


@pytest.fixture(params=NAMES)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a backend; of the compiled one each build that this processor runs."""
    if request.param == "triton":
        pytest.importorskip("triton")
        # its interpreter computes with NumPy, which warns of what PyTorch passes on
        with np.errstate(all="ignore"):
            yield "triton"
    elif request.param.startswith("_head"):
        (path,) = (path for path in BUILDS if path.name.startswith(request.param + "."))
        library = cpu._declared(ctypes.CDLL(str(path)))
        monkeypatch.setattr(cpu, "library", lambda: library)
        yield "cpu"
    else:
        yield str(request.param)


Case = tuple[Tensor, Tensor, Tensor, int]


@st.composite
def cases(draw: st.DrawFn, small: bool) -> Case:
    """Features, weights, a gradient and K: of every size, with ties, zeros of both signs, denormals, far scales."""
    kind = draw(st.sampled_from([torch.float32, torch.float64]))
    samples, outputs = draw(st.integers(1, 2 if small else 5)), draw(st.integers(1, 5 if small else 37))
    units = draw(st.integers(1, 12 if small else 40))
    k = draw(st.integers(1, min(units, 64)) | st.sampled_from([1, min(units, 64)]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from(["normal", "relu", "whole", "equal", "zero", "negative", "repeated", "signed zeros"]))
    x, w = random.normal(size=(samples, units)), random.normal(size=(outputs, units))
    if shape == "relu":
        x = np.maximum(x, 0)
    elif shape == "whole":
        x, w = np.round(x), np.round(w)
    elif shape == "equal":
        x, w = np.full_like(x, 0.5), np.full_like(w, -0.25 if draw(st.booleans()) else 0.25)
    elif shape == "zero":
        x = x * (random.random((samples, 1)) < 0.5)
    elif shape == "negative":
        x, w = -np.abs(x), np.abs(w)
    elif shape == "repeated":
        x, w = x[:, np.arange(units) // 2], w[:, np.arange(units) // 2]
    elif shape == "signed zeros":
        x, w = np.where(random.random(x.shape) < 0.6, 0.0, x), np.where(random.random(w.shape) < 0.6, -0.0, w)
    # products stay normal numbers or are denormal, but do not overflow
    scale = draw(st.sampled_from([1.0, 1.0, 1e-30, 1e30, 1e-20]))
    g = random.normal(size=(samples, outputs))
    x, w = x * scale, w / (scale if abs(np.log10(scale)) > 25 else 1)
    return torch.tensor(x, dtype=kind), torch.tensor(w, dtype=kind), torch.tensor(g, dtype=kind), k


def defined(x: Tensor, w: Tensor, k: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The votes, rounded as the tensors are, and the mask: the K largest, equal ones by the lowest unit."""
    votes = (x.unsqueeze(1) * w).numpy()
    order = np.argsort(-votes, axis=-1, kind="stable")[..., :k]
    mask = np.zeros(votes.shape, dtype=bool)
    np.put_along_axis(mask, order, True, axis=-1)
    return votes.astype(np.float64), mask


def close(found: Tensor, terms: NDArray[np.float64], axis: int, name: str) -> None:
    """A sum of terms, to rounding relative to the sum of their sizes."""
    wanted, size = terms.sum(axis), np.abs(terms).sum(axis)
    rounding = 1e-6 if found.dtype == torch.float32 else 1e-14
    tiny = torch.finfo(found.dtype).smallest_normal
    error = np.abs(found.double().numpy() - wanted)
    assert (error <= rounding * size + tiny).all(), f"{name} is off by {error.max():.3g}"


def agree(backend: str, x: Tensor, w: Tensor, g: Tensor, k: int) -> None:
    votes, mask = defined(x, w, k)
    module = kernels.BACKENDS[backend]
    z, threshold, ties = module.forward(x, w, None, k)
    close(z, np.where(mask, votes, 0.0), -1, "z")
    lowest = np.where(mask, votes, np.inf).min(-1)
    assert np.array_equal(threshold.double().numpy(), lowest)
    equal = votes == lowest[..., None]
    kept = (equal & mask).sum(-1)
    assert np.array_equal(ties.numpy(), np.where(kept < equal.sum(-1), kept, 0))
    dx, dw, db = module.backward(g, x, w, threshold, ties)
    heard = np.where(mask, g.double().numpy()[..., None], 0.0)
    close(dx, heard * w.double().numpy(), 1, "dx")
    close(dw, heard * x.double().numpy()[:, None], 0, "dw")
    close(db, g.double().numpy(), 0, "db")
    shifted = module.forward(x, w, g[0], k)[0]
    torch.testing.assert_close(shifted, z + g[0])


def test_every_backend_is_the_definition(backend: str) -> None:
    slow = backend == "triton"

    @settings(max_examples=15 if slow else 60)
    @given(cases(small=slow))
    def check(case: Case) -> None:
        agree(backend, *case)

    check()


# The compiled backend has a list for each of these; the program of Triton is one for every K, and interpreted slowly.
LISTS = [*range(1, 17), 20, 25, 26, 32, 33, 48, 49, 63, 64]


def test_every_list_of_largest_votes(backend: str) -> None:
    random = torch.Generator().manual_seed(0)
    samples, outputs, lists = (2, 5, [1, 6, 33, 64]) if backend == "triton" else (3, 18, LISTS)
    for k, more in product(lists, (0, 1, 136)):
        units = k + more
        x = torch.randn(samples, units, generator=random).relu()
        w, g = torch.randn(outputs, units, generator=random), torch.randn(samples, outputs, generator=random)
        agree(backend, x, w, g, k)


def test_many_samples_share_out_the_work(backend: str) -> None:
    random = torch.Generator().manual_seed(0)
    samples = 2 if backend == "triton" else 1500
    for outputs, threads in ((3, 4), (40, 1)) if backend == "triton" else ((3, 4), (70, 3), (70, 1)):
        x = torch.randn(samples, 90, generator=random).relu()
        w, g = torch.randn(outputs, 90, generator=random), torch.randn(samples, outputs, generator=random)
        with _threads(threads):
            agree(backend, x, w, g, 7)


@pytest.mark.parametrize("backend", [name for name in NAMES if name.startswith("_head")], indirect=True)
@pytest.mark.parametrize("threads", [2, 4])
def test_threads_that_share_out_outputs_and_samples_find_what_one_finds(backend: str, threads: int) -> None:
    random = torch.Generator().manual_seed(0)
    x, w = torch.randn(260, 1200, generator=random).relu(), torch.randn(320, 1200, generator=random)
    # a head that hears all that is left of it, and ties at 0; and one that is all ties
    x[7, 3:], x[259] = 0, 0
    g, module = torch.randn(260, 320, generator=random), kernels.BACKENDS[backend]
    with _threads(1):
        alone = module.forward(x, w, None, 7)
        gradients = module.backward(g, x, w, *alone[1:])
    with _threads(threads):
        together = module.forward(x, w, None, 7)
        assert all(map(torch.equal, together, alone))
        for found, wanted in zip(module.backward(g, x, w, *alone[1:]), gradients, strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-4)


def test_nothing_to_do(backend: str) -> None:
    module = kernels.BACKENDS[backend]
    for samples, outputs in ((0, 3), (2, 0), (0, 0)):
        x, w = torch.ones(samples, 4), torch.ones(outputs, 4)
        z, threshold, ties = module.forward(x, w, None, 2)
        assert z.shape == threshold.shape == ties.shape == (samples, outputs)
        dx, dw, db = module.backward(z, x, w, threshold, ties)
        assert not dx.any()
        assert not dw.any()
        assert not db.any()


@pytest.mark.parametrize("bad", [torch.nan, math.copysign(torch.nan, -1), torch.inf, -torch.inf])
def test_what_is_not_finite_is_passed_on(backend: str, bad: float) -> None:
    x, w = torch.ones(2, 5), torch.ones(3, 5)
    x[1, 2] = bad
    w[2, 0] = bad
    votes = x.unsqueeze(1) * w
    wanted = votes.topk(2).values.sum(-1)
    z, *_ = kernels.BACKENDS[backend].forward(x, w, None, 2)
    assert torch.equal(z.isnan(), wanted.isnan())
    assert torch.equal(z.nan_to_num(), wanted.nan_to_num())


def test_zeros_of_both_signs_tie(backend: str) -> None:
    x, w = torch.tensor([[-0.0, 0.0, 1.0, 0.0, -1.0]]), torch.ones(1, 5)
    agree(backend, x, w, torch.ones(1, 1), 3)


def test_products_that_overflow(backend: str) -> None:
    x, w = torch.tensor([[1e30, 1.0, 1e30, 2.0]]), torch.tensor([[1e30, 1.0, -1e30, 1.0]])
    z, threshold, _ = kernels.BACKENDS[backend].forward(x, w, None, 2)
    assert z.tolist() == [[torch.inf]]
    assert threshold.tolist() == [[2.0]]


def test_triton_compiles_for_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("triton")
    elsewhere = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", COMPILE], env=elsewhere, check=True, timeout=120)


# In a process of its own, where the programs are not the interpreter's. An argument that is 1 becomes a constant.
COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from aat.kernels import triton_kernels as kernels

def build(program, number, sizes, given, fixed):
    ties = {"ties": "*i8"}
    pointers = dict.fromkeys((name for name in program.arg_names if name not in (*sizes, *fixed)), "*" + number)
    sizes = {name: "constexpr" if name in given else "i32" for name in sizes}
    signature = pointers | ties | sizes | dict.fromkeys(fixed, "constexpr")
    source = ASTSource(program, {name: signature[name] for name in program.arg_names}, given | fixed)
    assert triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["ptx"]

ones = {"k": 1, "outputs": 1, "count": 1, "outer": 1, "inner": 1}
for number, bits, given in (("fp32", 32, {}), ("fp64", 64, {}), ("fp32", 32, ones)):
    tile = {"BITS": bits, "ROWS": 4, "UNITS": 256}
    for program, sizes in ((kernels.forward, ("outputs", "units", "k")),
                           (kernels.backward, ("count", "outer", "inner", "units"))):
        ones = {name: 1 for name in given if name in sizes}
        fixed = {name: size for name, size in tile.items() if name in program.arg_names}
        build(program, number, sizes, ones, fixed)
"""


def test_calls_at_once_do_not_disturb_each_other(backend: str) -> None:
    if backend == "triton":
        pytest.skip("the interpreter is not re-entrant")
    random = torch.Generator().manual_seed(1)
    inputs = [
        (torch.randn(40, 60, generator=random), torch.randn(30, 60, generator=random), int(k)) for k in range(1, 9)
    ]
    module = kernels.BACKENDS[backend]

    def work(i: int) -> list[Tensor]:
        x, w, k = inputs[i % 8]
        z, threshold, ties = module.forward(x, w, None, k)
        return [z, *module.backward(torch.ones_like(z), x, w, threshold, ties)]

    alone = [work(i) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for i, found in enumerate(pool.map(work, range(400))):
            assert all(map(torch.equal, found, alone[i % 8]))


def test_a_half_of_one_backend_goes_with_the_half_of_another(backend: str) -> None:
    x, w = torch.randn(4, 9).round(), torch.randn(6, 9).round()
    z, threshold, ties = kernels.BACKENDS[backend].forward(x, w, None, 3)
    found = kernels.BACKENDS["reference"].backward(torch.ones_like(z), x, w, threshold, ties)
    own = kernels.BACKENDS[backend].backward(torch.ones_like(z), x, w, threshold, ties)
    for one, other in zip(found, own, strict=True):
        torch.testing.assert_close(one, other)


def test_the_choice() -> None:
    x = torch.ones(2, 100)
    assert kernels.choose(x, 3, "reference") == "reference"
    assert kernels.choose(x, 65) == "chunked"
    assert kernels.choose(x, 3) == ("cpu" if BUILDS else "chunked")
    with pytest.raises(InputError, match="unknown backend 'fast'; expected one of reference, chunked, cpu, triton"):
        kernels.choose(x, 3, "fast")
    with pytest.raises(InputError, match="does not fit: k = 65 > 64"):
        kernels.choose(x, 65, "cpu")


def test_without_a_compiler_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "library", lambda: None)
    with pytest.warns(kernels.CompiledHeadMissing, match="slower"):
        assert kernels.choose(torch.ones(2, 5), 3) == "chunked"


class _threads:
    """Inside, PyTorch has that many threads."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __enter__(self) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(self.count)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self.before)
