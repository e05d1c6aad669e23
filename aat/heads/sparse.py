"""Sparse linear heads: multinomial logistic regression along a path of L1 penalties, by scikit-learn's SAGA."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from aat.errors import InputError
from aat.heads.fit import check
from aat.seeds import key
from aat.typed import typed

_TOLERANCE, _PASSES = 1e-3, 200
# scikit-learn takes 32 bits of a seed
_SEEDS = 2**32


class Sparse(NamedTuple):
    """One head of a path.

    Attributes:
        head: a linear layer, most of whose weights are exactly 0; for the features as they were given.
        penalty: as a share of the smallest one under which no unit is heard.
        seconds: since the path began.
        converged: whether the solver reached its tolerance; a head that it did not is a head all the same.
    """

    head: nn.Linear
    penalty: float
    seconds: float
    converged: bool


@typed
def path(
    x: Float[Tensor, "N n"],
    labels: Int[Tensor, " N"],
    *names: object,
    most: float,
    ratio: float = 0.6,
    least: float = 1e-4,
) -> Iterator[Sparse]:
    """Heads under penalties ratio, ratio², … of the largest useful one, each begun where the one before ended.

    Features are standardised, since a penalty on weights depends on their units; the heads undo it. The path ends with
    the first head that has more than ``most`` weights other than 0 a class, or before a penalty below ``least``.

    Args:
        x: all samples.
        labels: of them; every class 0, …, O − 1 is there.
        names: of the seed of the solver.
        most: weights a class, on average.
        ratio: of each penalty to the one before, between 0 and 1.
        least: penalty, as the heads tell it.

    Raises:
        InputError: a class without samples, fewer than two classes, or features that tell nothing of them.
    """
    check(x, labels)
    if not most >= 0:
        raise InputError(f"most = {most}; expected at least 0; try 5")
    if not 0 < ratio < 1 or not 0 < least <= 1:
        raise InputError(f"ratio = {ratio}, least = {least}; expected numbers between 0 and 1; try 0.6 and 1e-4")
    count = torch.bincount(labels)
    if len(count) < 2 or not bool(count.all()):
        raise InputError(
            f"samples of each class: {count.tolist()}; expected some of each of two or more; try more images"
        )
    begin = time.perf_counter()
    mean, spread = x.double().mean(0), x.double().std(0, correction=0)
    # a unit that never changes tells nothing, and is left at 0
    spread = torch.where(spread > 0, spread, 1.0)
    standard = ((x.double() - mean) / spread).to(torch.promote_types(x.dtype, torch.float32)).detach().numpy()
    largest = _largest(standard, labels, count)
    if largest == 0:
        raise InputError("features that tell nothing of the classes; expected some that change; try other features")
    model = LogisticRegression(l1_ratio=1, solver="saga", warm_start=True, tol=_TOLERANCE, max_iter=_PASSES,
                               random_state=key("sparse", *names) % _SEEDS)  # fmt: skip
    penalty = ratio
    while penalty >= least:
        model.C = 1 / (largest * penalty)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(standard, labels.numpy())
        head = _head(model, mean, spread, x.dtype)
        yield Sparse(head, penalty, time.perf_counter() - begin, int(model.n_iter_.max()) < _PASSES)
        if int(torch.count_nonzero(head.weight)) > most * len(head.weight):
            return
        penalty *= ratio


def _largest(standard: np.ndarray, labels: Tensor, count: Tensor) -> float:
    """The smallest penalty under which no unit is heard: the largest entry of the gradient of the summed loss at 0.

    With two classes scikit-learn has one logistic score, of which this is the gradient too.
    """
    residual = nn.functional.one_hot(labels).double() - count / count.sum()
    return float(np.abs(standard.T @ residual.numpy()).max())


def _head(model: LogisticRegression, mean: Tensor, spread: Tensor, dtype: torch.dtype) -> nn.Linear:
    weight, bias = torch.from_numpy(model.coef_).double() / spread, torch.from_numpy(model.intercept_).double()
    bias = bias - weight @ mean
    if len(weight) == 1:
        # one score tells two classes apart: half for the one, half against the other
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    head = nn.Linear(weight.shape[1], len(weight), dtype=dtype).requires_grad_(False)
    head.weight.copy_(weight)
    head.bias.copy_(bias)
    return head.eval()
