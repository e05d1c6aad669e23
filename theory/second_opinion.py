"""A second opinion on every proof, by z3: whether each step follows, whatever the proof says about why.

The checker verifies the certificate that a proof brings. Here each step is posed as a question of real arithmetic: what
is known of the parameters, the facts that the step names and the squares that it names are hypotheses, and the negation
of its conclusion must be unsatisfiable. The multipliers are not told: z3 must find its own reason, or a model in which
the step is wrong.

Asked, one question each: that a certificate's conclusion follows; that a product is ≥ 0; that Jensen's weights sum to 1
and its points to the point; that multipliers, weights, coefficients and numbers of terms are ≥ 0; that no denominator
vanishes, and no root or logarithm is taken below 0. Instances of assumptions, sums of facts, telescopes, splits, new
names, Cauchy–Schwarz, limits and lemmas are matters of form, with nothing to decide beyond those signs.

Shared with the checker: the parsing of scalars into atoms (:func:`theory.terms.normal`, with the arithmetic of
parameters that it does on the way). Not shared: all deciding. What is known of a parameter is its declared condition
(``1 − ηL ≥ 0``, ``t ≤ T − 2``), not the checker's substitution, unless only the substitution is declared. Multipliers
are used in a second try only, when the free question exceeds its limit, and the answer then says so.

Atoms are variables: a sum of vectors or scalars, a Gram entry (≥ 0 on the diagonal), a value of F, an exponential
(> 0), a logarithm, a power with a symbolic exponent (of the sign of its base, if that is ≥ 0). A root is a variable
``r ≥ 0`` with ``r^q = x``. A sum of parameters has the sign of its terms, asked likewise. In expectation, a product of
random atoms is one variable: the expectation of a product is no product of expectations. Integers count as reals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp
import z3

from theory.assumptions import Given
from theory.facts import Fact, Range
from theory.proof import Checked, Provable, Step
from theory.steps import Axiom, CauchySchwarz, Certificate, Jensen, Lemma, Product, Split, Telescope, Total
from theory.terms import Dot, is_random, normal, outermost, rewrite, square, vector

# z3's own count of its work, which unlike seconds is the same on every machine: under a second or so; and a limit in
# milliseconds for the rare work that it does not count.
LIMIT, PATIENCE = 1_500_000, 10_000

ONE = sp.Integer(1)
AGREES, HINTED, TIMED_OUT, DISAGREES = "agrees", "agrees with hints", "timed out", "disagrees"


@dataclass(frozen=True)
class Opinion:
    """The answer to one question about one step; ``model`` is where z3 finds the step wrong."""

    step: str
    question: str
    answer: str
    model: str = ""


@dataclass(frozen=True)
class SecondOpinion:
    """What z3 says of a whole proof."""

    opinions: tuple[Opinion, ...]

    @property
    def disagreements(self) -> tuple[Opinion, ...]:
        """Where z3 has a model against the proof."""
        return tuple(opinion for opinion in self.opinions if opinion.answer == DISAGREES)

    def __str__(self) -> str:
        count = Counter(opinion.answer for opinion in self.opinions)
        if not self.opinions:
            return "nothing to decide"
        if count[DISAGREES]:
            return f"disagrees on {count[DISAGREES]} of {len(self.opinions)}"
        agreed = count[AGREES] + count[HINTED]
        return f"agrees {agreed} of {len(self.opinions)}, {count[TIMED_OUT]} timed out" if count[TIMED_OUT] else AGREES


@dataclass(frozen=True)
class Sign:
    """``expr`` is ≥ 0, > 0, = 0 or ≠ 0."""

    expr: sp.Expr
    relation: str = ">="


@dataclass(frozen=True)
class Question:
    """Whether ``conclusion`` follows from ``given``; ``hints`` are factors for what is given, in a second try."""

    text: str
    conclusion: Sign
    given: tuple[Sign, ...] = ()
    hints: tuple[sp.Expr, ...] = ()
    over: tuple[Range, ...] = ()
    expected: bool = False


def second_opinion(claim: Provable, checked: Checked, limit: int = LIMIT) -> SecondOpinion:
    """What z3 says of every step that the checker has drawn.

    Args:
        claim: the claim.
        checked: what came of its proof.
        limit: z3's resource limit for one question.
    """
    world = _World(claim, limit)
    return SecondOpinion(tuple(world.opinion(label, question) for label, question in questions(claim, checked)))


def questions(claim: Provable, checked: Checked) -> Iterator[tuple[str, Question]]:
    """What is asked about each step, with its label; none twice about one step."""
    facts: dict[str, Fact] = {}
    for report in checked.reports:
        if report.fact is not None:
            for question in dict.fromkeys(_questions(claim, report.step, report.fact, facts)):
                yield report.step.label, question
            facts[report.step.label] = report.fact


def _questions(claim: Provable, step: Step, fact: Fact, facts: dict[str, Fact]) -> Iterator[Question]:
    ranges = () if fact.over is None else (fact.over,)
    for side in (fact.lhs, fact.rhs):
        yield from _defined(rewrite(side, claim.definitions), ranges)

    def sign(text: str, expr: sp.Expr, over: tuple[Range, ...] = ranges) -> Iterator[Question]:
        yield from _defined(expr, over)
        if not expr.is_Number or expr < 0:
            yield Question(text, Sign(expr), over=over)

    def gap(of: Fact, factor: sp.Expr = ONE) -> Sign:
        return Sign(normal(of.gap * factor, claim.definitions), "==" if of.equal else ">=")

    match step:
        case Axiom(given=labels) if labels:
            (assumption,) = (one for one in claim.assumptions if one.id == step.assumption)
            drawn = assumption.rules[step.rule](**step.arguments)
            for label, premise in zip(labels, drawn.premises if isinstance(drawn, Given) else (), strict=True):
                yield Question(f"premise {label!r}", gap(premise), (gap(facts[label]),), over=ranges)
        case Certificate(using=using, squares=squares):
            used = {label: (facts[label], sp.sympify(multiplier)) for label, multiplier in using.items()}
            for label, (hypothesis, multiplier) in used.items():
                if not hypothesis.equal:
                    yield from sign(f"multiplier of {label!r} ≥ 0", multiplier)
                else:
                    yield from _defined(multiplier, ranges)
            for coefficient, root in squares:
                yield from sign(f"coefficient of the square of {root} ≥ 0", sp.sympify(coefficient))
            roots = tuple(Sign(normal(square(sp.sympify(root)), claim.definitions)) for _, root in squares)
            # a sure fact keeps its random multiplier in expectation, where variables are not multiplied any more
            kept = [fact.expected and not f.expected and is_random(m) for f, m in used.values()]
            free = (gap(f, m if keep else ONE) for (f, m), keep in zip(used.values(), kept, strict=True))
            hints = (ONE if keep else m for (_, m), keep in zip(used.values(), kept, strict=True))
            weights = (sp.sympify(coefficient) for coefficient, _ in squares)
            yield Question("conclusion", gap(fact), (*free, *roots), (*hints, *weights), ranges, fact.expected)
        case Product(left=left, right=right):
            one, other = gap(facts[left]), gap(facts[right])
            yield Question("product ≥ 0", gap(fact), (one, other), (other.expr, ONE), ranges)
        case Jensen(terms=terms, along=along):
            each = ranges if along is None else (along,)
            for weight, _ in terms:
                yield from sign(f"weight {weight} ≥ 0", sp.sympify(weight), each)
            total, point = (sum(parts, sp.Integer(0)) for parts in zip(*((c, c * p) for c, p in terms), strict=True))
            if along is not None:
                total, point = sp.Sum(total, along.limits), sp.Sum(point, along.limits)
            yield Question("weights sum to 1", Sign(normal(total - 1), "=="), over=ranges)
            # equal vectors, coordinate by coordinate: vectors stand for numbers
            yield Question("point", Sign(vector(step.average - point, claim.definitions), "=="), over=ranges)
        case Total(of=of) if (over := facts[of].over) is not None:
            yield from sign("number of terms ≥ 0", over.count)
        case Telescope(along=along) | CauchySchwarz(along=along):
            yield from sign("number of terms ≥ 0", along.count)
        case Split(along=along, at=at):
            yield from sign("number of first terms ≥ 0", at - along.lower + 1)
            yield from sign("number of last terms ≥ 0", along.upper - at)
        case Lemma(claim=lemma, at=at) if at:
            for name, value in at.items():
                if name.is_nonnegative:
                    yield Question(f"{value} for {name}", Sign(value, ">" if name.is_positive else ">="))
            for assumption in lemma.assumptions:
                if assumption.condition is not None and not assumption.rules:
                    condition = Sign(step.instance(assumption.condition), ">" if assumption.strict else ">=")
                    yield Question(f"{assumption.id} of {lemma.id}", condition)


def _defined(expr: sp.Expr, over: tuple[Range, ...]) -> Iterator[Question]:
    """That no denominator in ``expr`` vanishes, and that no root or logarithm is taken below 0."""
    if isinstance(expr, sp.Sum):
        index, lower, upper = expr.limits[0]
        inside = sp.Dummy(index.name, **index.assumptions0)  # another symbol than one of that name outside
        yield from _defined(expr.function.xreplace({index: inside}), (*over, Range(inside, lower, upper)))
        return
    if isinstance(expr, sp.Pow) and not expr.base.is_number:
        if not expr.exp.is_nonnegative and not (expr.base.is_Symbol and expr.base.is_nonzero):
            negative = () if expr.exp.is_number else (Sign(-expr.exp, ">"),)
            yield Question(f"{expr.base} ≠ 0", Sign(expr.base, "!="), negative, over=over)
        if not expr.exp.is_integer and not (expr.base.is_Symbol and expr.base.is_nonnegative):
            yield Question(f"{expr.base} ≥ 0 under a root", Sign(expr.base), over=over)
    if isinstance(expr, sp.log) and not expr.args[0].is_number:
        yield Question(f"{expr.args[0]} > 0 in a logarithm", Sign(expr.args[0], ">"), over=over)
    for part in expr.args:
        yield from _defined(part, over)


class _Mean(sp.Function):
    """The expectation of a product of random atoms."""

    is_real = True


def _never_negative(factor: sp.Expr) -> bool:
    base, power = factor.as_base_exp()
    return bool(power.is_even) or (isinstance(base, Dot) and base.args[0] == base.args[1])


class _World:
    """What a claim knows of its parameters, and what z3 has made of them so far."""

    def __init__(self, claim: Provable, limit: int) -> None:
        self.claim, self.limit = claim, limit
        self._signs: dict[tuple[Sign, tuple[Range, ...]], bool] = {}

    def opinion(self, step: str, question: Question) -> Opinion:
        """z3's answer; where it finds none by itself, with the proof's products as hints."""
        posed = _Posed(self, question, question.given)
        result, answer = posed.ask(), AGREES
        if result == z3.unknown and question.hints:
            products = (
                Sign(normal(sign.expr * factor), sign.relation)
                for sign, factor in zip(question.given, question.hints, strict=True)
            )
            posed, answer = _Posed(self, question, tuple(products)), HINTED
            result = posed.ask()
        if result == z3.sat:
            return Opinion(step, question.text, DISAGREES, posed.model())
        return Opinion(step, question.text, answer if result == z3.unsat else TIMED_OUT)

    def certain(self, sign: Sign, over: tuple[Range, ...]) -> bool:
        """Whether z3 finds that a parameter has that sign everywhere on the ranges."""
        if (sign, over) not in self._signs:
            self._signs[sign, over] = _Posed(self, Question("", sign, over=over), ()).ask() == z3.unsat
        return self._signs[sign, over]

    def parameters(self, symbols: set[sp.Basic]) -> Iterator[Sign]:
        """What the claim's assumptions say of those symbols."""
        for assumption in self.claim.assumptions:
            if assumption.condition is not None and assumption.condition.free_symbols & symbols:
                yield Sign(assumption.condition, ">" if assumption.strict else ">=")
            elif assumption.condition is None:
                yield from (Sign(name - value, "==") for name, value in assumption.domain.items() if name in symbols)


class _Posed:
    """One question in z3's language."""

    def __init__(self, world: _World, question: Question, given: tuple[Sign, ...]) -> None:
        self.world, self.question = world, question
        self.names: dict[sp.Expr, z3.ArithRef] = {}
        self.solver = z3.SolverFor("QF_NRA")
        self.solver.set(rlimit=world.limit, timeout=PATIENCE)
        symbols = {symbol for sign in (*given, question.conclusion) for symbol in sign.expr.free_symbols}
        bounds = tuple(Sign(end) for r in question.over for end in (r.index - r.lower, r.upper - r.index))
        symbols.update(symbol for bound in bounds for symbol in bound.expr.free_symbols)
        for sign in (*bounds, *world.parameters(symbols), *given):
            self.solver.add(self.holds(sign))
        self.solver.add(z3.Not(self.holds(question.conclusion)))

    def ask(self) -> z3.CheckSatResult:
        """Whether the hypotheses and the negated conclusion can hold together."""
        return self.solver.check()

    def model(self) -> str:
        """Where they do."""
        found = self.solver.model()
        return ", ".join(f"{atom} = {found.eval(name)}" for atom, name in self.names.items())

    def holds(self, sign: Sign) -> z3.BoolRef:
        """``sign`` with its denominator multiplied out."""
        above, below = sp.fraction(sp.together(sp.expand_power_exp(sign.expr)))
        if not below.is_number and sign.relation in (">", ">="):
            if self.world.certain(Sign(-below, ">"), self.question.over):
                above = -above
            elif not self.world.certain(Sign(below, ">"), self.question.over):
                above *= below
        left = self.number(self._linear(above) if self.question.expected else above)
        match sign.relation:
            case ">=":
                return left >= 0
            case ">":
                return left > 0
            case "==":
                return left == 0
            case _:
                return left != 0

    def number(self, expr: sp.Expr) -> z3.ArithRef:
        """A polynomial in atoms."""
        if expr.is_Rational:
            return z3.RealVal(str(expr))
        if expr.is_Add:
            return z3.Sum([self.number(part) for part in expr.args])
        if expr.is_Mul:
            return z3.Product([self.number(part) for part in expr.args])
        if expr.is_Pow and expr.exp.is_Rational:
            power, root = abs(expr.exp.p), expr.exp.q
            base = self.number(expr.base) if root == 1 else self.atom(expr.base ** sp.Rational(1, root))
            product = z3.Product([base] * power)
            return product if expr.exp > 0 else self.inverse(product)
        return self.atom(expr)

    def inverse(self, divisor: z3.ArithRef) -> z3.ArithRef:
        """A number whose product with ``divisor`` is 1."""
        name = z3.FreshReal("inverse")
        self.solver.add(name * divisor == 1)
        return name

    def atom(self, atom: sp.Expr) -> z3.ArithRef:
        """The variable for an atom, with what is known of it."""
        if atom not in self.names:
            name = self.names[atom] = z3.Real(f"{atom}#{len(self.names)}")
            if atom.is_Pow and atom.exp.is_Rational:
                self.solver.add(name >= 0, z3.Product([name] * atom.exp.q) == self.number(atom.base))
            elif atom.is_integer and atom.is_positive:
                self.solver.add(name >= 1)
            elif atom.is_positive or self._sign(atom, ">"):
                self.solver.add(name > 0)
            elif atom.is_nonnegative or self._sign(atom, ">="):
                self.solver.add(name >= 0)
        return self.names[atom]

    def _sign(self, atom: sp.Expr, relation: str) -> bool:
        """Whether an atom that is no symbol has a sign, because of what it is made of."""
        over, certain = self.question.over, self.world.certain
        match atom:
            case Dot(args=(left, right)):
                return relation == ">=" and left == right
            case _Mean(args=(product,)):
                return relation == ">=" and all(map(_never_negative, sp.Mul.make_args(product)))
            case sp.Pow():
                return certain(Sign(atom.base, relation), over)
            case sp.Sum() if not is_random(atom):
                index, lower, upper = atom.limits[0]
                inside = sp.Dummy(index.name, **index.assumptions0)
                each = Sign(atom.function.xreplace({index: inside}), relation)
                some = relation == ">=" or certain(Sign(upper - lower), over)
                return some and certain(each, (*over, Range(inside, lower, upper)))
        return False

    def _linear(self, expr: sp.Expr) -> sp.Expr:
        """``expr`` with one variable for each product of random atoms, whose expectation it stands for."""
        stand_ins = {atom: sp.Dummy(real=True) for atom in outermost(expr) if is_random(atom)}
        if not stand_ins:
            return expr
        back = {stand_in: atom for atom, stand_in in stand_ins.items()}
        poly = sp.Poly(expr.xreplace(stand_ins), *back)
        return sp.Add(
            *(
                c
                * (
                    _Mean(sp.Mul(*(back[s] ** power for s, power in zip(back, powers, strict=True))))
                    if any(powers)
                    else 1
                )
                for powers, c in poly.terms()
            )
        )
