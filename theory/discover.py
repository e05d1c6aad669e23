r"""Proofs found by the machine: from the dual of a worst case to a certificate that the checker accepts.

The dual solution of a performance-estimation problem is a proof in floating point: a multiplier ≥ 0 for every
constraint, such that ``bound − metric − Σ multiplier · gap`` is a sum of squares. Here it becomes an exact one.

1. Inequalities that are not needed are dropped, one after the other, while the worst case stays what it is. That
   leaves few multipliers, and makes them unique.
2. Multipliers are rounded to the simplest rationals near them.
3. The quadratic form that is left becomes a sum of squares by exact elimination (LDLᵀ).
4. The result is a proof in the checker's language, and the checker decides.

For R1 and R3, the numbers are for η = G = 1 and D² = T, where the tuned step size is 1. The proof is for all η, D and
G: the problem is homogeneous, so multipliers of the distance go with 1/η, of the moments with η, of convexity with
neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, permutations
from types import MappingProxyType

import sympy as sp

from theory.assumptions import (
    CONVEX,
    DISTANCE,
    SMOOTH,
    STEP_AT_MOST_INVERSE_L,
    UNBIASED,
    VARIANCE,
    Assumption,
)
from theory.claim import Claim, Rate
from theory.facts import Fact, at_most, nonnegative
from theory.steps import Axiom, Certificate
from theory.symbols import G, L, T, eta, g, sigma, t, u, w, wbar
from theory.terms import Definitions, Dot, Gradient, Norm2, Objective, Vector, normal, sequence, vector
from theory.worst_case import Unsolved, pep, solve

iterate = sequence("iterate", Vector, "w")  # w_1, w_2 …; the start is the w_0 that the claims speak of

BOUNDED = Assumption(
    "bounded subgradients",
    r"$g_t=\nabla F(w_t)$ (no noise) with $\|g_t\| \le G$",
    {"bound": lambda at: at_most(Norm2(Gradient(at)), G**2)},
    constant=G,
)

ASSUMPTIONS = {one.id: one for one in (CONVEX, DISTANCE, BOUNDED, SMOOTH, UNBIASED, VARIANCE)}

# By how little the worst case may move when an inequality is dropped as not needed.
TOLERANCE = 1e-4
LARGEST_DENOMINATOR = 64


Squares = tuple[tuple[sp.Expr, sp.Expr], ...]


class NotFound(ValueError):
    """The numbers gave no exact proof."""


@dataclass(frozen=True, eq=False)
class Inequality:
    """An axiom that the proof may use; its multiplier is a number times ``η^power``. Points are given by name."""

    axiom: Axiom
    power: int
    points: tuple[str, ...] = ()


def discover(claim: Rate, horizon: int) -> Claim:
    """A claim whose proof was made from numbers: R1 or R3 without noise at one horizon, or the one step of R6.

    Raises:
        NotFound: the numbers give no exact proof, or the claim is another one.
        NotInstalled: the extra ``pep`` is missing.
    """
    if claim.id == "R6" and horizon == 1:
        return one_step()
    if claim.id not in ("R1", "R3"):
        raise NotFound(f"no proof is searched for {claim.id} at T = {horizon}; expected R1, R3, or R6 at T = 1")
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
    statement, definitions = at_most(metric, claim.bound.subs(T, horizon)), _definitions(claim, horizon, points)
    rest = normal(statement.gap - sp.Add(*(c * _fact(one.axiom).gap for one, c in used.items())), definitions)
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
        assumptions=tuple(ASSUMPTIONS[name] for name in dict.fromkeys(one.axiom.assumption for one in used)),
        definitions=definitions,
        source="found from the dual of the worst case",
        proof=(
            *(one.axiom for one in used),
            Certificate("found", None, {one.axiom.label: c for one, c in used.items()}, squares),
        ),
    )
    return found if found.prove().proved else None


_h = sp.Symbol("h")


def one_step() -> Claim:
    """How much a stochastic gradient step decreases a smooth function, for every ``η ≤ 1/L``.

    Random vectors are points of a Hilbert space too, with ``E⟨a, b⟩`` for inner product, so expectations need no tree.
    But for a factor η of mean and noise, multipliers depend on ``h = ηL`` only. They are found at two values of h and
    extended as polynomials of degree one; the checker decides whether that is right for all others.
    """
    axioms = (
        Axiom("descent", SMOOTH.id, "descent", {"at": w(t), "to": w(t + 1)}),
        Axiom("mean", UNBIASED.id, "tower", {"time": t, "against": Gradient(w(t))}),
        Axiom("noise", VARIANCE.id, "bound", {"time": t}),
    )
    numbers = {at: _step_duals(float(at)) for at in (sp.Rational(1, 4), sp.Rational(1, 2))}
    using = {}
    for k, (axiom, power) in enumerate(zip(axioms, (0, 1, 1), strict=True)):
        exact = {at: Fraction(duals[k]).limit_denominator(LARGEST_DENOMINATOR) for at, duals in numbers.items()}
        line = sp.interpolate([(at, sp.Rational(dual) / at**power) for at, dual in exact.items()], _h)
        using[axiom.label] = sp.expand(eta**power * line.subs(_h, eta * L))
    statement = at_most(
        Objective(w(t + 1)),
        Objective(w(t)) - eta / 2 * Norm2(Gradient(w(t))) + L * eta**2 * sigma**2 / 2,
        expected=True,
    )
    definitions = {w(t + 1): w(t) - eta * g(t)}
    rest = statement.gap - sp.Add(*(using[axiom.label] * _fact(axiom).gap for axiom in axioms))
    squares = sum_of_squares(normal(rest, definitions), STEP_AT_MOST_INVERSE_L.domain)
    if squares is not None:
        found = Claim(
            id="R6, one step",
            title="Smooth, one step",
            setting=r"$F$ $L$-smooth, variance at most $\sigma^2$, $\eta\le1/L$",
            statement=statement,
            assumptions=(SMOOTH, UNBIASED, VARIANCE, STEP_AT_MOST_INVERSE_L),
            definitions=definitions,
            source="found from the dual of the worst case",
            proof=(*axioms, Certificate("found", None, using, squares)),
        )
        if found.prove().proved:
            return found
    raise NotFound(f"no exact proof of one step of R6 near the multipliers {numbers}")


def _step_duals(step: float) -> list[float]:
    """Multipliers of descent, mean and noise at L = σ = 1; an equality's has the sign of its gap in the proof."""
    problem = pep()
    from PEPit import Expression, Point

    gradient, noise, before, after = Point(), Point(), Expression(), Expression()
    move = -step * (gradient + noise)
    constraints = [after <= before + gradient * move + move**2 / 2, noise * gradient == 0, noise**2 <= 1]
    for constraint in constraints:
        problem.add_constraint(constraint)
    problem.set_performance_metric(after - before + step / 2 * gradient**2)
    solve(problem)
    return [float(constraint.eval_dual()) for constraint in constraints]


def _fact(axiom: Axiom) -> Fact:
    drawn = ASSUMPTIONS[axiom.assumption].rules[axiom.rule](**axiom.arguments)
    assert isinstance(drawn, Fact)
    return drawn


def sum_of_squares(form: sp.Expr, domain: Definitions = MappingProxyType({})) -> Squares | None:
    """A quadratic form in vectors as ``Σ coefficient · ‖root‖²`` with coefficients ≥ 0, by exact elimination.

    None if ``form`` has other terms, or is not certain to be positive semidefinite. Coefficients may hold parameters,
    restricted to ``domain`` (:class:`theory.assumptions.Assumption`).
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
        if not nonnegative(size, domain):
            return None
        row = {b: sp.cancel(matrix[pivot, b] / size) for b in left}
        squares.append((size, sp.Add(*(c * b for b, c in row.items()))))
        for a in left:
            for b in left:
                matrix[a, b] -= size * row[a] * row[b]
    return tuple(squares)
