"""Small instances of a claim at random, for Hypothesis to aim with."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from itertools import product
from typing import Any

import hypothesis
import torch
from hypothesis import strategies as st
from torch import Tensor

from aat import InputError
from reports.falsify.instance import Instance
from reports.runner import constants_with_loans, lacks
from reports.settings import setting_of
from sim import Method, Problem
from sim.problems import FAMILIES, Labelled
from theory import Rate

# Steps at most, by the number of samples.
_MOST_STEPS = {1: 8, 2: 6, 3: 4}

# Among these there is a head that a family takes, and with which it declares all that it ever declares.
_HEADS: tuple[dict[str, Any], ...] = ({"k": 1, "smoothing": "quadratic", "mu": 0.1, "ridge": 0.5}, {"k": 1}, {"k": 2})


def families(claim: Rate, rule: Method | None) -> list[str]:
    """The families that declare, with one head or another, what the claim needs; InputError if there are none."""
    tiny = Labelled("tiny", torch.eye(2, dtype=torch.float64), torch.tensor([0, 1]))
    lacking: dict[str, str | None] = {}
    for (name, family), options in product(FAMILIES.items(), _HEADS):
        with contextlib.suppress(InputError):
            problem = family.from_data(tiny, **options)
            lack = lacks(claim, replace(problem, comparator=problem.w0), None, rule)
            lacking[name] = lack and lacking.get(name, lack)
    fit = [name for name, lack in lacking.items() if lack is None]
    if not fit:
        raise InputError(f"{claim.id} cannot be searched: {next(iter(lacking.values()))}; try aat prove")
    return fit


def instances(claim: Rate, rule: Method | None, **named: str | None) -> st.SearchStrategy[Instance]:
    """Small instances; often the comparator is downhill as far as the steps reach: the worst of linear losses.

    Args:
        claim: a rate; InputError if no family can be run under it.
        rule: the update rule, if it is not the claim's own.
        named: ``file`` and ``method`` of :class:`reports.falsify.instance.Instance`.
    """
    fit = families(claim, rule)

    @st.composite
    def draw_one(draw: st.DrawFn) -> Instance:
        samples, features = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        horizon = draw(st.integers(2, _MOST_STEPS[samples]))
        smoothing = draw(st.sampled_from([None, "entropic", "quadratic"]))
        data = Labelled(
            "falsify",
            draw(_vectors(samples * features)).reshape(samples, features),
            torch.tensor(draw(st.lists(st.integers(0, 1), min_size=samples, max_size=samples))),
        )
        options = {
            "smoothing": smoothing,
            "mu": smoothing and draw(st.sampled_from([0.01, 0.1, 1.0])),
            "ridge": draw(st.sampled_from([0.0, 0.0, 0.5])),
        }
        family, k = FAMILIES[draw(st.sampled_from(fit))], draw(st.integers(1, features))
        try:
            problem = family.from_data(data, k=k, **options)
        except InputError:  # a head that it does not take
            try:
                problem = family.from_data(data, k=features)
            except InputError:  # data that it does not take
                hypothesis.reject()
        # the family's own comparator is solved for, and would not be used
        problem = replace(problem, comparator=problem.w0)
        if lacks(claim, problem, None, rule):
            hypothesis.reject()
        scale = draw(st.sampled_from([1.0, 10.0]))
        problem = replace(problem, start=draw(_vectors(problem.dimension)) * scale)
        length = 10 ** draw(st.floats(-2, 1))
        steps = length / horizon
        problem = replace(problem, comparator=draw(_comparators(problem, length)))
        eta = draw(_etas(claim, problem, rule, horizon, steps))
        return Instance.of(claim.id, problem, horizon, eta, **named)

    return draw_one()


def _vectors(size: int) -> st.SearchStrategy[Tensor]:
    """Coarse numbers, so that votes tie and vanish too."""
    eighths = st.lists(st.integers(-16, 16), min_size=size, max_size=size)
    return eighths.map(lambda row: torch.tensor(row, dtype=torch.float64) / 8)


def _comparators(problem: Problem, length: float) -> st.SearchStrategy[Tensor]:
    downhill = problem.w0 - length * problem.full_gradient(problem.w0[None])[0]
    return st.just(downhill) | _vectors(problem.dimension)


def _etas(claim: Rate, problem: Problem, rule: Method | None, horizon: int, steps: float) -> st.SearchStrategy[float]:
    """The step that reaches the comparator, the tuned one, and a share of the cap or of the tuned one."""
    constants = constants_with_loans(problem, setting_of(claim.id), rule)
    try:
        tuned = claim.best_eta(horizon, constants)
    except (ZeroDivisionError, OverflowError, ValueError):
        hypothesis.reject()
    if not 0 < tuned < math.inf:
        hypothesis.reject()
    return st.sampled_from([steps, tuned]) | st.floats(-2, 1).map(lambda power: tuned * 10**power)
