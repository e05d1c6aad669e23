"""What the study of few units fits, decided beforehand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """How heads are fitted.

    Attributes:
        nec: numbers of units that AAT and cut heads hear.
        epochs, lr: of the dense and the AAT heads.
        em_epochs, em_lr, pose, iterations: of EM routing.
        ratio: of the penalties along the L1 path.
        rounds: turns in which inference is timed.
    """

    nec: tuple[int, ...] = (1, 2, 5, 10, 15, 20, 25, 30)
    epochs: int = 5
    lr: float = 0.02
    em_epochs: int = 2
    em_lr: float = 0.03
    pose: int = 2
    iterations: int = 3
    ratio: float = 0.6
    rounds: int = 11
