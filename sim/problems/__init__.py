"""Problem families, one per file, each declaring its constants.

>>> from sim import problems
>>> problems.make("softmax", "digits", k=5).head
'hard AAT-SGD, K=5'
"""

from dataclasses import replace

from aat import InputError
from aat.typed import typed
from sim.problems.base import Problem
from sim.problems.bilinear import Bilinear
from sim.problems.data import Labelled, digits, gapped, load, synthetic, tiny
from sim.problems.dense import PolyakLojasiewicz, Quadratic
from sim.problems.log_cosh import LogCosh
from sim.problems.logistic import Logistic, Monotone
from sim.problems.loss import Loss, loss
from sim.problems.routing import Routing
from sim.problems.softmax import Softmax

FAMILIES = {
    family.family: family
    for family in (Routing, Monotone, Logistic, Softmax, LogCosh, Bilinear, Quadratic, PolyakLojasiewicz)
}

__all__ = [
    "FAMILIES",
    "Bilinear",
    "Labelled",
    "LogCosh",
    "Logistic",
    "Loss",
    "Monotone",
    "PolyakLojasiewicz",
    "Problem",
    "Quadratic",
    "Routing",
    "Softmax",
    "digits",
    "gapped",
    "loss",
    "make",
    "synthetic",
    "tiny",
]


@typed
def make(family: str, data: str, *, k: int | None = None, **options: object) -> Problem:
    """A problem by the name of its family and data; ``k = None`` is the dense head.

    Args:
        family: one of :data:`FAMILIES`.
        data: ``synthetic``, ``tiny``, ``digits``, ``wide``, ``close``, ``ties``, or the path of an ``.npz`` file with
            arrays x and y (pooled features of a CNN, say).
        k: votes that a class hears, 1 ≤ k ≤ n.
        options: ``smoothing``, ``mu``, ``raised``, ``ridge``, ``start`` of :class:`Problem`.

    Raises:
        InputError: an unknown name, or data that do not fit.
    """
    if family not in FAMILIES:
        raise InputError(f"unknown problem {family!r}; expected one of {', '.join(FAMILIES)}")
    labelled = load(data)
    width = labelled.x.shape[-1] if k is None else k
    problem = FAMILIES[family].from_data(labelled, k=width, **options)
    if labelled.start is None or problem.start is not None or problem.dimension % len(labelled.start):
        return problem
    return replace(problem, start=labelled.start.repeat(problem.dimension // len(labelled.start)))
