"""The ridge of a problem, left to the weight decay of an optimizer.

``F + (λ/2)‖w‖²`` can be minimised with the ridge in the gradient, or with weight decay λ in the update rule. For a rule
that claims to do the second, the ridge is taken out of the gradient before the rule gets it; what is measured, declared
and bounded stays F with its ridge.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from aat import InputError
from sim.methods import Method, State


class Decaying:
    """A method that must bring in the ridge itself.

    Args:
        rule: the method, e.g. ``from_optimizer(torch.optim.SGD, weight_decay=0.1)``.
        ridge: the problem's λ, finite and ≥ 0; InputError otherwise.
    """

    def __init__(self, rule: Method, ridge: float) -> None:
        if not 0 <= ridge < float("inf"):
            raise InputError(f"ridge = {ridge!r}; expected a finite number ≥ 0; try ridge=0.01")
        self.rule, self.ridge = rule, ridge
        self.name = rule.name
        self.constants: dict[str, float] = getattr(rule, "constants", {})

    def start(self, w: Float[Tensor, "batch dim"]) -> State:
        """The state of the rule at w_0."""
        return self.rule.start(w)

    def update(self, state: State, gradient: Float[Tensor, "batch dim"], eta: float) -> State:
        """One step of the rule, from the gradient without its ridge."""
        return self.rule.update(state, gradient - self.ridge * state.w, eta)
