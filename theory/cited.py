"""A rate that is stated without proof: somebody else's, or a conjecture. It is run and judged like any other.

Its bound and step are SymPy expressions, texts of such, or Python callables whose arguments are named after the symbols
they mean, e.g. ``def bound(T, eta, D, G)``. A callable becomes a SymPy function that carries it along, so that there
is one path from a bound to its number, whatever it was given as.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, TypeAlias

import sympy as sp
from sympy.utilities.lambdify import implemented_function

from theory import symbols as s
from theory.asked import listed, shown, text
from theory.assumptions import Assumption
from theory.claim import Cited, Metric, Rate
from theory.facts import at_most
from theory.ledger import claims

# sp.Expr | str | float | Callable[..., float]; SymPy has no types
Formula: TypeAlias = Any

_SYMBOLS = {symbol.name: symbol for symbol in vars(s).values() if isinstance(symbol, sp.Symbol)}
_RATES = [claim for claim in claims.values() if isinstance(claim, Rate)]
_METRICS = {claim.metric.id: claim.metric for claim in _RATES}


def cite(
    id: str,
    *,
    metric: str,
    bound: Formula,
    assumptions: Iterable[str | Assumption],
    step: Formula | None = None,
    schedule: Formula = s.eta,
    cap: Formula | None = None,
    title: str = "",
    setting: str = "",
    source: str = "cited",
) -> Cited:
    r"""State a rate without proof.

    Args:
        id: its name; no claim of the ledger may have it.
        metric: the id of a metric that a rate of the ledger bounds, e.g. ``"average_gap"``.
        bound: what the expected metric is at most, in T, η (``eta``) and constants that a problem declares. A name
            that the theory does not have stands for a positive constant of your own.
        assumptions: ids of assumptions of the ledger, e.g. ``("convex", "second moment", "distance")``, or your own:
            a run on which one fails is void.
        step: the step scale η for a horizon, in T and constants; the tuned one if omitted, where the bound's form is
            one that can be tuned.
        schedule: the step size η_t, in t, T and η; constant if omitted.
        cap: the upper limit on η, in constants.
        title: a few words; the id if omitted.
        setting: in words, formulas in ``$…$``.
        source: where it is from.

    Raises:
        ValueError: one of these is not so.

    >>> claim = cite("mine", metric="average_gap", bound="D**2/(2*eta*T) + eta*G**2/2",
    ...              assumptions=("convex", "second moment", "distance"))
    >>> claim.tuning.rate, claim.bound_at(4, 0.5, {"D": 1.0, "G": 1.0})
    (D*G/sqrt(T), 0.5)
    """
    for name, value in {"id": id, "metric": metric, "title": title, "setting": setting, "source": source}.items():
        text(name, value)
    if id in claims:
        raise ValueError(f"the ledger has a claim {id} already; expected another id; try {id}.mine")
    if metric not in _METRICS:
        raise ValueError(f"claim {id}: unknown metric {metric!r}; expected one of {', '.join(_METRICS)}")
    measured = _METRICS[metric]
    limit = None if cap is None else _formula(id, "cap", cap)
    known = [_assumption(id, assumption) for assumption in listed("assumptions", assumptions)]
    condition: list[Assumption] = [] if limit is None else [_at_most(limit)]
    stated = _formula(id, "bound", bound)
    claim = Cited(
        id=id,
        title=title or id,
        setting=setting or "stated by its author",
        statement=at_most(measured.expression, stated, expected=True),
        assumptions=(*known, *condition),
        proof=(),
        source=source,
        metric=Metric(metric, measured.title, measured.expression),
        bound=stated,
        schedule=_formula(id, "schedule", schedule),
        cap=limit,
        scale=None if step is None else _formula(id, "step", step),
    )
    _try(claim)
    return claim


def _formula(id: str, part: str, given: Formula) -> sp.Expr:
    """``given`` in the theory's symbols, which are told by their names."""
    if isinstance(given, sp.Expr | str | int | float):
        try:
            expression = sp.sympify(given, locals=dict(_SYMBOLS))
        except (sp.SympifyError, SyntaxError, TypeError, AttributeError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"claim {id}: the {part} {shown(given)} is no formula ({reason})") from None
        if not isinstance(expression, sp.Expr):
            raise ValueError(
                f"claim {id}: the {part} {shown(given)} is no formula; expected an expression in T, eta, …"
            )
        return expression.subs({name: _symbol(name.name) for name in expression.free_symbols}, simultaneous=True)
    if not callable(given):
        raise ValueError(f"claim {id}: the {part} is {shown(given)}; expected a SymPy expression, a text or a callable")
    parameters = inspect.signature(given).parameters.values()
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters):
        raise ValueError(f"claim {id}: the {part} takes any arguments; expected names, as in def {part}(T, eta, G)")
    # the function is called by position, in the order of its own signature
    name = f"{part}_{id}".replace(".", "_")
    return implemented_function(name, given)(*(_symbol(each.name) for each in parameters))


def _symbol(name: str) -> sp.Symbol:
    return _SYMBOLS.get(name) or sp.Symbol(name, positive=True)


def _assumption(id: str, given: str | Assumption) -> Assumption:
    if isinstance(given, Assumption):
        return given
    known = {assumption.id: assumption for claim in _RATES for assumption in claim.assumptions}
    # these differ from rate to rate: which one is meant is said by ``cap``
    known.pop("step", None)
    if not isinstance(given, str) or given not in known:
        raise ValueError(
            f"claim {id}: unknown assumption {shown(given)}; expected of {', '.join(known)}; a step has a cap="
        )
    return known[given]


def _at_most(cap: sp.Expr) -> Assumption:
    return Assumption("step", rf"$\eta \le {s.latex(cap)}$", condition=1 - s.eta / cap)


def _try(claim: Cited) -> None:
    """ValueError unless bound, step and schedule are numbers somewhere."""
    ones = {name.name: 1.0 for name in claim.bound.free_symbols | (claim.cap or sp.Integer(0)).free_symbols}
    try:
        ones |= {name.name: 1.0 for name in claim.constants}
        eta = claim.best_eta(4, ones)
        numbers = (eta, claim.bound_at(4, eta, ones), *claim.steps(4, eta))
    except ValueError as error:
        raise ValueError(f"claim {claim.id}: {error}; try step=, the η for a horizon") from None
    except Exception as error:
        raise ValueError(f"claim {claim.id} has no value at T = 4 and constants of 1: {error}") from None
    if not all(isinstance(number, float) and number == number for number in numbers):
        raise ValueError(f"claim {claim.id} is {numbers[1]!r} at T = 4 and constants of 1; expected a number")
