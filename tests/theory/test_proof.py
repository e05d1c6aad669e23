"""Each rule of the checker: a right use is accepted, and its wrong twin is refused with the reason."""

import re
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from functools import partial

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import check, claims
from theory.assumptions import CONVEX, DISTANCE, SECOND_MOMENT, SMOOTH, STEP_AT_MOST_INVERSE_L, UNBIASED, Assumption
from theory.calculus import POSITIVE_PART
from theory.claim import Claim
from theory.facts import Range, at_most, equals
from theory.operator.units import MULTIPLIERS, UNITS, over
from theory.proof import INDICES, Checked, StepReport
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
    D,
    G,
    K,
    L,
    N,
    T,
    epsilon,
    eta,
    g,
    i,
    inner,
    j,
    k,
    l,
    lam,
    n,
    positive_part,
    prox,
    t,
    tau,
    u,
    v,
    w,
    z,
)
from theory.terms import Dot, FixedVector, Gradient, Inner, Norm2, Objective

ONE, HALF = sp.Integer(1), sp.Rational(1, 2)
ALL_STEPS = Range(t, sp.Integer(0), T - 1)
BUT_LAST = Range(t, sp.Integer(0), T - 2)
MEAN = Gradient(w(t))
a, b = FixedVector("a"), FixedVector("b")

toy = partial(Claim, id="toy", title="", setting="", source="")
SQUARE_A = toy(
    id="square", statement=at_most(0, Norm2(a)), assumptions=(), proof=(Certificate("c", None, squares=((ONE, a),)),)
)


def edited(claim: Claim, label: str, **changes: object) -> Claim:
    """The claim with one step of its proof changed."""
    steps = tuple(replace(step, **changes) if step.label == label else step for step in claim.proof)
    assert steps != claim.proof
    return replace(claim, proof=steps)


def using(claim: Claim, label: str, **multipliers: sp.Expr) -> Claim:
    (step,) = (step for step in claim.proof if step.label == label)
    return edited(claim, label, using={**step.using, **multipliers})


def moment(multiplier: sp.Expr) -> Claim:
    return toy(
        statement=at_most(multiplier * Norm2(g(t)), multiplier * G**2, expected=True),
        assumptions=(SECOND_MOMENT,),
        proof=(Axiom("m", "second moment", "bound", {"time": t}), Certificate("c", None, {"m": multiplier})),
    )


def step_condition(*assumptions: Assumption) -> Claim:
    return toy(
        statement=at_most(0, (1 - eta * L) * Norm2(a)),
        assumptions=assumptions,
        proof=(Certificate("c", None, squares=((1 - eta * L, a),)),),
    )


def mean_of_g(against: sp.Expr) -> Claim:
    return toy(
        statement=equals(Inner(g(t), against), Inner(MEAN, against), expected=True),
        assumptions=(UNBIASED,),
        proof=(
            Axiom("tower", "unbiased", "tower", {"time": t, "against": against}),
            Certificate("c", None, {"tower": ONE}),
        ),
    )


def product(expected: bool) -> Claim:
    small = Assumption(
        "small",
        "",
        {"at least 0": lambda: at_most(0, v(i), expected=expected), "at most 1": lambda: at_most(v(i), 1)},
    )
    return toy(
        statement=at_most(v(i) ** 2, v(i), expected=expected),
        assumptions=(small,),
        proof=(
            Axiom("0", "small", "at least 0"),
            Axiom("1", "small", "at most 1"),
            Product("01", "0", "1"),
            Certificate("c", None, {"01": ONE}),
        ),
    )


def jensen(*weights: sp.Expr, average: sp.Expr = (a + b) / 2) -> Claim:
    return toy(
        statement=at_most(Objective(average), sum(k * Objective(p) for k, p in zip(weights, (a, b), strict=True))),
        assumptions=(CONVEX,),
        proof=(
            Jensen("j", average, tuple(zip(weights, (a, b), strict=True))),
            Certificate("c", None, {"j": ONE}),
        ),
    )


def smooth_square(statement, **more) -> Claim:
    return toy(statement=statement, proof=(Certificate("c", None, squares=((ONE, a),)),), **more)


def total(of: str, where: Range | None, stated: Range | None = None) -> Claim:
    return toy(
        statement=at_most(0, sp.Sum(Norm2(w(t)), (stated or where or ALL_STEPS).limits)),
        assumptions=(),
        proof=(
            Certificate("each", at_most(0, Norm2(w(t)), over=where), squares=((ONE, w(t)),)),
            Total("all", of),
            Certificate("c", None, {"all": ONE}),
        ),
    )


def once(statement_over: Range | None) -> Claim:
    return toy(
        statement=at_most(-G * (T - 1 - t), 0, over=statement_over),
        assumptions=(),
        proof=(
            Certificate("each", at_most(0, G * (T - 1 - t), over=ALL_STEPS), squares=((G * (T - 1 - t), ONE),)),
            Certificate("c", None, {"each": ONE}),
        ),
    )


def ranges(second: Range) -> Claim:
    return toy(
        statement=at_most(0, Norm2(w(t)) + Norm2(g(t)), over=ALL_STEPS),
        assumptions=(),
        proof=(
            Certificate("w", at_most(0, Norm2(w(t)), over=ALL_STEPS), squares=((ONE, w(t)),)),
            Certificate("g", at_most(0, Norm2(g(t)), over=second), squares=((ONE, g(t)),)),
            Certificate("c", None, {"w": ONE, "g": ONE}),
        ),
    )


def telescoped(potential: sp.Expr) -> Claim:
    change = Norm2(w(t)) - Norm2(w(t + 1))
    return toy(
        statement=equals(sp.Sum(change, ALL_STEPS.limits), Norm2(w(0)) - Norm2(w(T))),
        assumptions=(),
        proof=(Telescope("t", potential, ALL_STEPS), Certificate("c", None, {"t": ONE})),
    )


def split(at: sp.Expr, stated: sp.Expr) -> Claim:
    parts = (t, 0, stated), (t, stated + 1, T - 1)
    return toy(
        statement=equals(sp.Sum(v(t), ALL_STEPS.limits), sum(sp.Sum(v(t), part) for part in parts)),
        assumptions=(),
        proof=(Split("s", v(t), ALL_STEPS, at), Certificate("c", None, {"s": ONE})),
    )


def summed(term: sp.Expr, where: Range) -> Claim:
    return toy(
        statement=at_most(Norm2(sp.Sum(w(t), where.limits)), where.count * sp.Sum(Norm2(w(t)), where.limits)),
        assumptions=(),
        proof=(CauchySchwarz("s", term, where), Certificate("c", None, {"s": ONE})),
    )


def renamed(summand: sp.Expr, where: Range, name: sp.Symbol) -> Claim:
    return toy(
        statement=equals(sp.Sum(t * v(t), ALL_STEPS.limits), sp.Sum(k * v(k), (k, 0, T - 1))),
        assumptions=(),
        proof=(Rename("r", summand, where, name), Certificate("c", None, {"r": ONE})),
    )


def divided(divisor: sp.Expr) -> Claim:
    scaled = Assumption("scaled", "", {"scaled": lambda: equals(divisor * v(i), divisor)})
    return toy(
        statement=equals(v(i), 1),
        assumptions=(scaled,),
        proof=(Axiom("s", "scaled", "scaled"), Certificate("c", None, {"s": 1 / divisor})),
    )


def counted_by(*indices: sp.Symbol) -> Claim:
    """A square, summed from 1 to n over an index; and the product of such sums."""
    totals = sp.prod([sp.Sum(Norm2(a), (index, 1, n)) for index in indices])
    stated = equals(totals, (n * Norm2(a)) ** len(indices))
    return toy(statement=stated, assumptions=(), proof=(Certificate("c", None),))


def defining(*definitions: tuple[sp.Expr, sp.Expr]) -> Claim:
    return replace(SQUARE_A, definitions=dict(definitions))


def in_the_limit(root: sp.Expr, symbol: sp.Symbol) -> Claim:
    return toy(
        statement=at_most(0, Norm2(a)),
        assumptions=(),
        proof=(
            Certificate("each", at_most(0, Norm2(root)), squares=((ONE, root),)),
            Limit("limit", "each", symbol),
            Certificate("c", None, {"limit": ONE}),
        ),
    )


def before_and_after(where: Range | None) -> Claim:
    """Σ_{l<N} v_l² ≥ Σ_{l<k} v_l² for every position k."""
    positions, later = Range(k, sp.Integer(0), N - 1), Range(l, k, N - 1)
    return toy(
        statement=at_most(sp.Sum(v(l) ** 2, (l, 0, k - 1)), sp.Sum(v(l) ** 2, (l, 0, N - 1)), over=positions),
        assumptions=(),
        proof=(
            Certificate("each", at_most(0, v(l) ** 2, over=later), squares=((ONE, v(l)),)),
            Total("rest", "each", over=where),
            Split("parts", v(l) ** 2, Range(l, sp.Integer(0), N - 1), k - 1, over=where),
            Certificate("c", None, {"rest": ONE, "parts": -ONE}),
        ),
    )


def on_lemma(lemma: Claim, claim: Claim, **changes: object) -> Claim:
    proof = (Lemma("lemma", lemma), Certificate("c", None, {"lemma": ONE}))
    return replace(claim, proof=proof, **changes)


R1, R3, R6t, O1 = claims["R1"], claims["R3"], claims["R6t"], claims["O1"]

# what is misused: the right use, the wrong use, the reason
TWINS = {
    "negative multiplier": (moment(eta), moment(-eta), r"multiplier -eta is not certainly ≥ 0"),
    "multiplier of unknown sign": (
        step_condition(STEP_AT_MOST_INVERSE_L),
        step_condition(),
        r"multiplier .* is not certainly ≥ 0",
    ),
    "random multiplier": (moment(eta**2), moment(Norm2(w(t))), r"random multiplier .* holds in expectation"),
    "multiplier of a lone fact is not 1": (moment(G), using(moment(G), "c", m=2 * G), r"residual"),
    "product in expectation": (product(False), product(True), r"facts in expectation cannot be multiplied"),
    "mean of g against its own noise": (mean_of_g(w(t)), mean_of_g(g(t)), r"g\(t\) is not known at step t"),
    "mean of g against the next iterate": (mean_of_g(MEAN), mean_of_g(w(t + 1)), r"not known at step t"),
    "mean of g against the next gradient": (
        mean_of_g(w(t) - u),
        mean_of_g(Gradient(w(t + 1)) - u),
        r"not known at step t",
    ),
    "Jensen weights sum to 3/2": (jensen(HALF, HALF), jensen(HALF, ONE), r"residual 1/2"),
    "Jensen weight negative": (
        jensen(ONE, sp.Integer(0), average=a),
        jensen(sp.Integer(2), -ONE, average=2 * a - b),
        r"multiplier -1 is not certainly ≥ 0",
    ),
    "Jensen at another point": (jensen(HALF, HALF), jensen(HALF, HALF, average=a), r"j: residual"),
    "telescoping another potential": (telescoped(Norm2(w(t))), telescoped(2 * Norm2(w(t))), r"residual"),
    "telescoping a shifted potential": (telescoped(Norm2(w(t))), telescoped(Norm2(w(t + 1))), r"residual"),
    "split elsewhere": (split(T - 2, T - 2), split(T - 1, T - 2), r"residual"),
    "split beyond the end": (split(T - 1, T - 1), split(T, T), r"-1 is not certainly ≥ 0"),
    "split before the start": (split(-ONE, -ONE), split(-2 * ONE, -2 * ONE), r"-1 is not certainly ≥ 0"),
    "Cauchy–Schwarz of other vectors": (summed(w(t), ALL_STEPS), summed(2 * w(t), ALL_STEPS), r"residual"),
    "Cauchy–Schwarz for a range that may have −1 terms": (
        summed(w(t), BUT_LAST),
        summed(w(t), Range(t, ONE - 1, T - 3)),
        r"T - 2 is not certainly ≥ 0",
    ),
    "Cauchy–Schwarz of numbers": (summed(w(t), ALL_STEPS), summed(v(t), ALL_STEPS), r"not a vector"),
    "another range under a new name": (
        renamed(t * v(t), ALL_STEPS, k),
        renamed(t * v(t), BUT_LAST, k),
        r"residual",
    ),
    "a name that is taken": (
        renamed(t * v(t), ALL_STEPS, k),
        renamed(t * v(k), ALL_STEPS, k),
        r"k already has a meaning",
    ),
    "limit at a pole": (
        in_the_limit(a + epsilon * b, epsilon),
        in_the_limit(a + b / epsilon, epsilon),
        r"not certain to be (real|continuous)",
    ),
    "limit of a natural number": (
        in_the_limit(a + epsilon * b, epsilon),
        in_the_limit(a + (T - 1) * b, T),
        r"T is not any positive number",
    ),
    "sums inside an epoch for positions beyond it": (
        before_and_after(Range(k, sp.Integer(0), N - 1)),
        before_and_after(None),
        r"N - k is not certainly ≥ 0",
    ),
    "equality from an inequality": (
        smooth_square(at_most(0, Norm2(a)), assumptions=()),
        smooth_square(equals(0, Norm2(a)), assumptions=()),
        r"an equality cannot follow from inequalities",
    ),
    "hypothesis without use": (
        smooth_square(at_most(0, Norm2(a)), assumptions=()),
        smooth_square(at_most(0, Norm2(a)), assumptions=(SMOOTH, DISTANCE)),
        r"never used: smooth, distance",
    ),
    "total of a fact without index": (
        total("each", ALL_STEPS),
        total("each", None),
        r"'each' has no index to sum over",
    ),
    "total over a range that may have −1 terms": (
        total("each", BUT_LAST),
        total("each", Range(t, ONE - 1, T - 3)),
        r"T - 2 is not certainly ≥ 0",
    ),
    "total over another range": (total("each", ALL_STEPS), total("each", BUT_LAST, ALL_STEPS), r"residual"),
    "one index out of a range that may be empty": (
        once(ALL_STEPS),
        once(None),
        r"for an index that may not exist",
    ),
    "facts over different ranges": (ranges(ALL_STEPS), ranges(BUT_LAST), r"different ranges"),
    "label that no step has": (
        total("each", ALL_STEPS),
        total("other", ALL_STEPS),
        r"no earlier step is called 'other'",
    ),
    "rule that the assumption lacks": (
        moment(eta),
        edited(moment(eta), "m", rule="sharp"),
        r"'second moment' has no rule 'sharp'",
    ),
    "expectation sold as sure": (
        moment(eta),
        replace(moment(eta), statement=replace(moment(eta).statement, expected=False)),
        r"the claim is made surely",
    ),
    "inexact number": (
        moment(ONE / 3),
        using(moment(ONE / 3), "c", m=sp.Float(0.3333)),
        r"inexact number",
    ),
    "not a scalar": (
        smooth_square(at_most(0, Norm2(a)), assumptions=()),
        smooth_square(at_most(0, a), assumptions=()),
        r"not a scalar",
    ),
    "lemma whose assumptions the claim lacks": (
        on_lemma(R1, R1),
        on_lemma(R1, R1, assumptions=(CONVEX, UNBIASED, SECOND_MOMENT)),
        r"'distance' is not among the assumptions of R1",
    ),
    "lemma about another algorithm": (
        on_lemma(R1, R1),
        on_lemma(R1, R1, definitions={**R1.definitions, w(t + 1): w(t) - 2 * eta * g(t)}),
        r"the lemma R1 speaks of another algorithm",
    ),
    "lemma that is not proved": (
        on_lemma(R1, R1),
        on_lemma(using(R1, "one step", moment=2 * eta**2), R1),
        r"the lemma R1 is not proved: one step: residual",
    ),
    "last step is not the claim": (
        SQUARE_A,
        edited(SQUARE_A, "c", conclusion=at_most(0, Norm2(a))),
        r"the last step does not conclude the claim",
    ),
    "proof ends before the claim": (
        total("each", ALL_STEPS),
        replace(total("each", ALL_STEPS), proof=total("each", ALL_STEPS).proof[:-1]),
        r"the last step does not conclude the claim",
    ),
    "no proof": (SQUARE_A, replace(SQUARE_A, proof=()), r"the last step does not conclude the claim"),
    "division by what may be 0": (divided(T), divided(T - 1), r"^c: a denominator of 1/\(T - 1\) may vanish$"),
    "sum over a parameter": (counted_by(i), counted_by(K), r"^c: K is no index to sum over$"),
    "sums over two parameters": (counted_by(i, j), counted_by(N, K), r"^c: K is no index to sum over$"),
    "negative square": (
        SQUARE_A,
        edited(SQUARE_A, "c", squares=((-ONE, a),)),
        r"multiplier -1 is not certainly ≥ 0",
    ),
    "assumption that the claim lacks": (
        moment(eta),
        replace(moment(eta), assumptions=()),
        r"'second moment' is not among the assumptions of toy",
    ),
    "R1: sum before the range ends": (R1, edited(R1, "telescope", along=BUT_LAST), r"^rate: "),
    "R1: average of the last iterate only": (
        R1,
        edited(R1, "average", terms=((1 / T, w(T - 1)),)),
        r"average: residual",
    ),
    "R1: average of fewer iterates": (R1, edited(R1, "average", along=BUT_LAST), r"average: residual"),
    "R1: start forgotten": (R1, using(R1, "rate", start=sp.Integer(0)), r"rate: residual"),
    "R3: anchors of the next step": (
        R3,
        edited(R3, "convexity", arguments={"at": w(t), "against": w(t + 1)}),
        r"one step: residual",
    ),
    "R6t: gradient at the next iterate": (
        R6t,
        edited(R6t, "descent", arguments={"at": w(t + 1), "to": w(t)}),
        r"one step: residual",
    ),
    "O1: largest votes elsewhere": (O1, edited(O1, "votes", at=K - 1), r"support function: residual"),
}


@pytest.mark.parametrize("misuse", TWINS)
def test_right_use_is_accepted(misuse):
    right, _, _ = TWINS[misuse]
    assert check(right).refused is None


@pytest.mark.parametrize("misuse", TWINS)
def test_wrong_use_is_refused_for_the_reason(misuse):
    _, wrong, reason = TWINS[misuse]
    checked = check(wrong)
    assert not checked.proved
    assert re.search(reason, checked.refused)


weights = st.fractions(-2, 4, max_denominator=4)


@given(
    multipliers=st.lists(weights, min_size=1, max_size=3),
    coefficients=st.lists(st.integers(-3, 3), min_size=3, max_size=3),
    surplus=weights,
    error=st.sampled_from([0, 0, 0, Fraction(1, 1000), -1]),
)
@settings(deadline=None, max_examples=60)
def test_a_certificate_holds_exactly_when_multipliers_are_nonnegative_and_nothing_is_left(
    multipliers, coefficients, surplus, error
):
    gaps = [c * Norm2(a) + (c - k) * Inner(a, b) - k for k, c in enumerate(coefficients[: len(multipliers)])]
    granted = Assumption("granted", "", {str(k): partial(at_most, 0, gap) for k, gap in enumerate(gaps)})
    rational = [sp.Rational(m) for m in multipliers]
    root = a - 2 * b
    stated = sum(m * gap for m, gap in zip(rational, gaps, strict=True))
    claim = toy(
        statement=at_most(0, stated + sp.Rational(surplus) * Norm2(root) + sp.Rational(error)),
        assumptions=(granted,),
        proof=(
            *(Axiom(str(k), "granted", str(k)) for k in range(len(gaps))),
            Certificate(
                "c", None, dict(zip(map(str, range(len(gaps))), rational, strict=True)), ((sp.Rational(surplus), root),)
            ),
        ),
    )
    assert check(claim).proved == (min(multipliers) >= 0 and surplus >= 0 and error == 0)


def test_the_report_says_which_step_left_what():
    wrong = using(R1, "one step", moment=2 * eta**2)
    checked = check(wrong)
    assert [report.step.label for report in checked.reports] == ["mean", "convexity", "moment", "one step"]
    assert checked.residual == checked.reports[-1].residual
    assert sp.expand(checked.residual - eta**2 * (Dot(g(t), g(t)) - G**2)) == 0
    assert check(R1).residual == 0


def test_a_refusal_says_what_held_until_then():
    reports = check(R1).reports
    wrong = using(R1, "one step", moment=-(eta**2))
    reason = "multiplier -eta**2 is not certainly ≥ 0"
    checked = check(wrong)
    assert checked == Checked(
        "R1",
        (*reports[:3], StepReport(wrong.proof[3], None, None, reason)),
        ("unbiased", "convex", "second moment"),
        f"one step: {reason}",
    )
    assert checked.residual == 0


def test_an_outcome_cannot_be_changed():
    checked = check(using(R1, "one step", moment=2 * eta**2))
    with pytest.raises(FrozenInstanceError):
        checked.refused = None
    with pytest.raises(FrozenInstanceError):
        checked.reports[-1].residual = sp.Integer(0)


def test_only_steps_that_held_are_known():
    refused, left = (using(R1, "one step", moment=moment) for moment in (-(eta**2), 2 * eta**2))
    for wrong in refused, left:
        with pytest.raises(ValueError, match=r"^known = \[StepReport.*; expected reports of steps that hold"):
            check(wrong, check(wrong).reports)
    with pytest.raises(ValueError, match=r"^known = \[3\]; expected reports of steps that hold; try known=\(\)$"):
        check(R1, [3])
    with pytest.raises(ValueError, match=r"^known = 3 is a int; expected a list$"):
        check(R1, 3)
    with pytest.raises(ValueError, match=r"^3 is no claim; expected one; try claims\['R1'\]$"):
        check(3)


def test_a_residual_says_what_held_until_then():
    reports = check(R1).reports
    wrong = using(R1, "one step", moment=2 * eta**2)
    left = eta**2 * (Dot(g(t), g(t)) - G**2)
    axioms = ("unbiased", "convex", "second moment")
    checked = check(wrong)
    assert sp.expand(checked.residual - left) == 0
    assert checked == Checked(
        "R1",
        (*reports[:3], StepReport(wrong.proof[3], reports[3].fact, checked.residual, used=axioms)),
        axioms,
        f"one step: residual {checked.residual}",
    )


def test_indices_are_what_counts_and_no_parameter():
    assert {t, i, j, k, l} == INDICES


@pytest.mark.parametrize("claim", [R1, R3, O1], ids=lambda claim: claim.id)
def test_a_check_may_be_taken_up_after_any_step(claim):
    whole = check(claim)
    for count in range(len(claim.proof) + 1):
        assert check(claim, whole.reports[:count]) == whole


def test_the_report_names_the_axioms_that_were_used():
    assert check(R1).axioms == ("unbiased", "convex", "second moment", "distance")
    assert set(check(step_condition(STEP_AT_MOST_INVERSE_L)).axioms) == {"step"}


def test_the_distance_is_bounded_at_the_start_only():
    claim = toy(
        statement=at_most(Norm2(w(1) - u), D**2),
        assumptions=(DISTANCE,),
        proof=(Axiom("d", "distance", "bound"), Certificate("c", None, {"d": ONE})),
    )
    assert "residual" in check(claim).refused


def test_every_multiplier_in_the_simplex_may_be_summed():
    claim = toy(
        statement=equals(over(UNITS, lam(i)), K),
        assumptions=(MULTIPLIERS,),
        proof=(Axiom("k", "multipliers", "total"), Certificate("c", None, {"k": ONE})),
    )
    assert check(claim).proved


@pytest.mark.parametrize(
    "claim",
    [
        edited(moment(eta), "m", arguments={"when": t}),
        smooth_square(at_most(0, sp.Sum(v(i), UNITS.limits, (t, 0, T - 1))), assumptions=()),
    ],
    ids=["argument that the rule lacks", "double sum"],
)
def test_a_wrong_proof_is_refused_and_raises_nothing(claim):
    assert not check(claim).proved


def test_no_assumption_hides_behind_the_name_of_another():
    claim = moment(eta)
    namesake = Assumption("second moment", "never used")
    wrong = replace(claim, assumptions=(*claim.assumptions, namesake))
    assert check(wrong) == Checked("toy", (), (), "two assumptions have one name")


def test_a_lemma_holds_for_other_values_of_its_parameters():
    """R6t with a step that depends on the horizon, under a condition that gives the lemma's."""
    R6t = claims["R6t"]
    values = {eta: eta / T}
    kept = (a.at(values) for a in R6t.assumptions if a.condition is None)
    slack = sp.Dummy("s", nonnegative=True)
    long = Assumption("long", "", domain={L: 1 / (eta + slack), T: 1 + sp.Dummy("r", nonnegative=True)})
    stated = R6t.statement
    claim = replace(
        R6t,
        statement=replace(stated, rhs=stated.rhs.subs(values)),
        definitions={name: meaning.subs(values) for name, meaning in R6t.definitions.items()},
        assumptions=(*kept, long),
        proof=(Lemma("lemma", R6t, values), Certificate("c", None, {"lemma": sp.Integer(1)})),
    )
    assert check(claim).refused is None
    assert check(replace(claim, assumptions=R6t.assumptions)).refused is not None


def test_a_conditional_rule_is_granted_by_its_premise():
    granted = Assumption("given", "", {"given": lambda: at_most(2 * v(i), tau + v(i))})
    claim = toy(
        statement=at_most(positive_part(v(i) - tau), 0),
        assumptions=(granted, POSITIVE_PART),
        proof=(
            Axiom("given", "given", "given"),
            Axiom("zero", POSITIVE_PART.id, "zero", {"at": v(i) - tau}, given=("given",)),
            Certificate("c", None, {"zero": ONE}),
        ),
    )
    assert check(claim).proved
    other_vote = replace(claim.proof[1], arguments={"at": v(i + 1) - tau})
    assert "is not what 'zero' asks for" in check(replace(claim, proof=(claim.proof[0], other_vote))).refused
    none = replace(claim.proof[1], given=())
    assert "asks for 1 facts, not 0" in check(replace(claim, proof=(claim.proof[0], none))).refused


def test_steps_have_names_of_their_own():
    step = Certificate("c", at_most(0, 1), squares=((ONE, ONE),))
    claim = toy(statement=at_most(0, 1), assumptions=(), proof=(step, replace(step, conclusion=None)))
    assert check(claim) == Checked("toy", (), (), "two steps have one name")


def test_a_claim_without_a_proof_is_not_proved():
    assert check(replace(SQUARE_A, proof=())) == Checked("square", (), (), "the last step does not conclude the claim")


def test_a_step_that_concludes_what_the_claim_says_is_not_enough():
    """It is the claim's own statement that the last step must draw, with all that comes with it."""
    named = edited(SQUARE_A, "c", conclusion=SQUARE_A.statement)
    assert check(named).refused == "the last step does not conclude the claim"


def test_what_is_only_known_to_exist_is_named():
    alpha, beta = sp.symbols("alpha beta", real=True)
    some = Assumption("some", "", {"sum": lambda: equals(alpha + beta, 1)}, some=frozenset({beta, alpha}))
    claim = toy(
        statement=equals(alpha + beta, 1),
        assumptions=(some,),
        proof=(Axiom("sum", "some", "sum"), Certificate("c", None, {"sum": ONE})),
    )
    assert check(claim).refused == "c: alpha is only known to exist: it may differ from index to index"


MISDEFINED = {
    "a number": ([(v(i), ONE)], "v(i) is no vector of a sequence, so it cannot be defined"),
    "a fixed vector": ([(u, sp.Integer(0))], "u is no vector of a sequence, so it cannot be defined"),
    "a gradient": ([(MEAN, sp.Integer(0))], "Gradient(w(t)) is no vector of a sequence, so it cannot be defined"),
    "what is drawn": ([(g(t), u)], "g(t) is not for the algorithm to define: only w(t + 1) is"),
    "the start": ([(w(0), u)], "w(0) is not for the algorithm to define: only w(t + 1) is"),
    "by another index": ([(z(t), i * u)], "z(t) is defined by an index that it does not have: u*i"),
    "by what comes later": ([(z(t), g(t))], "z(t) is defined by what is not known then: g(t)"),
    "by a sum over a parameter": ([(z(t), sp.Sum(K * u, (K, 1, n)))], "K is no index to sum over"),
}


@pytest.mark.parametrize("what", MISDEFINED)
def test_only_vectors_of_the_algorithm_are_defined_and_by_what_is_known(what):
    definitions, fault = MISDEFINED[what]
    assert check(defining(*definitions)) == Checked("square", (), (), fault)


def test_a_step_is_defined_by_what_is_known_before_it():
    definitions = (w(t + 1), w(t) - eta * g(t)), (z(0), u), (z(t + 1), w(t)), (prox(t), w(t))
    assert check(defining(*definitions)).proved
    # an iterate within an epoch is known when its last gradient is
    assert check(defining((inner(t, k), w(t) - eta * g(t)))).proved


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (0, t + 1, True),
        (T, T + 1, True),
        (t + 1, t + 2, False),
        (0, t, False),
        (1, t + 1, False),
        (T, t + 1, False),
        (t, k, False),
    ],
)
def test_a_vector_is_defined_once(one, other, apart):
    """Indices stand for any step: z(t + 1) is also z(1), but never z(0)."""
    for first, second in ((one, other), (other, one)):
        checked = check(defining((z(first), u), (z(second), 2 * u)))
        same = f"{z(first)} and {z(second)} may be the same vector, defined twice"
        assert checked.refused == (None if apart else same)


@pytest.mark.parametrize("index", sorted(INDICES, key=str), ids=str)
def test_sums_run_over_indices_and_definitions_do_not_mention_them(index):
    assert check(counted_by(index)).proved
    named = f"prox(T) is defined by an index that it does not have: {index * u}"
    assert check(defining((prox(T), index * u))).refused == named


def test_different_sequences_are_defined_alike():
    assert check(defining((z(t), u), (prox(t), u))).proved


def test_a_sum_of_one_term_is_that_term():
    only = sp.Sum(v(i) * K, (i, K + 1, K + 1))
    claim = toy(statement=equals(only, v(K + 1) * K), assumptions=(), proof=(Certificate("c", None),))
    assert check(claim).proved
    assert not check(replace(claim, statement=equals(only, v(K) * K))).proved
