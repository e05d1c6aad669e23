"""Problem families, one per file, each declaring its constants.

>>> from sim import problems
>>> problems.make("softmax", "digits", k=5).head
'hard AAT-SGD, K=5'
"""

from aat import InputError
from sim.problems.base import Problem
from sim.problems.data import Labelled, digits, load, synthetic, tiny
from sim.problems.logistic import Logistic, Monotone
from sim.problems.loss import Loss, loss
from sim.problems.routing import Routing
from sim.problems.softmax import Softmax

FAMILIES = {family.family: family for family in (Routing, Monotone, Logistic, Softmax)}

__all__ = [
    "FAMILIES",
    "Labelled",
    "Logistic",
    "Loss",
    "Monotone",
    "Problem",
    "Routing",
    "Softmax",
    "digits",
    "loss",
    "make",
    "synthetic",
    "tiny",
]


def make(family: str, data: str, *, k: int | None = None, **options: object) -> Problem:
    """A problem by the name of its family and data; ``k = None`` is the dense head.

    Args:
        family: one of :data:`FAMILIES`.
        data: ``synthetic``, ``tiny``, ``digits``, or the path of an ``.npz`` file with arrays x and y.
        k: votes that a class hears, 1 ≤ k ≤ n.
        options: ``smoothing``, ``mu``, ``ridge`` of :class:`Problem`.

    Raises:
        InputError: an unknown name, or data that do not fit.
    """
    if family not in FAMILIES:
        raise InputError(f"unknown problem {family!r}; expected one of {', '.join(FAMILIES)}")
    labelled = load(data)
    width = labelled.x.shape[-1] if k is None else k
    return FAMILIES[family].from_data(labelled, k=width, **options)
