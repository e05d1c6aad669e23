"""Why did it predict that? The score of a class as the sum of the votes that it heard, and where its units looked.

>>> import torch, aat
>>> from aat.explain import VoteAttribution
>>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
...                               aat.AATLinear(8, 10, k=3))
>>> contributions, delta = VoteAttribution(network).attribute(torch.rand(5, 1, 28, 28))
>>> (contributions != 0).sum(1).tolist(), bool(delta.abs().max() < 1e-6)
([3, 3, 3, 3, 3], True)
"""

from aat.explain.attribution import Attribution, VoteAttribution, Votes
from aat.explain.examples import Examples
from aat.explain.maps import heat
from aat.explain.parts import Part, Sum, decimals, sums
from aat.explain.probe import Heard, Probe

__all__ = [
    "Attribution",
    "Examples",
    "Heard",
    "Part",
    "Probe",
    "Sum",
    "VoteAttribution",
    "Votes",
    "decimals",
    "heat",
    "sums",
]
