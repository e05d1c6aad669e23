"""AAT: a head in which every class listens, for every sample, to its K largest votes only.

The votes of the units for class j are v_j = w_j ⊙ x; the head computes z_j = s_K(v_j) + b_j, the sum of the K
largest. A vote passes when it reaches the adaptive threshold τ = v_[K]; gradients flow through the kept votes
only.
Source: Sun, Ravi & Singh, "Adaptive Activation Thresholding", ICCV 2019, doi 10.1109/ICCV.2019.00504.

>>> import torch
>>> import aat
>>> votes = torch.tensor([[3.0, -1.0, 2.0, 2.0]], requires_grad=True)
>>> z = aat.topk_sum(votes, 2)
>>> z.backward()
>>> votes.grad
tensor([[1., 0., 1., 0.]])
>>> aat.threshold(votes, 1).item(), aat.gap(votes, 1).item(), aat.mask(votes, 1).tolist()
(3.0, 1.0, [[True, False, False, False]])
>>> aat.multipliers(votes, 2, smoothing="quadratic", mu=2.0)
tensor([[1.0000, 0.0000, 0.5000, 0.5000]], grad_fn=<_SoftSumBackward>)

>>> model = aat.convert(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)), k=5)
>>> model(torch.zeros(7, 8, 8)).shape
torch.Size([7, 10])
>>> aat.topk_sum(votes, 9)
Traceback (most recent call last):
aat.errors.InputError: k = 9 with n = 4 votes; expected 1 <= k <= n; try k=4
"""

from aat.convert import convert
from aat.errors import InputError
from aat.hard import gap, mask, threshold
from aat.layer import AATLinear
from aat.topk import multipliers, topk_sum

__all__ = ["AATLinear", "InputError", "convert", "gap", "mask", "multipliers", "threshold", "topk_sum"]
