"""The exact worst case of a rate's setting, by performance estimation (needs the extra ``pep``).

A bound says what cannot be exceeded. Here a semidefinite program (Drori and Teboulle 2014; Taylor, Hendrickx and
Glineur 2017) finds how bad it really gets. Every node of the tree of sample paths is a point, with N equally likely
gradients; the unknowns are inner products and values of F; the constraints are the claim's assumptions, as
interpolation conditions, so that a function and an oracle attain the optimum. ``bound / value`` is at least 1 for a
true claim, and 1 for a tight one.

The settings are written down here once more, by hand, and nothing of the proofs is used. Bound, steps and tuned step
size are the claim's own. A rate that :data:`SETTINGS` does not have simply has no worst case.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from theory.claim import Rate

if TYPE_CHECKING:
    from PEPit import PEP, Expression, Point


class NotInstalled(ImportError):
    """The extra ``pep`` is missing; the message says how to install it."""


class Unsolved(ArithmeticError):
    """The solver found no optimum, or not to the precision asked."""


@dataclass(frozen=True)
class WorstCase:
    """The bound of a claim beside the exact worst case; also the schema of ``aat worst-case --json``.

    Attributes:
        claim: id.
        horizon: T.
        samples: N, the number of equally likely gradients at an iterate; 1 is the deterministic method.
        bound: the claim's bound at its tuned step size.
        worst_case: the largest that the metric can be, up to the solver's tolerance.
        ratio: bound / worst case.
    """

    claim: str
    horizon: int
    samples: int
    bound: float
    worst_case: float
    ratio: float


# Every constant is 1, but a bias must be smaller than the gradient.
CONSTANTS: Mapping[str, float] = {"m": 0.25}


def worst_case(
    claim: Rate,
    horizon: int,
    samples: int = 1,
    constants: Mapping[str, float] = CONSTANTS,
    eta: float | None = None,
) -> WorstCase:
    """The worst case of ``claim``.

    Args:
        claim: a rate in :data:`SETTINGS`.
        horizon: T ≥ 1; the tree has N^T sample paths.
        samples: N ≥ 1.
        constants: values by symbol name; 1 where none is given.
        eta: scale of the step size; the tuned one if omitted.

    Raises:
        KeyError: the claim has no entry in :data:`SETTINGS`.
        NotInstalled: PEPit is missing.
    """
    posed = SETTINGS[claim.id]
    known = {symbol.name: constants.get(symbol.name, 1.0) for symbol in claim.constants}
    eta = claim.best_eta(horizon, known) if eta is None else eta
    tree = Tree(pep(), [float(step) for step in claim.steps(horizon, eta)], samples, known)
    tree.pep.set_performance_metric(posed(tree))
    value = solve(tree.pep)
    bound = claim.bound_at(horizon, eta, known)
    return WorstCase(claim.id, horizon, samples, bound, value, bound / value)


def pep() -> PEP:
    """An empty performance estimation problem; NotInstalled without PEPit."""
    try:
        from PEPit import PEP
    except ImportError:
        raise NotInstalled("worst cases need PEPit and Clarabel; try: pip install 'aat-sgd[pep]'") from None
    return PEP()


# Clarabel's own 1e-8 is out of reach for larger trees, and 1e-7 for finite sums.
PRECISIONS = (1e-7, 1e-6)


def solve(problem: PEP) -> float:
    """The optimum, to the finest of :data:`PRECISIONS` that the solver reaches.

    Raises:
        Unsolved: the solver fails, or says that it is not as precise as asked.
    """
    from cvxpy import SolverError

    fault: Exception | None = None
    for precision in PRECISIONS:
        asked = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), precision)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Solution may be inaccurate", UserWarning)
            try:
                optimum = problem.solve(verbose=0, wrapper="cvxpy", solver="CLARABEL", **asked)
            except (SolverError, UserWarning) as failed:
                fault = failed
                continue
        if optimum is None or not math.isfinite(optimum):
            raise Unsolved("no worst case: the metric has no upper limit under these assumptions")
        return float(optimum)
    raise Unsolved(f"no worst case: {fault}")


@dataclass(frozen=True)
class Node:
    """An iterate on a sample path: gradient and value of F there, the N gradients drawn, and the path up to it."""

    at: Point
    gradient: Point
    value: Expression
    draws: Sequence[Point]
    path: Sequence[Point]


@dataclass
class Tree:
    """The method on all sample paths, for at most N^T of them."""

    pep: PEP
    steps: Sequence[float]
    samples: int
    constants: Mapping[str, float]
    start: Point = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.pep.set_initial_point()

    def levels(self, objective: Any, draw: Callable[[Point, Point], Sequence[Point]] | None = None) -> list[list[Node]]:
        """Nodes w_0 … w_{T−1}; the gradients are any N vectors with mean ∇F unless ``draw`` says otherwise."""
        levels: list[list[Node]] = []
        paths: list[tuple[Point, ...]] = [(self.start,)]
        for step in self.steps:
            nodes = []
            for path in paths:
                gradient, value = objective.oracle(path[-1])
                draws = draw(path[-1], gradient) if draw else self.unbiased(gradient)
                nodes.append(Node(path[-1], gradient, value, draws, path))
            levels.append(nodes)
            paths = [(*node.path, node.at - step * g) for node in nodes for g in node.draws]
        return levels

    def unbiased(self, mean: Point) -> list[Point]:
        """N vectors with that mean."""
        from PEPit import Point

        free = [Point() for _ in range(self.samples - 1)]
        return [*free, sum((mean - g for g in free), mean)]

    def at_most(self, nodes: Sequence[Node], excess: Callable[[Node, Point], Any]) -> None:
        """The constraint that ``excess`` of nodes and their draws is at most 0 in expectation."""
        self.pep.add_constraint(_mean([excess(node, g) for node in nodes for g in node.draws]) <= 0)

    def near(self, u: Point) -> None:
        """``‖w_0 − u‖ ≤ D``."""
        self.pep.set_initial_condition((self.start - u) ** 2 <= self.constants["D"] ** 2)


def _mean(parts: Sequence[Any]) -> Any:
    """The mean of points or expressions."""
    return sum(parts[1:], parts[0]) / len(parts)


def _gap(objective: Any, points: Sequence[Point], u: Point) -> Expression:
    """The expectation of F − F(u) over equally likely points."""
    return _mean([objective.value(point) for point in points]) - objective.value(u)


def _averages(levels: list[list[Node]], weights: Sequence[float]) -> list[Point]:
    """The weighted average of the iterates on each sample path."""
    return [
        sum((c * point for c, point in zip(weights[1:], node.path[1:], strict=True)), weights[0] * node.path[0])
        / sum(weights)
        for node in levels[-1]
    ]


def _bounded_gradients(tree: Tree, objective: Any) -> list[list[Node]]:
    """``E‖g_t‖² ≤ G²`` at every step."""
    levels = tree.levels(objective)
    for nodes in levels:
        tree.at_most(nodes, lambda node, g: g**2 - tree.constants["G"] ** 2)
    return levels


def _convex(tree: Tree, weights: Callable[[int], float] | None) -> Expression:
    """R1, R2 and R3: F at the weighted average, or at the last iterate if there are no weights."""
    from PEPit import Point
    from PEPit.functions import ConvexFunction

    objective, u = tree.pep.declare_function(ConvexFunction), Point()
    tree.near(u)
    levels = _bounded_gradients(tree, objective)
    last = [node.at for node in levels[-1]]
    points = last if weights is None else _averages(levels, [weights(t) for t in range(len(levels))])
    return _gap(objective, points, u)


def _strongly_convex(tree: Tree) -> Expression:
    """R4, from any start."""
    from PEPit import Point
    from PEPit.functions import StronglyConvexFunction

    objective, u = tree.pep.declare_function(StronglyConvexFunction, mu=tree.constants["modulus"]), Point()
    levels = _bounded_gradients(tree, objective)
    return _gap(objective, _averages(levels, [t + 1.0 for t in range(len(levels))]), u)


def _smooth_samples(tree: Tree) -> Expression:
    """R5: a finite sum of N smooth convex functions."""
    from PEPit import Point
    from PEPit.functions import SmoothConvexFunction

    terms = [tree.pep.declare_function(SmoothConvexFunction, L=tree.constants["L_max"]) for _ in range(tree.samples)]
    objective, u = _mean(terms), Point()
    tree.near(u)
    noise = _mean([term.gradient(u) ** 2 for term in terms])
    tree.pep.add_constraint(noise <= tree.constants["sigma_star"] ** 2)
    levels = tree.levels(objective, lambda at, gradient: [term.gradient(at) for term in terms])
    return _gap(objective, _averages(levels, [1.0] * len(levels)), u)


def _smooth(tree: Tree, draw: Callable[[Point, Point], Sequence[Point]] | None = None) -> list[list[Node]]:
    """L-smooth F with ``F(w_0) − inf F ≤ Δ``, the infimum that of the lowest interpolating function."""
    from PEPit.functions import SmoothFunction

    levels = tree.levels(tree.pep.declare_function(SmoothFunction, L=tree.constants["L"]), draw)
    for node in (node for nodes in levels for node in nodes):
        lowest = node.value - node.gradient**2 / (2 * tree.constants["L"])
        tree.pep.add_constraint(levels[0][0].value - lowest <= tree.constants["Delta"])
    return levels


def _mean_square_gradient(levels: list[list[Node]]) -> Expression:
    return _mean([_mean([node.gradient**2 for node in nodes]) for nodes in levels])


def _nonconvex(tree: Tree) -> Expression:
    """R6."""
    levels = _smooth(tree)
    for nodes in levels:
        tree.at_most(nodes, lambda node, g: (g - node.gradient) ** 2 - tree.constants["sigma"] ** 2)
    return _mean_square_gradient(levels)


def _biased(tree: Tree) -> Expression:
    """R8: a bias of its own at every node."""
    from PEPit import Point

    m, noise, zeta, sigma = (tree.constants[name] for name in ("m", "M", "zeta", "sigma"))
    means: dict[int, Point] = {}

    def draw(at: Point, gradient: Point) -> Sequence[Point]:
        means[id(at)] = gradient + Point()
        return tree.unbiased(means[id(at)])

    levels = _smooth(tree, draw)
    for nodes in levels:
        tree.at_most(nodes, lambda node, g: (means[id(node.at)] - node.gradient) ** 2 - m * node.gradient**2 - zeta**2)
        tree.at_most(nodes, lambda node, g: (g - means[id(node.at)]) ** 2 - noise * means[id(node.at)] ** 2 - sigma**2)
    return _mean_square_gradient(levels)


SETTINGS: Mapping[str, Callable[[Tree], Expression]] = {
    "R1": lambda tree: _convex(tree, lambda t: 1.0),
    "R2": lambda tree: _convex(tree, lambda t: tree.steps[t]),
    "R3": lambda tree: _convex(tree, None),
    "R4": _strongly_convex,
    "R5": _smooth_samples,
    "R5s": _smooth_samples,
    "R6": _nonconvex,
    "R8": _biased,
}
