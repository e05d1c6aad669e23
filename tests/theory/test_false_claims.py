"""False statements with a proof that looks right: each has a counterexample, and none may be accepted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import pytest
import sympy as sp

from theory import check, claims
from theory.assumptions import CONVEX, DISTANCE, SMOOTH, STEP_AT_MOST_INVERSE_L, UNBIASED, Assumption, Given
from theory.calculus import ENTROPY_VALUE, POSITIVE_PART, exp
from theory.claim import Claim
from theory.facts import Fact, Range, Refused, at_most, equals
from theory.heads import HEAD_NORM, tau_x
from theory.operator.curvature import ENTROPY, other_slope, p, slope
from theory.operator.units import KEPT, ORDER, UNITS, WIDTH
from theory.proof import Step
from theory.rates.biased import BIASED
from theory.rates.minibatch import R11, _square
from theory.rates.polyak_lojasiewicz import WELL_POSED
from theory.steps import (
    Axiom,
    CauchySchwarz,
    Certificate,
    Jensen,
    Lemma,
    Limit,
    Product,
    Rename,
    Split,
    Telescope,
    Total,
)
from theory.symbols import (
    G,
    K,
    L,
    N,
    T,
    bias,
    entropy,
    epsilon,
    eta,
    exponential,
    g,
    i,
    inner,
    j,
    k,
    l,
    lam,
    m_PL,
    n,
    nu,
    positive_part,
    prox,
    softplus,
    t,
    tau,
    u,
    v,
    w,
    x,
    z,
)
from theory.terms import FixedVector, Gradient, Inner, Norm2, Objective

ONE = sp.Integer(1)
a, b = FixedVector("a"), FixedVector("b")
alpha, beta = sp.symbols("alpha beta", real=True)
toy = partial(Claim, id="toy", title="", setting="", source="", assumptions=())
R1, R6t = claims["R1"], claims["R6t"]
MEAN = Gradient(w(t))


@dataclass(frozen=True)
class FalseClaim:
    """A false claim, and what shows that it is false."""

    counterexample: str
    stated: Callable[[], Claim]


def squares(statement, coefficient: sp.Expr, root: sp.Expr, **more: object) -> Claim:
    return toy(statement=statement, proof=(Certificate("c", None, squares=((coefficient, root),)),), **more)


def by_definition(statement, definitions: dict) -> Claim:
    return toy(statement=statement, definitions=definitions, proof=(Certificate("c", None),))


def counted(statement, where: Range, each: sp.Expr = ONE) -> Claim:
    return toy(
        statement=statement,
        proof=(
            Certificate("each", at_most(0, each, over=where), squares=((each, ONE),)),
            Total("all", "each"),
            Certificate("c", None, {"all": ONE}),
        ),
    )


def from_rule(statement, assumption: Assumption, rule: str, multiplier: sp.Expr = ONE, **more: object) -> Claim:
    return toy(
        statement=statement,
        assumptions=(assumption,),
        proof=(Axiom("rule", assumption.id, rule, **more), Certificate("c", None, {"rule": multiplier})),
    )


def every_unit(statement, assumption: Assumption, rule: str) -> Claim:
    return toy(
        statement=statement,
        assumptions=(assumption,),
        proof=(
            Axiom("each", assumption.id, rule, over=UNITS),
            Total("all", "each"),
            Certificate("c", None, {"all": ONE}),
        ),
    )


def no_noise(hidden: sp.Expr, definitions: dict) -> Claim:
    """``E‖g‖² = ‖E g‖²``, through a vector that is g under another name."""
    return toy(
        statement=equals(Norm2(g(t)), Norm2(MEAN), expected=True),
        assumptions=(UNBIASED,),
        definitions=definitions,
        proof=(
            Axiom("hidden", "unbiased", "tower", {"time": t, "against": hidden}),
            Axiom("mean", "unbiased", "tower", {"time": t, "against": MEAN}),
            Certificate("c", None, {"hidden": ONE, "mean": ONE}),
        ),
    )


def instance(values: dict, *assumptions: Assumption) -> Claim:
    """R6t with other values for its parameters, under its other assumptions and ``assumptions``."""
    kept = {each.id: each.at(values) for each in R6t.assumptions if each.condition is None}
    kept.update({each.id: each for each in assumptions})
    stated = R6t.statement
    return replace(
        R6t,
        statement=replace(stated, lhs=stated.lhs.subs(values), rhs=stated.rhs.subs(values)),
        definitions={name: meaning.subs(values) for name, meaning in R6t.definitions.items()},
        assumptions=tuple(kept.values()),
        proof=(Lemma("lemma", R6t, values), Certificate("c", None, {"lemma": ONE})),
    )


def by_lemma(claim: Claim, **more: object) -> Claim:
    return replace(claim, proof=(Lemma("lemma", claim), Certificate("c", None, {"lemma": ONE})), **more)


BALLS = Assumption(
    "orthogonal and in the unit ball",
    "",
    {
        "a": lambda: at_most(Norm2(a), 1),
        "b": lambda: at_most(Norm2(b), 1),
        "at most": lambda: at_most(Inner(a, b), 0),
        "at least": lambda: at_most(0, Inner(a, b)),
    },
)
A, B = sp.Sum(w(t), (t, 0, T - 1)), sp.Sum(g(t), (t, 0, T - 1))
_slope = (slope(i) - other_slope(i)) * (lam(i) - nu(i))
_curved = equals(_slope, -((lam(i) - nu(i)) ** 2) / (p * (1 - p)))
_past = sp.Sum(g(t - 1), (t, 1, T))
_past_of_units = sp.Sum(g(t - 1), (i, 1, 1), (t, 1, T))
_any_scale = Assumption("scaled", "", {"by": lambda c: equals(c * (T - 1) * alpha, c * (T - 1))})
_free_slack = sp.Symbol("s", nonnegative=True)
_weighted = sp.Sum(t * v(i), (i, 1, n))
SMALL = Assumption("small", "", {"bound": lambda: at_most(Norm2(a), epsilon)})
LARGE = Assumption("large", "", domain={epsilon: 1 + _free_slack})


def _high(point: sp.Expr) -> Fact:
    if point == u:
        raise Refused("F may be anything at u")
    return at_most(1, Objective(point))


PIT = Assumption("pit", "", {"elsewhere": _high})


def by_limit(statement, symbol: sp.Symbol, *steps: Step, **more: object) -> Claim:
    """From the fact called ``each``, at ``symbol = 0``."""
    return toy(
        statement=statement,
        proof=(*steps, Limit("limit", "each", symbol), Certificate("c", None, {"limit": ONE})),
        **more,
    )


_small = by_limit(at_most(Norm2(a), 0), epsilon, Axiom("each", "small", "bound"), assumptions=(SMALL,))
_small_lemma = toy(
    id="small",
    statement=at_most(Norm2(a), epsilon),
    assumptions=(SMALL,),
    proof=(Axiom("s", "small", "bound"), Certificate("c", None, {"s": ONE})),
)
STEPS = Range(t, sp.Integer(0), T - 1)
_shape = 1 / sp.sqrt(t + 1)
_weighted_points = sp.Sum(_shape * w(t), STEPS.limits)
_all_points, _some_points = sp.Sum(w(i), UNITS.limits), sp.Sum(w(i), (i, 1, K))
WEAK_MOMENT = Assumption("second moment", "", {"bound": lambda time: at_most(Norm2(g(time)), 5 * G**2, expected=True)})

_logs = sp.Sum(sp.log(n - i), UNITS.limits)
ABOVE = at_most(positive_part(alpha), 0)
RISING = Assumption(
    "rising",
    "",
    {"rise": lambda at, to: Given((at_most(at, to),), at_most(exponential(at), exponential(to)))},
)


def conditional(premise: Fact, stated: Fact) -> Claim:
    """``α_+ ≤ 0``, given what is no reason for it."""
    return toy(
        statement=stated,
        assumptions=(Assumption("given", "", {"given": lambda: premise}), POSITIVE_PART),
        proof=(
            Axiom("given", "given", "given"),
            Axiom("zero", POSITIVE_PART.id, "zero", {"at": alpha}, given=("given",)),
            Certificate("c", None, {"zero": ONE}),
        ),
    )


FALSE = {
    "a square that is not real": FalseClaim("0 > -1", lambda: squares(at_most(0, -1), ONE, sp.I)),
    "a square that may not be real": FalseClaim("T = 2", lambda: squares(at_most(T, 1), ONE, sp.sqrt(1 - T))),
    "Cauchy–Schwarz reversed": FalseClaim(
        "a ⟂ b", lambda: toy(statement=at_most(Norm2(a) * Norm2(b), Inner(a, b) ** 2), proof=(Certificate("c", None),))
    ),
    "Cauchy–Schwarz reversed, for sums": FalseClaim(
        "w_0 ⟂ g_0, T = 1",
        lambda: toy(statement=at_most(Norm2(A) * Norm2(B), Inner(A, B) ** 2), proof=(Certificate("c", None),)),
    ),
    "degree four in a product": FalseClaim(
        "orthonormal a, b: 2 > 1",
        lambda: toy(
            statement=at_most(Norm2(a) + Norm2(b), 1),
            assumptions=(BALLS,),
            proof=(
                *(Axiom(rule, BALLS.id, rule) for rule in BALLS.rules),
                Product("−⟨a, b⟩²", "at most", "at least"),
                Product("room", "a", "b"),
                Certificate("c", None, {"−⟨a, b⟩²": ONE, "room": ONE}),
            ),
        ),
    ),
    "a parameter called like a slack": FalseClaim(
        "s = 2, L = η = 1: 2 > 0",
        lambda: squares(
            at_most(_free_slack, 1 / L - eta), 1 / L - eta - _free_slack, ONE, assumptions=(STEP_AT_MOST_INVERSE_L,)
        ),
    ),
    "a range below the domain of its index": FalseClaim(
        "T = 1: 0 > −1", lambda: counted(at_most(0, sp.Sum(t, (t, -1, T - 1))), Range(t, -ONE, T - 1), each=t)
    ),
    "a range that may have −1 terms": FalseClaim("T = 1", lambda: counted(at_most(2, T), Range(t, ONE - 1, T - 3))),
    "dropped units may be missing": FalseClaim(
        "n = 3, K = 2", lambda: counted(at_most(2 * K, n), Range(i, 2 * K + 1, n))
    ),
    "a range to a fraction": FalseClaim(
        "T = 1: one term, not 3/2",
        lambda: toy(statement=equals(sp.Sum(1, (t, 0, T / 2)), T / 2 + 1), proof=(Certificate("c", None),)),
    ),
    "a range that binds its own end": FalseClaim(
        "T = 1: the only term is −1",
        lambda: counted(at_most(0, sp.Sum(T - 1, (T, 0, T - 1))), Range(T, ONE - 1, T - 1), each=T - 1),
    ),
    "a split beyond the end": FalseClaim(
        "v = (0, …, 0, 1) with n + 1 units",
        lambda: toy(
            statement=at_most(sp.Sum(v(i) ** 2, (i, 1, n + 5)), sp.Sum(v(i) ** 2, (i, 1, n))),
            proof=(
                Certificate("each", at_most(0, v(i) ** 2, over=Range(i, n + 6, n)), squares=((ONE, v(i)),)),
                Total("none", "each"),
                Split("split", v(i) ** 2, UNITS, n + 5),
                Certificate("c", None, {"none": ONE, "split": -ONE}),
            ),
        ),
    ),
    "division by what may be 0": FalseClaim(
        "α = 0, β = 2",
        lambda: from_rule(
            equals(beta, 1), Assumption("e", "", {"e": lambda: equals(alpha * beta, alpha)}), "e", 1 / alpha
        ),
    ),
    "division by T − 1": FalseClaim(
        "T = 1, α = 2",
        lambda: from_rule(
            equals(alpha, 1), Assumption("e", "", {"e": lambda: equals((T - 1) * alpha, T - 1)}), "e", 1 / (T - 1)
        ),
    ),
    "an axiom beyond its range": FalseClaim(
        "K = 1, x = (1, 0)",
        lambda: every_unit(at_most(n * tau_x, sp.Sum(x(i) ** 2, UNITS.limits)), HEAD_NORM.assumptions[1], "kept"),
    ),
    "an axiom without its range": FalseClaim(
        "K = 1, v = (1, 0)", lambda: every_unit(at_most(n * tau, sp.Sum(v(i), UNITS.limits)), ORDER, "kept")
    ),
    "a lemma whose assumption is only named alike": FalseClaim(
        "T = 1, F(w) = 2|w|, G = w_0 = D = 1, η = 1/2: 2 > 5/4",
        lambda: by_lemma(R1, assumptions=(CONVEX, UNBIASED, WEAK_MOMENT, DISTANCE)),
    ),
    "convexity by name": FalseClaim(
        "F = −‖·‖², a = −b",
        lambda: toy(
            statement=at_most(Objective((a + b) / 2), (Objective(a) + Objective(b)) / 2),
            assumptions=(Assumption("convex", "F is anything"),),
            proof=(
                Jensen("middle", (a + b) / 2, ((ONE / 2, a), (ONE / 2, b))),
                Certificate("c", None, {"middle": ONE}),
            ),
        ),
    ),
    "noise behind a definition": FalseClaim("g = ±1, F = 0", lambda: no_noise(z(t), {z(t): g(t)})),
    "noise in the comparator": FalseClaim("g = ±1, F = 0", lambda: no_noise(u, {u: g(t)})),
    "noise behind a bound index": FalseClaim(
        "T = 1, t = 0, g = ±1, F = 0",
        lambda: from_rule(
            equals(Inner(g(t), _past), Inner(MEAN, _past), expected=True),
            UNBIASED,
            "tower",
            arguments={"time": t, "against": _past},
        ),
    ),
    "noise behind two bound indices": FalseClaim(
        "T = 1, t = 0, g = ±1, F = 0",
        lambda: from_rule(
            equals(Inner(g(t), _past_of_units), Inner(MEAN, _past_of_units), expected=True),
            UNBIASED,
            "tower",
            arguments={"time": t, "against": _past_of_units},
        ),
    ),
    "a definition under the index of a sum": FalseClaim(
        "i = 1, n = 2, w_0 ≠ 0: 2 ≠ 1 + 4",
        lambda: toy(
            statement=equals(sp.Sum(Norm2(z(t)), UNITS.limits), sp.Sum(i**2 * Norm2(w(t)), UNITS.limits)),
            definitions={z(t): i * w(t)},
            proof=(Certificate("c", None),),
        ),
    ),
    "a hypothesis among the definitions": FalseClaim(
        "F(w) = |w|, T = 1, w_0 = 2, u = 0, G = η = 1: 2 > 1/2",
        lambda: replace(
            R1,
            statement=replace(R1.statement, rhs=eta * G**2 / 2),
            bound=eta * G**2 / 2,
            assumptions=tuple(assumption for assumption in R1.assumptions if assumption != DISTANCE),
            definitions={**R1.definitions, w(0): u},
            proof=(
                *(step for step in R1.proof if step.label not in ("start", "rate")),
                Certificate(
                    "rate",
                    None,
                    using={"all steps": 1 / (2 * eta * T), "telescope": 1 / (2 * eta * T), "average": ONE},
                    squares=((1 / (2 * eta * T), w(T) - u),),
                ),
            ),
        ),
    ),
    "an axiom where it is undefined": FalseClaim(
        "T = 1, α = 2", lambda: from_rule(equals(alpha, 1), _any_scale, "by", arguments={"c": 1 / (T - 1)})
    ),
    "a split between two units": FalseClaim(
        "n = 1, v = 1: the first part is empty, the second starts at 3/2",
        lambda: toy(
            statement=equals(sp.Sum(v(i), UNITS.limits), sp.Sum(v(i), (i, 1, n / 2)) + sp.Sum(v(i), (i, n / 2 + 1, n))),
            proof=(Split("s", v(i), UNITS, n / 2), Certificate("c", None, {"s": ONE})),
        ),
    ),
    "a bound index meets the end of a range": FalseClaim(
        "i = 1, v = (0, 1)",
        lambda: toy(
            statement=equals(i * sp.Sum(v(i), (i, 1, n)), sp.Sum(i * v(i), (i, 1, n))),
            proof=(Telescope("t", _weighted, Range(t, sp.Integer(0), i)), Certificate("c", None, {"t": -ONE})),
        ),
    ),
    "rounding": FalseClaim(
        "a ≠ 0",
        lambda: toy(
            statement=at_most((10**17 + 1) * Norm2(a), sp.Float(1e17) * Norm2(a)), proof=(Certificate("c", None),)
        ),
    ),
    "a definition under a sum over a parameter": FalseClaim(
        "N = 1, n = 2, w_0 ≠ 0: 2 ≠ 1 + 4",
        lambda: by_definition(
            equals(sp.Sum(Norm2(z(t)), (N, 1, n)), sp.Sum(N**2 * Norm2(w(t)), (N, 1, n))), {z(t): N * w(t)}
        ),
    ),
    "a definition by a sum over a parameter of another": FalseClaim(
        "N = 1, n = 2, w_0 = u ≠ 0: z_0 = 2w_0, not 3w_0",
        lambda: by_definition(
            equals(Inner(z(t), u), n * (n + 1) / 2 * Inner(w(t), u)),
            {prox(t): N * w(t), z(t): sp.Sum(prox(t), (N, 1, n))},
        ),
    ),
    "a gradient by definition": FalseClaim(
        "F(w) = ⟨u, w⟩, u ≠ 0", lambda: by_definition(equals(Norm2(MEAN), 0), {MEAN: sp.Integer(0)})
    ),
    "a vote by definition": FalseClaim("v_1 = 1", lambda: by_definition(equals(v(i), 0), {v(i): sp.Integer(0)})),
    "two steps in one": FalseClaim(
        "u ≠ 0: z_1 is u and 2u",
        lambda: by_definition(equals(Norm2(z(t + 1)), 4 * Norm2(z(t))), {z(t): u, z(t + 1): 2 * u}),
    ),
    "one vector defined twice": FalseClaim(
        "t = 0, T = 1, u ≠ 0: 0 ≠ ‖u‖²",
        lambda: by_definition(equals(Norm2(z(T) - z(t + 1)), Norm2(u)), {z(T): u, z(t + 1): 2 * u}),
    ),
    "a vector below a number": FalseClaim(
        "no order of vectors", lambda: toy(statement=at_most(u, u + 1 - 1), proof=(Certificate("c", None),))
    ),
    "a logarithm of what may be negative": FalseClaim(
        "α < 0", lambda: toy(statement=equals(sp.log(alpha), sp.log(alpha)), proof=(Certificate("c", None),))
    ),
    "a root of what may be negative": FalseClaim(
        "α < 0", lambda: toy(statement=equals(sp.sqrt(alpha), sp.sqrt(alpha)), proof=(Certificate("c", None),))
    ),
    "a limit of what a hypothesis bounds by": FalseClaim("ε = ‖a‖ = 1", lambda: _small),
    "the same under a label that is used twice": FalseClaim(
        "ε = ‖a‖ = 1",
        lambda: replace(_small, proof=(Certificate("each", at_most(0, 0)), *_small.proof)),
    ),
    "a limit of what a lemma bounds by": FalseClaim(
        "ε = ‖a‖ = 1",
        lambda: by_limit(at_most(Norm2(a), 0), epsilon, Lemma("each", _small_lemma), assumptions=(SMALL,)),
    ),
    "a limit of what is at least 1": FalseClaim(
        "1 > 0",
        lambda: by_limit(
            at_most(1, 0),
            epsilon,
            Certificate("each", at_most(1, epsilon), squares=((epsilon - 1, ONE),)),
            assumptions=(LARGE,),
        ),
    ),
    "a limit of an integer": FalseClaim(
        "1 > 0", lambda: by_limit(at_most(1, 0), T, Certificate("each", at_most(1, T), squares=((T - 1, ONE),)))
    ),
    "a limit of what may be negative": FalseClaim(
        "α = −1", lambda: by_limit(at_most(1, 0), alpha, Certificate("each", at_most(1, 1 + alpha**2 - alpha**2)))
    ),
    "a limit at a jump": FalseClaim(
        "F(u) = 0, and 1 elsewhere; a ≠ 0",
        lambda: by_limit(
            at_most(1, Objective(u)),
            epsilon,
            Axiom("each", "pit", "elsewhere", {"point": u + epsilon * a}),
            assumptions=(PIT,),
        ),
    ),
    "a limit at a pole": FalseClaim(
        "1 > 0",
        lambda: by_limit(
            at_most(1, 0),
            epsilon,
            Certificate("each", at_most(1, (1 + epsilon) / epsilon), squares=((1 / epsilon, ONE),)),
        ),
    ),
    "Cauchy–Schwarz without the number of terms": FalseClaim(
        "T = 2, w_0 = w_1 ≠ 0",
        lambda: toy(
            statement=at_most(Norm2(A), sp.Sum(Norm2(w(t)), (t, 0, T - 1))),
            proof=(
                CauchySchwarz("s", w(t), Range(t, sp.Integer(0), T - 1)),
                Certificate("c", None, {"s": 1 / T}),
            ),
        ),
    ),
    "Cauchy–Schwarz for fewer terms than there are": FalseClaim(
        "T = 2, w_0 = w_1 ≠ 0",
        lambda: toy(
            statement=at_most(Norm2(A), (T - 1) * sp.Sum(Norm2(w(t)), (t, 0, T - 1))),
            proof=(
                CauchySchwarz("s", w(t), Range(t, sp.Integer(0), T - 2)),
                Certificate("c", None, {"s": ONE}),
            ),
        ),
    ),
    "a new name that is taken": FalseClaim(
        "n = 2, v = (1, 0), j = 2: 0 ≠ 1",
        lambda: toy(
            statement=equals(sp.Sum(v(i) * v(j), (i, 1, n)), sp.Sum(v(j) ** 2, (j, 1, n))),
            proof=(Rename("r", v(i) * v(j), UNITS, j), Certificate("c", None, {"r": ONE})),
        ),
    ),
    "a new name that is bound": FalseClaim(
        "n = 2, v = (1, 0): 1 ≠ 2",
        lambda: toy(
            statement=equals(
                sp.Sum(v(i) * sp.Sum(v(j), (j, 1, n)), (i, 1, n)), sp.Sum(sp.Sum(v(j) ** 2, (j, 1, n)), (j, 1, n))
            ),
            proof=(
                Rename("r", sp.Sum(v(i) * v(j), (j, 1, n)), UNITS, j),
                Certificate("c", None, {"r": ONE}),
            ),
        ),
    ),
    "positions after the last": FalseClaim(
        "N = 1, k = 3",
        lambda: counted(at_most(0, N - k), Range(l, k, N - 1)),
    ),
    "positions after the last, for those in the epoch": FalseClaim(
        "N = 1, k = 3",
        lambda: toy(
            statement=at_most(0, N - k),
            proof=(
                Certificate("each", at_most(0, 1, over=Range(l, k, N - 1)), squares=((ONE, ONE),)),
                Total("all", "each", over=Range(k, sp.Integer(0), N - 1)),
                Certificate("c", None, {"all": ONE}),
            ),
        ),
    ),
    "a definition under a position": FalseClaim(
        "k = 2, N = 2, w_0 ≠ 0: 8 ≠ 1",
        lambda: toy(
            statement=equals(sp.Sum(Norm2(z(t)), (k, 0, N - 1)), sp.Sum(k**2 * Norm2(w(t)), (k, 0, N - 1))),
            definitions={z(t): k * w(t)},
            proof=(Certificate("c", None),),
        ),
    ),
    "two positions in one": FalseClaim(
        "u ≠ 0: y_{t,0} is u and 2u",
        lambda: by_definition(equals(Norm2(inner(t, 0)), 4 * Norm2(inner(t, k))), {inner(t, k): u, inner(t, 0): 2 * u}),
    ),
    "noise of the epoch": FalseClaim("g = ±1 = y, F = 0", lambda: no_noise(inner(t, k), {inner(t, k): g(t)})),
    "an instance whose step is too long": FalseClaim("L = 1: η = 3 diverges", lambda: instance({eta: 3 / L})),
    "an instance that climbs": FalseClaim("w_{t+1} = w_t + g_t/L", lambda: instance({eta: -1 / L})),
    "an instance for another step each time": FalseClaim(
        "η_t = 1/((t + 1)L) was not summed", lambda: instance({eta: 1 / ((t + 1) * L)})
    ),
    "an instance with a smaller L than is assumed": FalseClaim(
        "F(w) = ‖w‖²/2, η = 3", lambda: instance({L: L / 4, eta: 3 / L}, SMOOTH)
    ),
    "a root hides a range that may have −1 terms": FalseClaim(
        "T = 1: 0 ≠ −√3",
        lambda: toy(
            statement=equals(sp.sqrt(T + 2) * sp.Sum(1, (t, 0, T - 3)), sp.sqrt(T + 2) * (T - 2)),
            proof=(Certificate("c", None),),
        ),
    ),
    "a sum of one or more terms is its first": FalseClaim(
        "n = 2, v = (1, 1)",
        lambda: toy(statement=equals(sp.Sum(v(i), UNITS.limits), v(1)), proof=(Certificate("c", None),)),
    ),
    "a logarithm below 0 inside of a sum": FalseClaim(
        "i = n", lambda: toy(statement=equals(_logs, _logs), proof=(Certificate("c", None),))
    ),
    "a conditional rule without its premise": FalseClaim(
        "α = 1",
        lambda: from_rule(at_most(positive_part(alpha), 0), POSITIVE_PART, "zero", ONE, arguments={"at": alpha}),
    ),
    "a premise that is too weak": FalseClaim("α = 1", lambda: conditional(at_most(alpha, 1), ABOVE)),
    "a premise in expectation": FalseClaim(
        "α = ±1", lambda: conditional(at_most(alpha, 0, expected=True), at_most(positive_part(alpha), 0, expected=True))
    ),
    "a premise on another range": FalseClaim(
        "K = 1, v = (−1, 1)",
        lambda: toy(
            statement=at_most(sp.Sum(positive_part(v(i)), UNITS.limits), 0),
            assumptions=(Assumption("kept", "", {"kept": lambda: at_most(v(i), 0, over=KEPT)}), POSITIVE_PART),
            proof=(
                Axiom("kept", "kept", "kept"),
                Axiom("zero", POSITIVE_PART.id, "zero", {"at": v(i)}, UNITS, given=("kept",)),
                Total("all", "zero"),
                Certificate("c", None, {"all": ONE}),
            ),
        ),
    ),
    "an equality from a premise that is none": FalseClaim(
        "α = 0, h(0) = 0 < ln 2",
        lambda: toy(
            statement=equals(entropy(alpha), softplus(0)),
            assumptions=(
                Assumption("given", "", {"given": lambda: at_most(alpha * (1 + exp(sp.Integer(0))), 1)}),
                ENTROPY_VALUE,
            ),
            proof=(
                Axiom("given", "given", "given"),
                Axiom("value", ENTROPY_VALUE.id, "attained", {"at": alpha, "slope": sp.Integer(0)}, given=("given",)),
                Certificate("c", None, {"value": ONE}),
            ),
        ),
    ),
    "exp falls": FalseClaim(
        "α = 0, β = 1",
        lambda: toy(
            statement=at_most(exponential(beta), exponential(alpha)),
            assumptions=(Assumption("given", "", {"given": lambda: at_most(alpha, beta)}), RISING),
            proof=(
                Axiom("given", "given", "given"),
                Axiom("rise", RISING.id, "rise", {"at": beta, "to": alpha}, given=("given",)),
                Certificate("c", None, {"rise": ONE}),
            ),
        ),
    ),
    "two conditions on one parameter": FalseClaim(
        "η = 1, L = 1, m_PL = 1/2: −1/2 ≥ 0",
        lambda: squares(at_most(0, m_PL - L), m_PL - L, ONE, assumptions=(STEP_AT_MOST_INVERSE_L, WELL_POSED)),
    ),
    "a step condition that is half of what is needed": FalseClaim(
        "η = 1, L = 1: −1 ≥ 0",
        lambda: squares(at_most(2 * eta * L, 1), 1 - 2 * eta * L, ONE, assumptions=(STEP_AT_MOST_INVERSE_L,)),
    ),
    "a power of what may be 0, below its range": FalseClaim(
        "T = 1, η m_PL = 1: 1/0",
        lambda: counted(
            at_most(0, sp.Sum((1 - eta * m_PL) ** (T - t - 2), (t, 0, T - 1))),
            Range(t, ONE - 1, T - 1),
            each=(1 - eta * m_PL) ** (T - t - 2),
        ),
    ),
    "an odd power of what may be negative": FalseClaim(
        "T = 1, η m_PL = 2: −1 ≥ 0", lambda: squares(at_most(0, (1 - eta * m_PL) ** T), (1 - eta * m_PL) ** T, ONE)
    ),
    "two powers with unlike exponents": FalseClaim(
        "T = 1, α = 2", lambda: toy(statement=equals(alpha ** (2 * T), alpha**T), proof=(Certificate("c", None),))
    ),
    "two sums of parameters with unlike ranges": FalseClaim(
        "T = 1: 1 ≠ 3/2",
        lambda: toy(
            statement=equals(sp.Sum(1 / (t + 1), (t, 0, T - 1)), sp.Sum(1 / (t + 1), (t, 0, T))),
            proof=(Certificate("c", None),),
        ),
    ),
    "an average with weights that are not normalised": FalseClaim(
        "T = 2, F = 0 at w_0 and w_1, 1 at w_0 + w_1/√2",
        lambda: toy(
            statement=at_most(Objective(_weighted_points), sp.Sum(_shape * Objective(w(t)), STEPS.limits)),
            assumptions=(CONVEX,),
            proof=(
                Jensen("average", _weighted_points, ((_shape, w(t)),), along=STEPS),
                Certificate("c", None, {"average": ONE}),
            ),
        ),
    ),
    "one term of a sum of two": FalseClaim(
        "v_n = 0, v_{n+1} = 1",
        lambda: toy(statement=equals(sp.Sum(v(i), (i, n, n + 1)), v(n)), proof=(Certificate("c", None),)),
    ),
    "one term under an inner sum of that index": FalseClaim(
        "i = 2, n = 2, v = (1, 1): 6 ≠ 5",
        lambda: toy(
            statement=equals(sp.Sum(t + _weighted, (t, i, i)), i + sp.Sum(i * v(i), (i, 1, n))),
            proof=(Certificate("c", None),),
        ),
    ),
    "a square split without its cross term": FalseClaim(
        "K = 1, n = 2, w_1 = w_2 ≠ 0: 4 ≠ 2",
        lambda: toy(
            statement=equals(Norm2(_all_points), Norm2(_some_points) + Norm2(_all_points - _some_points)),
            assumptions=(WIDTH,),
            proof=(Split("s", w(i), UNITS, K), Certificate("c", None, {"s": ONE})),
        ),
    ),
    "more draws than samples": FalseClaim(
        "N = 2, B = 3, without replacement: −1/4 of V is no square",
        lambda: replace(R11, statement=R11.statement, proof=_square(N + 1) + R11.proof),
    ),
    "noise behind a bias": FalseClaim(
        "F = 0, b = 0, g = ±1",
        lambda: toy(
            statement=equals(Norm2(g(t)), Norm2(MEAN + bias(t)), expected=True),
            assumptions=(BIASED,),
            proof=(
                Axiom("g", "biased", "tower", {"time": t, "against": g(t)}),
                Axiom("mean", "biased", "tower", {"time": t, "against": MEAN + bias(t)}),
                Certificate("c", None, {"g": ONE, "mean": ONE}),
            ),
        ),
    ),
    "some p becomes every p": FalseClaim("p → 0", lambda: from_rule(_curved, ENTROPY, "curvature")),
}


@pytest.mark.parametrize("name", FALSE)
def test_false_claim_is_refused(name):
    """By the checker, or because it cannot even be written down."""
    try:
        proved = check(FALSE[name].stated()).proved
    except ValueError:
        proved = False
    assert not proved, f"counterexample: {FALSE[name].counterexample}"
