r"""Proofs found by the machine: from the dual of a worst case to a certificate that the checker accepts.

The dual solution of a performance-estimation problem is a proof in floating point: a multiplier ≥ 0 for every
constraint, such that ``bound − metric − Σ multiplier · gap`` is a sum of squares. Here it becomes an exact one.

1. Inequalities that are not needed are dropped, one after the other, while the worst case stays what it is. That
   leaves few multipliers, and makes them unique.
2. Multipliers are rounded to the simplest rationals near them.
3. The quadratic form that is left becomes a sum of squares by exact elimination (LDLᵀ).
4. The result is a proof in the checker's language, and the checker decides.

The numbers are for η = G = 1 and D² = T, where the tuned step size is 1. The proof is for all η, D and G: the problem
is homogeneous, so multipliers of the distance go with 1/η, of the moments with η, of convexity with neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, permutations

import sympy as sp

from theory.assumptions import CONVEX, DISTANCE, Assumption
from theory.claim import Claim, Rate
from theory.facts import Fact, at_most
from theory.proof import Axiom, Certificate
from theory.symbols import G, T, eta, t, u, w, wbar
from theory.terms import Definitions, Dot, Gradient, Norm2, Objective, Vector, normal, sequence, vector
from theory.worst_case import Unsolved, pep, solve

iterate = sequence("iterate", Vector, "w")  # w_1, w_2 …; the start is the w_0 that the claims speak of

BOUNDED = Assumption(
    "bounded subgradients",
    r"$g_t=\nabla F(w_t)$ (no noise) with $\|g_t\| \le G$",
    {"bound": lambda at: at_most(Norm2(Gradient(at)), G**2)},
    constant=G,
)

# What a dual variable must exceed to count, and by how little the worst case may move when an inequality is dropped.
TOLERANCE = 1e-4
LARGEST_DENOMINATOR = 64


class NotFound(ValueError):
    """The numbers gave no exact proof."""


@dataclass(frozen=True, eq=False)
class Inequality:
    """An axiom that the proof may use; its multiplier is a number times ``η^power``. Points are given by name."""

    axiom: Axiom
    power: int
    points: tuple[str, ...] = ()


def discover(claim: Rate, horizon: int) -> Claim:
    """R1 or R3 without noise at one horizon, with a proof that was made from numbers; the caller checks it.

    Raises:
        NotFound: the numbers give no exact proof, or the claim is another one.
        NotInstalled: the extra ``pep`` is missing.
    """
    if claim.id not in ("R1", "R3"):
        raise NotFound(f"no proof is searched for {claim.id}; expected R1 or R3")
    points = _points(claim, horizon)
    needed = _needed(claim, list(_inequalities(points, horizon)), points, horizon)
    tried: set[tuple[Fraction, ...]] = set()
    for largest in range(1, LARGEST_DENOMINATOR + 1):
        rounded = tuple(Fraction(dual).limit_denominator(largest) for dual in needed.values())
        if rounded not in tried:
            tried.add(rounded)
            found = _claim(claim, horizon, points, dict(zip(needed, rounded, strict=True)))
            if found is not None:
                return found
    raise NotFound(f"no exact proof of {claim.id} at T = {horizon} near the multipliers {list(needed.values())}")


def _points(claim: Rate, horizon: int) -> dict[str, sp.Expr]:
    """Comparator, iterates, and last the output."""
    points = {"u": u, "w0": w(0)} | {f"w{k}": iterate(k) for k in range(1, horizon)}
    return points | ({"average": wbar(horizon)} if claim.id == "R1" and horizon > 1 else {})


def _definitions(claim: Rate, horizon: int, points: Mapping[str, sp.Expr]) -> Definitions:
    iterates = [points[f"w{k}"] for k in range(horizon)]
    definitions = {
        after: before - claim.schedule.subs({T: horizon, t: k}) * Gradient(before)
        for k, (before, after) in enumerate(pairwise(iterates))
    }
    return definitions | ({points["average"]: sp.Add(*iterates) / horizon} if "average" in points else {})


def _inequalities(points: Mapping[str, sp.Expr], horizon: int) -> Iterator[Inequality]:
    yield Inequality(Axiom("start", DISTANCE.id, "bound"), -1)
    for name in (f"w{k}" for k in range(horizon)):
        yield Inequality(Axiom(f"moment at {name}", BOUNDED.id, "bound", {"at": points[name]}), 1, (name,))
    for at, against in permutations(points, 2):
        arguments = {"at": points[at], "against": points[against]}
        yield Inequality(
            Axiom(f"convexity at {at} against {against}", "convex", "subgradient", arguments), 0, (at, against)
        )


def _needed(
    claim: Rate, inequalities: Sequence[Inequality], points: Mapping[str, sp.Expr], horizon: int
) -> dict[Inequality, float]:
    """The inequalities that the worst case cannot do without, with their dual variables."""
    worst, duals = _worst(claim, inequalities, points, horizon)
    for inequality in sorted(duals, key=lambda one: duals[one]):
        value, rest = _worst(claim, [one for one in duals if one is not inequality], points, horizon)
        if value < worst + TOLERANCE:
            duals = rest
    return duals


def _worst(
    claim: Rate, inequalities: Sequence[Inequality], points: Mapping[str, sp.Expr], horizon: int
) -> tuple[float, dict[Inequality, float]]:
    """The worst case under these inequalities alone, at η = G = 1 and D² = T, and their dual variables."""
    problem = pep()
    from PEPit import Expression, Point

    gradients, values = {name: Point() for name in points}, {name: Expression() for name in points}
    at = {"u": Point(), "w0": Point()}
    for k, step in enumerate(claim.steps(horizon, 1.0)[:-1]):
        at[f"w{k + 1}"] = at[f"w{k}"] - float(step) * gradients[f"w{k}"]
    if "average" in points:
        at["average"] = sum((at[f"w{k}"] for k in range(1, horizon)), at["w0"]) / horizon

    constraints = []
    for inequality in inequalities:
        match inequality.points:
            case ():
                constraint = (at["w0"] - at["u"]) ** 2 <= horizon
            case (name,):
                constraint = gradients[name] ** 2 <= 1
            case (here, there):
                constraint = values[here] + gradients[here] * (at[there] - at[here]) <= values[there]
        problem.add_constraint(constraint)
        constraints.append(constraint)
    metric = values[list(points)[-1]] - values["u"]
    problem.add_constraint(metric <= 2)  # far from the optimum 1, so of no effect there; else a solver's failure
    problem.set_performance_metric(metric)
    try:
        worst = solve(problem)
    except Unsolved:
        return math.inf, {}
    return worst, {one: float(c.eval_dual()) for one, c in zip(inequalities, constraints, strict=True)}


def _claim(
    claim: Rate, horizon: int, points: Mapping[str, sp.Expr], multipliers: Mapping[Inequality, Fraction]
) -> Claim | None:
    """The claim with the proof that has these multipliers, if there is one."""
    used = {one: sp.Rational(number) * eta**one.power for one, number in multipliers.items() if number}
    metric = Objective(list(points.values())[-1]) - Objective(u)
    assumptions = {"convex": CONVEX, DISTANCE.id: DISTANCE, BOUNDED.id: BOUNDED}
    drawn = {one: assumptions[one.axiom.assumption].rules[one.axiom.rule](**one.axiom.arguments) for one in used}
    facts = {one: fact for one, fact in drawn.items() if isinstance(fact, Fact)}  # none of them is conditional
    statement, definitions = at_most(metric, claim.bound.subs(T, horizon)), _definitions(claim, horizon, points)
    rest = normal(statement.gap - sp.Add(*(c * facts[one].gap for one, c in used.items())), definitions)
    squares = sum_of_squares(rest)
    if squares is None:
        return None
    written_out = {Gradient(vector(point, definitions)): Gradient(point) for point in points.values()}
    squares = tuple((size, root.xreplace(written_out)) for size, root in squares)
    found = Claim(
        id=f"{claim.id}, T = {horizon}",
        title=f"{claim.title}, without noise",
        setting=f"{claim.setting}; $g_t=\\nabla F(w_t)$, $T={horizon}$",
        statement=statement,
        assumptions=tuple(assumptions[name] for name in dict.fromkeys(one.axiom.assumption for one in used)),
        definitions=definitions,
        source="found from the dual of the worst case",
        proof=(
            *(one.axiom for one in used),
            Certificate("found", None, {one.axiom.label: c for one, c in used.items()}, squares),
        ),
    )
    return found if found.prove().proved else None


def sum_of_squares(form: sp.Expr) -> tuple[tuple[sp.Expr, sp.Expr], ...] | None:
    """A quadratic form in vectors as ``Σ coefficient · ‖root‖²`` with coefficients ≥ 0, by exact elimination.

    None if ``form`` has other terms, or is not certain to be positive semidefinite. Coefficients may hold parameters.
    """
    form = sp.expand(form)
    entries = sorted(form.atoms(Dot), key=sp.default_sort_key)
    if form.xreplace({entry: sp.Integer(0) for entry in entries}) != 0:
        return None
    vectors = list(dict.fromkeys(vector for entry in entries for vector in entry.args))
    matrix = {
        (a, b): form.coeff(Dot(*sorted((a, b), key=sp.default_sort_key))) / (1 if a == b else 2)
        for a in vectors
        for b in vectors
    }
    squares = []
    for k, pivot in enumerate(vectors):
        left = vectors[k:]
        size = sp.cancel(matrix[pivot, pivot])
        if size == 0 and any(sp.cancel(matrix[pivot, b]) != 0 for b in left):
            return None
        if size == 0:
            continue
        if not size.is_positive:
            return None
        row = {b: sp.cancel(matrix[pivot, b] / size) for b in left}
        squares.append((size, sp.Add(*(c * b for b, c in row.items()))))
        for a in left:
            for b in left:
                matrix[a, b] -= size * row[a] * row[b]
    return tuple(squares)
