"""The lane engine: SGD on the built-in losses, compiled, many trials abreast on every core.

It does what the generic engine does, on the same random stream, with the same rule for ties; the generic engine is the
reference, and tests hold the two against each other. Cores are shared out as PyTorch's are: one thread for each of
``torch.get_num_threads()``, so that a worker process that sets it to 1 stays on its core.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from aat import InputError
from aat.checks import shown
from sim import lane_kernels as kernels
from sim.lane_kernels import LANES, Loss
from sim.methods import SGD, Method
from sim.problems import Logistic, Monotone, Problem, Routing, Softmax
from sim.results import Backend
from sim.stream import precision

# A place among the largest votes is a register: more of them spill, and the generic engine's sort wins.
MOST_PLACES = 16
# Steps between two signs of progress, at each of which an interruption is heard.
_CHUNK = 4096
# Parts into which each core's share of what is surveyed is cut, so that no core waits long for another.
_PARTS = 8
# Sample paths that are walked from the start, so that there is work for all lanes and cores.
_PREFIXES = 512

_LOSSES: dict[type[Problem], int] = {
    Routing: kernels.ROUTING,
    Monotone: kernels.LOGISTIC,
    Logistic: kernels.LOGISTIC,
    Softmax: kernels.SOFTMAX,
}
_HEADS = {None: kernels.HARD, "entropic": kernels.ENTROPIC, "quadratic": kernels.QUADRATIC}

BACKENDS = get_args(Backend)

Item = TypeVar("Item")
Result = TypeVar("Result")


def fits(problem: Problem, method: Method) -> bool:
    """Whether this engine can run ``method`` on ``problem``: plain SGD, a built-in loss, and K ≤ 15 or K = n."""
    return type(method) is SGD and type(problem) in _LOSSES and not problem.raised and _places(problem) <= MOST_PLACES


def choose(asked: Backend | None, problem: Problem, method: Method, *, plain: bool = True, worth: bool) -> Backend:
    """The engine that is asked for; or else the lanes where they fit and are worth it.

    Args:
        asked: the engine, if one is asked for.
        problem: what to minimise.
        method: the update rule.
        plain: whether steps draw one sample with replacement and take its own gradient, and averages are uniform.
        worth: whether there is enough to do.

    Raises:
        InputError: the lanes are asked for, and do not fit.
    """
    if asked is not None and not (isinstance(asked, str) and asked in BACKENDS):
        raise InputError(f"backend = {shown(asked)}; expected one of {', '.join(BACKENDS)}; try backend=None")
    able = plain and fits(problem, method)
    if asked == "lanes" and not able:
        given = problem.method_name(method.name)
        families = ", ".join(family.family for family in _LOSSES)
        expected = f"plain SGD with one sample a step and uniform averages, on {families}, K = n or K < {MOST_PLACES}"
        raise InputError(f"{given} on {problem.name} does not fit the lanes; expected {expected}; try backend='torch'")
    return asked or ("lanes" if able and worth else "torch")


def _places(problem: Problem) -> int:
    """The largest votes that matter: K for a hard head, one more for a soft one, none where all are heard."""
    return 0 if problem.dense else problem.k + (problem.smoothing is not None)


def loss_of(problem: Problem) -> Loss:
    """The problem in the kernels' words."""
    family = _LOSSES[type(problem)]
    dense = problem.dense
    mu = problem.mu or 1.0
    padding = kernels.padded(problem.features) - problem.features
    return Loss(
        x=np.pad(problem.x.numpy(), ((0, 0), (0, padding)), constant_values=1.0).ravel(),
        y=problem.y.double().numpy(),  # type: ignore[attr-defined]
        support=_packed(problem.support) if isinstance(problem, Routing) else np.empty(0, np.int64),
        select=0 if dense else kernels.selector(_places(problem)).address,
        features=problem.features,
        heads=problem.heads,
        k=problem.k,
        head=kernels.DENSE if dense else _HEADS[problem.smoothing],
        loss=family,
        mu=mu,
        # a quadratic head that hears every vote takes (μ/2)‖1‖² off the sum (O8)
        offset=-mu * problem.features / 2 if dense and problem.smoothing == "quadratic" else 0.0,
        ridge=float(problem.ridge),
    )


def _packed(support: Bool[Tensor, "N n"]) -> NDArray[np.int64]:
    """Rows of booleans as bits, 64 to a word, the first unit lowest."""
    bits = np.packbits(support.numpy(), axis=1, bitorder="little")
    return np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8))).view("<i8").astype(np.int64).ravel()


class _Workshop(NamedTuple):
    """What every task needs: the loss, and how many largest votes its head looks at."""

    loss: Loss
    places: int

    @classmethod
    def of(cls, problem: Problem) -> _Workshop:
        return cls(loss_of(problem), _places(problem))

    def memory(self, points: int) -> tuple[NDArray[np.float64], NDArray[np.int64], kernels.Rows]:
        return kernels.memory(self.loss, self.places, points)

    def fill(self, m: NDArray[np.float64], row: int, point: Float[Tensor, " dim"]) -> None:
        """Set a point of all lanes, padding left alone."""
        heads, n = self.loss.heads, self.loss.features
        rows = m[row : row + heads * kernels.padded(n)].reshape(heads, -1, LANES)
        rows[:, :n] = point.reshape(heads, n, 1).numpy()


@contextmanager
def _cores() -> Iterator[Callable[[Callable[[Item], Result], Iterable[Item]], list[Result]]]:
    """A map over all cores; kernels release the GIL."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:

        def over(task: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
            return list(pool.map(task, items))

        yield over


def warm() -> None:
    """Have the kernels of trials at hand: compiled in half a minute once, loaded in a second from then on."""
    one = torch.ones(1, 1, dtype=torch.float64)
    problem = Logistic(x=one, y=one[0], k=1, start=one[0], comparator=one[0])
    Surveyed(problem).objective(trajectories(problem, [1.0], torch.ones(1, 1, dtype=torch.int64), False, 0)[0])


def trajectories(
    problem: Problem,
    sizes: list[float],
    times: Int[Tensor, "looks trials"],
    averaged: bool,
    stream: int,
    progress: Callable[[int], object] | None = None,
) -> Float[Tensor, "looks trials dim"]:
    """Where trials of SGD are at given times.

    Args:
        problem: one that :func:`fits`.
        sizes: η_0 … η_{T−1}.
        times: for each look and trial the step t at which to look, 0 ≤ t ≤ T.
        averaged: whether to look at the averages of w_0 … w_t, or at the iterates w_t.
        stream: key of the random stream.
        progress: called with a number of finished steps.
    """
    shop, trials, last = _Workshop.of(problem), times.shape[1], int(times.max())
    points = np.empty((*times.shape, problem.dimension))
    firsts = range(0, trials, LANES)
    one, index, at = shop.memory(2)
    shop.fill(one, at.points, problem.w0)
    shop.fill(one, at.points + at.units * problem.heads, torch.zeros_like(problem.w0))
    m, index = kernels.aligned(len(firsts), len(one)), np.repeat(index[None], len(firsts), 0)
    m[:] = one
    looks = np.ascontiguousarray(times.numpy())
    # stable, so that it is linear in looks that are in order already
    orders = [np.argsort(looks[:, first : first + LANES], axis=None, kind="stable") for first in firsts]
    done = [0] * len(firsts)
    signed = -np.array(sizes[:last], dtype=np.float64)
    bits = precision(problem.samples)
    with _cores() as over:
        for begin in range(0, last + 1, _CHUNK):
            stop = min(begin + _CHUNK, last + 1)

            def run(block: int, begin: int = begin, stop: int = stop) -> None:
                task = (averaged, stream, bits, firsts[block], begin, stop, signed, looks, orders[block], done[block])
                done[block] = kernels.walk(shop.loss, m[block], index[block], at, *task, points)

            over(run, range(len(firsts)))
            if progress and min(stop, last) > begin:
                progress(min(stop, last) - begin)
    return torch.from_numpy(points)


class Surveyed:
    """A problem whose full objective and gradient are computed by the lane engine; everything else is its own."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._shop = _Workshop.of(problem)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._problem, name)

    def objective(self, w: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
        """F(w)."""
        return self._survey(w, kernels.VALUE)[0]

    def full_gradient(self, w: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
        """∇F(w)."""
        return self._survey(w, kernels.SLOPE)[1]

    def both(self, w: Float[Tensor, "batch dim"]) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch dim"]]:
        """F(w) and ∇F(w), in one pass over the samples."""
        return self._survey(w, kernels.BOTH)

    def _survey(self, w: Tensor, wanted: int) -> tuple[Tensor, Tensor]:
        points, shop = w.detach().contiguous().numpy(), self._shop
        values, slopes = np.empty(len(points)), np.empty(points.shape if wanted != kernels.VALUE else (0, 1))

        size = LANES * math.ceil(len(points) / (LANES * _PARTS * torch.get_num_threads()))

        def run(first: int) -> None:
            part = slice(first, first + size)
            kernels.survey(shop.loss, *shop.memory(2), points[part], wanted, values[part], slopes[part])

        with _cores() as over:
            over(run, range(0, len(points), max(size, 1)))
        return torch.from_numpy(values), torch.from_numpy(slopes)


class Enumerated(NamedTuple):
    """Sums over all sample paths.

    Attributes:
        total: the expectation of the metric, summed over times.
        largest: of its absolute values.
        far: for each lane that walked, the point of largest norm that was measured, (lanes, O·n).
    """

    total: list[float]
    largest: float
    far: Float[Tensor, "lanes dim"]


def expectation(problem: Problem, sizes: list[float], times: range, squared: bool, averaged: bool) -> Enumerated:
    """The metric's mean over all sample paths, summed over ``times``: ‖∇F‖² if ``squared``, else F.

    Depth first; memory is O(T·n) for each lane of each core. ``total`` has one entry for each of N^p equally likely
    prefixes of paths, in their order, whatever the number of cores.
    """
    shop, samples, last = _Workshop.of(problem), problem.samples, times[-1]
    prefix = 0
    while prefix < last and samples > 1 and samples**prefix < _PREFIXES:
        prefix += 1
    paths = samples**prefix
    signed = -np.array(sizes[:last], dtype=np.float64)

    def run(first: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        m, index, at = shop.memory(kernels.tree_points(last + 1))
        size, lanes = at.units * problem.heads, min(LANES, paths - first)
        for point in (kernels.LEVELS, kernels.LEVELS + 1):
            shop.fill(m, at.points + point * size, problem.w0)
        mean, child = np.zeros((last + 3, LANES)), np.zeros(last + 1, np.int64)
        mean[-1] = -1.0
        task = (mean, child, first, prefix, signed, times[0], squared, averaged)
        kernels.grow(shop.loss, m, index, at, *task)
        far = m[at.points + kernels.FAR * size :][:size].reshape(problem.heads, -1, LANES)[:, : problem.features]
        return mean[[0, -2], :lanes], far.reshape(-1, LANES)[:, :lanes]

    with _cores() as over:
        parts = over(run, range(0, paths, LANES))
    (total, largest), far = np.concatenate([part[0] for part in parts], 1), np.concatenate([p[1] for p in parts], 1)
    return Enumerated(total.tolist(), float(largest.max()), torch.from_numpy(far.T.copy()))
