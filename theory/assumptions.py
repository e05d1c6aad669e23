"""The named assumptions. Each supplies the axioms that a proof may use, and nothing else is assumed.

An assumption is one of two kinds, or both: *rules* turn arguments into facts (convexity at two points gives
an inequality), some of them only given other facts; a *domain* restricts parameters (``η ≤ 1/L``), as a
substitution by free non-negative symbols. A ``constant`` names what a problem must declare, and a run is measured
against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import sympy as sp

from theory import symbols as s
from theory.facts import Fact, Refused, at_most, equals
from theory.terms import Gradient, Inner, Norm2, Objective, known_by


@dataclass(frozen=True)
class Given:
    """A fact that holds where each of the premises does, e.g. ``e^a ≤ e^b`` given ``a ≤ b``."""

    premises: tuple[Fact, ...]
    fact: Fact


Rule = Callable[..., Fact | Given]


@dataclass(frozen=True)
class Assumption:
    """An assumption of a claim.

    Attributes:
        id: its name in the ledger, in run audits and in proofs.
        statement: one sentence, formulas in ``$…$``.
        rules: named axiom schemas; their arguments come from the proof step.
        domain: substitution of a parameter by free non-negative symbols.
        condition: the same restriction as an expression that must be ≥ 0, for numbers.
        strict: whether that expression must be > 0.
        constant: the constant that a problem must declare, if any.
        some: parameters of which a rule says only that they exist; they must be gone before a sum is taken and
            before the claim is concluded.
        proved_by: ids of the claims that prove it, when it is no hypothesis but what other rows of the ledger give.
        result: the published result that it takes over without a proof here; a claim that uses it is conditional.
        general: the assumption that this one is an instance of, see :meth:`at`.
    """

    id: str
    statement: str
    rules: Mapping[str, Rule] = field(default_factory=dict)
    domain: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    condition: sp.Expr | None = None
    strict: bool = False
    constant: sp.Symbol | None = None
    some: frozenset[sp.Symbol] = frozenset()
    proved_by: tuple[str, ...] = field(default=(), compare=False)
    result: str = ""
    general: tuple[Assumption, Mapping[sp.Symbol, sp.Expr]] | None = None

    def at(self, values: Mapping[sp.Symbol, sp.Expr]) -> Assumption:
        """The assumption with other expressions for its parameters, e.g. a smoothness that depends on the horizon."""

        def put(fact: Fact) -> Fact:
            lhs, rhs = (side.subs(values, simultaneous=True) for side in (fact.lhs, fact.rhs))
            return replace(fact, lhs=lhs, rhs=rhs)

        def instance(rule: Rule) -> Rule:
            def instantiated(**arguments: sp.Expr) -> Fact | Given:
                drawn = rule(**arguments)
                if isinstance(drawn, Given):
                    return Given(tuple(map(put, drawn.premises)), put(drawn.fact))
                return put(drawn)

            return instantiated

        told = ", ".join(f"${s.latex(value)}$ for ${s.latex(name)}$" for name, value in values.items())
        return Assumption(
            self.id,
            f"{self.statement}, with {told}",
            {name: instance(rule) for name, rule in self.rules.items()},
            constant=self.constant,
            proved_by=self.proved_by,
            result=self.result,
            general=(self, dict(values)),
        )


def _subgradient(at: sp.Expr, against: sp.Expr) -> Fact:
    return at_most(Objective(at) + Inner(Gradient(at), against - at), Objective(against))


def _tower(time: sp.Expr, against: sp.Expr) -> Fact:
    """``E[g_t | w_0, g_0 … g_{t−1}, w_t] = ∇F(w_t)``, so the two agree in expectation against what is known by then."""
    if not known_by(against, time):
        raise Refused(f"{against} is not known at step {time}, so g may not be replaced by its mean")
    return equals(Inner(s.g(time), against), Inner(Gradient(s.w(time)), against), expected=True)


def _descent(at: sp.Expr, to: sp.Expr) -> Fact:
    return at_most(Objective(to), Objective(at) + Inner(Gradient(at), to - at) + s.L / 2 * Norm2(to - at))


def _lipschitz(at: sp.Expr, to: sp.Expr) -> Fact:
    return at_most(Norm2(Gradient(to) - Gradient(at)), s.L**2 * Norm2(to - at))


_slack = sp.Dummy("s", nonnegative=True)

CONVEX = Assumption(
    "convex",
    r"$F$ is convex",
    {"subgradient": _subgradient},
)
UNBIASED = Assumption(
    "unbiased",
    r"$\mathbb{E}[g_t \mid w_0,g_0,\dots,g_{t-1},w_t] = \nabla F(w_t)$, or a subgradient there",
    {"tower": _tower},
)
SECOND_MOMENT = Assumption(
    "second moment",
    r"$\mathbb{E}\|g_t\|^2 \le G^2$",
    {"bound": lambda time: at_most(Norm2(s.g(time)), s.G**2, expected=True)},
    constant=s.G,
)
VARIANCE = Assumption(
    "variance",
    r"$\mathbb{E}\|g_t-\nabla F(w_t)\|^2 \le \sigma^2$",
    {"bound": lambda time: at_most(Norm2(s.g(time) - Gradient(s.w(time))), s.sigma**2, expected=True)},
    constant=s.sigma,
)
SMOOTH = Assumption(
    "smooth",
    r"$\nabla F$ is $L$-Lipschitz",
    {"descent": _descent, "Lipschitz": _lipschitz},
    constant=s.L,
)
DISTANCE = Assumption(
    "distance",
    r"$\|w_0-u\| \le D$",
    {"bound": lambda: at_most(Norm2(s.w(0) - s.u), s.D**2)},
    constant=s.D,
)
SUBOPTIMALITY = Assumption(
    "suboptimality",
    r"$F(w_0)-\inf F \le \Delta$",
    {"bound": lambda point: at_most(Objective(s.w(0)) - Objective(point), s.Delta)},
    constant=s.Delta,
)
STEP_AT_MOST_INVERSE_L = Assumption(
    "step",
    r"$\eta \le 1/L$",
    domain={s.L: 1 / (s.eta + _slack)},
    condition=1 - s.eta * s.L,
)
WEAKLY_CONVEX = Assumption(
    "weakly convex",
    r"$F + \frac\rho2\|\cdot\|^2$ is convex",
    {
        "subgradient": lambda at, against: at_most(
            Objective(at) + Inner(Gradient(at), against - at) - s.rho / 2 * Norm2(against - at), Objective(against)
        )
    },
    constant=s.rho,
)
PROXIMAL = Assumption(
    "proximal point",
    r"$F + \rho\|\cdot-w_t\|^2$ is least at $p_t$, where its value is the Moreau envelope $F_{1/(2\rho)}(w_t)$, of "
    r"gradient $2\rho(w_t-p_t)$",
    {
        "least": lambda time, against: at_most(
            Objective(s.prox(time)) + s.rho * Norm2(s.prox(time) - s.w(time)),
            Objective(against) + s.rho * Norm2(against - s.w(time)),
        )
    },
)
MOMENTUM = Assumption(
    "momentum",
    r"$0 < \beta < 1$",
    domain={s.beta: 1 / (1 + sp.Dummy("s", positive=True))},
    condition=s.beta * (1 - s.beta),
    strict=True,
    constant=s.beta,
)
TERMS = Assumption(
    "terms",
    r"$F$ is the mean of $N \ge 2$ terms",
    domain={s.N: 2 + sp.Dummy("s", integer=True, nonnegative=True)},
    constant=s.N,
)
SMOOTH_TERMS = Assumption(
    "smooth terms",
    r"the gradient of each term is $L$-Lipschitz, and so $\nabla F$ is",
    {
        "descent": _descent,
        "Lipschitz": lambda epoch, position: at_most(
            Norm2(s.taken(epoch, position) - s.at_start(epoch, position)),
            s.L**2 * Norm2(s.inner(epoch, position) - s.w(epoch)),
        ),
    },
    constant=s.L,
)


def _once(epoch: sp.Expr, against: sp.Expr) -> Fact:
    all_terms = sp.Sum(s.at_start(epoch, s.k), (s.k, 0, s.N - 1))
    return equals(Inner(all_terms, against), s.N * Inner(Gradient(s.w(epoch)), against))


def _uniform(epoch: sp.Expr, position: sp.Expr, against: sp.Expr) -> Fact:
    """At each position every term is as likely as another, whatever came before the epoch."""
    if not known_by(against, epoch):
        raise Refused(f"{against} is not known at the start of epoch {epoch}")
    return equals(Inner(s.at_start(epoch, position), against), Inner(Gradient(s.w(epoch)), against), expected=True)


def _spread(epoch: sp.Expr, count: sp.Expr) -> Fact:
    deviations = sp.Sum(s.at_start(epoch, s.l) - Gradient(s.w(epoch)), (s.l, 0, count - 1))
    return at_most(Norm2(deviations), count * (s.N - count) / (s.N - 1) * s.sigma**2, expected=True)


RESHUFFLED = Assumption(
    "reshuffled",
    r"each epoch takes every term once, in a new uniformly random order",
    {"every term once": _once, "mean": _uniform},
)
WITHOUT_REPLACEMENT = Assumption(
    "without replacement",
    r"the gradients of the terms have variance at most $\sigma^2$ over the terms, so that the mean of the first $k$ in "
    r"a random order has variance at most $\frac{\sigma^2}{k}\frac{N-k}{N-1}$",
    {"first terms": _spread},
    constant=s.sigma,
    proved_by=("R11",),
)
WHOLE_EPOCHS = Assumption("whole epochs", r"$T = NE$", {"count": lambda: equals(s.T, s.N * s.E)})
STEP_AT_MOST_INVERSE_2LN = Assumption(
    "step",
    r"$\eta \le 1/(2LN)$",
    domain={s.L: 1 / (2 * s.eta * s.N + _slack)},
    condition=1 - 2 * s.eta * s.L * s.N,
)
