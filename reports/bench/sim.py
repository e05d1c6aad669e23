"""``aat bench sim``: the lane engine against other ways to do the same work, interleaved in one run, as ratios.

A contender is timed on a share of the case that takes it about a second at most, and its time scaled to the whole; its
rounds take turns with those of the lane engine, which always does the whole case. Ratios are of medians.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from reports import peers
from reports.bench.contest import Contender, medians
from sim import enumerate_paths, lanes
from sim.problems import Logistic
from sim.results import Backend
from sim.stream import sample_indices

RECORDS = 100
_ETA, _STREAM = 0.1, 1


@dataclass(frozen=True)
class Case:
    """So many trials of so many steps, on N samples of n features, K of them heard."""

    n: int
    k: int
    samples: int
    trials: int
    steps: int

    @property
    def name(self) -> str:
        """As the table of the report has it."""
        return f"n={self.n} K={self.k} N={self.samples} trials={self.trials} T={self.steps}"

    def problem(self) -> Logistic:
        """Standard normal features, labels in turn, w_0 = 0."""
        random = torch.Generator().manual_seed(self.n)
        x = torch.randn(self.samples, self.n, dtype=torch.float64, generator=random)
        y = 1.0 - 2.0 * (torch.arange(self.samples) % 2)
        return Logistic(x=x, y=y, k=self.k, start=torch.zeros(self.n), comparator=torch.zeros(self.n))

    def drawn(self, steps: int) -> Tensor:
        """What the lane engine draws."""
        return sample_indices(_STREAM, 0, steps, self.trials, self.samples)


CASES = (Case(32, 5, 64, 512, 10_000), Case(256, 10, 256, 256, 2_000), Case(8, 2, 3, 4096, 200))


@dataclass(frozen=True)
class BenchRow:
    """One comparison.

    Attributes:
        case: what is done.
        backend, peer: who is compared.
        ms, peer_ms: median time of the whole case.
        ratio: of the two; above 1, the backend is faster.
        share: the part of the case that the peer was timed on.
        million_steps: trajectory-steps of the backend per second, in millions; 0 where no trials are run.
        agrees: whether the peer arrives at the same numbers, within 1e-9; one that breaks ties otherwise does not.
    """

    case: str
    backend: str
    peer: str
    ms: float
    peer_ms: float
    ratio: float
    share: float
    million_steps: float
    agrees: bool


class Other(NamedTuple):
    """A contender: the share of the case that it does, the call, and whether it arrives at the same numbers."""

    share: float
    work: Callable[[], object]
    agrees: bool


def contest(
    case: str, work: Callable[[], object], others: dict[str, Other], steps: int, rounds: int
) -> Iterator[BenchRow]:
    """Compare ``work``, which is the whole case, with the shares of it that the others do."""
    contenders = {"lanes": Contender(1.0, work)}
    contenders |= {name: Contender(other.share, other.work) for name, other in others.items()}
    found = medians(contenders, rounds)
    ms = found["lanes"]
    for name, other in others.items():
        yield BenchRow(
            case, "lanes", name, ms, found[name], found[name] / ms, other.share, steps / ms / 1e3, other.agrees
        )


def steps_rows(case: Case, rounds: int, jax: object | None) -> Iterator[BenchRow]:
    """Trajectories, against the loop and, if it is given, JAX."""
    problem, sizes = case.problem(), [_ETA] * case.steps

    def arrived(steps: int) -> Tensor:
        times = torch.full((1, case.trials), steps)
        return lanes.trajectories(problem, sizes, times, False, _STREAM)[0]

    def same(there: Tensor, here: Tensor) -> bool:
        return torch.allclose(there, here, rtol=1e-9, atol=1e-9)

    few = min(case.steps, 2_000)
    one = case.drawn(few)[:, 0]
    agrees = same(peers.torch_loop(problem, _ETA, one), arrived(few)[0])
    share = few / (case.steps * case.trials)
    others = {"PyTorch loop": Other(share, lambda: peers.torch_loop(problem, _ETA, one), agrees)}
    if jax is not None:
        short = min(case.steps, 200)
        drawn = peers.shared_out(jax, case.drawn(short))
        for name, peer in peers.jax_peers(jax, problem, _ETA).items():
            there = torch.tensor(peer(drawn).tolist(), dtype=torch.float64)

            def call(peer: Callable[[object], Any] = peer) -> object:
                return peer(drawn).block_until_ready()

            others[name] = Other(short / case.steps, call, same(there, arrived(short)))
    yield from contest(case.name, lambda: arrived(case.steps), others, case.steps * case.trials, rounds)


def recording_rows(case: Case, rounds: int) -> Iterator[BenchRow]:
    """Trajectories with F and ‖∇F‖ recorded 100 times a trial, against the loop that does so."""
    problem, sizes = case.problem(), [_ETA] * case.steps
    times = (torch.arange(1, RECORDS + 1) * case.steps // RECORDS)[:, None].expand(-1, case.trials)
    surveyed = lanes.Surveyed(problem)
    # the loop: a stretch of one trial between two records, and the record
    stretch = case.steps // RECORDS * 10
    one = case.drawn(stretch)[:, 0]

    def work() -> object:
        points = lanes.trajectories(problem, sizes, times, False, _STREAM)
        values, slopes = surveyed.both(points.flatten(0, 1))
        return values, slopes.norm(dim=-1)

    def loop() -> Tensor:
        w = problem.w0
        for part in one.view(10, -1):
            w = peers.torch_loop(problem, _ETA, part)
            peers.torch_record(problem, w)
        return w

    w = lanes.trajectories(problem, sizes, torch.full((1, case.trials), stretch), False, _STREAM)[0, 0]
    agrees = torch.allclose(loop(), w, rtol=1e-9, atol=1e-9)
    others = {"PyTorch loop": Other(10 / (RECORDS * case.trials), loop, agrees)}
    yield from contest(f"{case.name}, {RECORDS} records", work, others, case.steps * case.trials, rounds)


def enumeration_rows(horizons: tuple[int, ...], rounds: int) -> Iterator[BenchRow]:
    """Exact expectations over N^T sample paths, n = 6, N = 3; the generic engine beside, up to T = 11."""
    problem = Case(6, 2, 3, 1, 1).problem()
    for horizon in horizons:

        def run(backend: Backend, T: int) -> float:
            return (
                enumerate_paths(problem, lambda T: [_ETA] * T, [T], "last_gap", backend=backend).horizons[0].values[0]
            )

        known = min(horizon, 11)
        agrees = abs(run("lanes", known) - run("torch", known)) <= 1e-9
        others = {"PyTorch in blocks": Other(3.0 ** (known - horizon), partial(run, "torch", known), agrees)}
        yield from contest(f"n=6 N=3, all paths of T={horizon}", partial(run, "lanes", horizon), others, 0, rounds)
