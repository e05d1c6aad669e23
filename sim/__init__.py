"""AAT-SGD on problems that declare their constants: exactly, or with many trials.

>>> import torch
>>> from sim import enumerate_paths, problems
>>> tiny = problems.Logistic(x=torch.eye(2), y=torch.tensor([-1.0, 1.0]), k=2)
>>> run = enumerate_paths(tiny, lambda T: [0.5] * T, [4], "last_gap")
>>> run.method, len(run.horizons[0].values)
('dense SGD, K=n=2', 1)
"""

from sim import problems
from sim.exact import enumerate_paths, estimate
from sim.methods import SGD, HeavyBall, Method
from sim.metrics import METRICS
from sim.monte_carlo import simulate
from sim.optimizers import from_optimizer
from sim.oracles import Annealed, Approximate, HardMask, Oracle
from sim.problems import Problem
from sim.results import Horizon, Run
from sim.sampling import Sampling

__all__ = [
    "METRICS",
    "SGD",
    "Annealed",
    "Approximate",
    "HardMask",
    "HeavyBall",
    "Horizon",
    "Method",
    "Oracle",
    "Problem",
    "Run",
    "Sampling",
    "enumerate_paths",
    "estimate",
    "from_optimizer",
    "problems",
    "simulate",
]
