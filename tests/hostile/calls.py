"""A right call of every public function, small; one argument of it at a time is made hostile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

import aat
import aat.cnn
import aat.concepts
import aat.explain
import aat.heads
import reports
import sim
import theory
from reports.check import RateCheck
from sim import problems
from theory.cited import cite

VOTES = torch.tensor([[3.0, -1.0, 2.0, 2.0], [0.0, -0.0, 1.0, 5.0]])


@dataclass(frozen=True)
class Call:
    """A function with right arguments, of which those that say how much is to be done get no endless number."""

    function: Callable[..., Any]
    right: Mapping[str, Callable[[], Any]]
    much: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True)
class New:
    """An argument that is made for each call, which may change it."""

    make: Callable[[], Any]

    def __call__(self) -> Any:
        return self.make()


def call(function: Callable[..., Any], much: str = "", /, **right: Any) -> Call:
    """``right``: values, some of them ``New`` for each call; ``much``: which of them say how much is to be done."""
    made = {name: value if isinstance(value, New) else New(lambda value=value: value) for name, value in right.items()}
    return Call(function, made, frozenset(much.split()))


def consumed(generator: Callable[..., Any]) -> Callable[..., Any]:
    """A generator function whose errors come with its first value."""
    return lambda **options: next(iter(generator(**options)), None)


IMAGES = torch.ones(2, 1, 2, 2)
FEATURES, CLASSES = torch.tensor([[1.0, 2.0], [2.0, 1.0], [0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1, 0, 1])


def network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), aat.AATLinear(4, 3, k=2))


@cache
def probe() -> aat.explain.Probe:
    return aat.explain.Probe(network())


@cache
def digits() -> aat.cnn.Images:
    return aat.cnn.load("digits").subset(8, 4)


RECIPE = aat.cnn.Recipe(data=digits().name, arch="linear", k=2, epochs=1)
TALLY = aat.concepts.Tally(
    ("colour",), (aat.concepts.Unit(1, (aat.concepts.Match("red", 4, 4, 2),)), aat.concepts.Unit(2, (None,)))
)


def tiny(**options: Any) -> sim.Problem:
    return problems.make("logistic", "tiny", k=2, **options)


def constant(horizon: int) -> list[float]:
    return [0.5] * horizon


@cache
def run() -> sim.Run:
    return sim.enumerate_paths(tiny(), constant, [1], "mean_square_gradient")


HEAD = {"k": 2, "smoothing": "quadratic", "mu": 0.1}
POSED = {**HEAD, "raised": True, "ridge": 0.1, "start": torch.zeros(2), "comparator": torch.ones(2), "data": "mine"}
X, SIGNS = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([-1.0, -1.0])
PLAIN = {"k": 2, "start": torch.zeros(2), "comparator": torch.ones(2), "data": "mine"}
ENGINE = {"problem": New(tiny), "step_sizes": New(lambda: constant), "horizons": [1, 2], "metric_name": "last_gap",
          "method": New(sim.SGD), "sampling": sim.Sampling(), "oracle": sim.HardMask(),
          "eta": New(lambda: lambda T: 0.5), "backend": "torch",
          "progress": New(lambda: lambda count: None)}  # fmt: skip
CONSTANTS = dict.fromkeys(("D", "G"), 1.0)
R1 = theory.claims["R1"]
CITED = {"metric": "average_gap", "bound": "D*G/sqrt(T)", "assumptions": ("convex",), "step": "D/(G*sqrt(T))"}

CALLS: dict[str, Call] = {
    # aat
    "aat.topk_sum": call(aat.topk_sum, votes=VOTES, **HEAD),
    "aat.multipliers": call(aat.multipliers, votes=VOTES, **HEAD),
    "aat.threshold": call(aat.threshold, votes=VOTES, k=2),
    "aat.mask": call(aat.mask, votes=VOTES, k=2),
    "aat.gap": call(aat.gap, votes=VOTES, k=2),
    "aat.AATLinear": call(aat.AATLinear, in_features=4, out_features=3, bias=True, device="cpu", dtype=torch.float32,
                          backend="chunked", **HEAD),
    "aat.AATLinear()": call(lambda input: aat.AATLinear(4, 3, k=2)(input), input=VOTES),
    "aat.AATLinear.votes": call(lambda input: aat.AATLinear(4, 3, k=2).votes(input), input=VOTES),
    "aat.AATLinear.from_linear": call(aat.AATLinear.from_linear, linear=New(lambda: nn.Linear(4, 3)), **HEAD),
    "aat.convert": call(aat.convert, model=New(lambda: nn.Sequential(nn.Linear(4, 3))), name="0", **HEAD),
    # aat.explain
    "aat.explain.VoteAttribution": call(aat.explain.VoteAttribution, network=New(network)),
    "aat.explain.VoteAttribution.attribute": call(
        aat.explain.VoteAttribution(network()).attribute, inputs=IMAGES, target=1
    ),
    "aat.explain.VoteAttribution.votes": call(
        aat.explain.VoteAttribution(network()).votes, heard=New(lambda: probe()(IMAGES)), target=CLASSES[:2]
    ),
    "aat.explain.Probe": call(aat.explain.Probe, network=New(network)),
    "aat.explain.Probe()": call(lambda images: aat.explain.Probe(network())(images), images=IMAGES),
    "aat.explain.Examples": call(aat.explain.Examples, units=3, most=2),
    "aat.explain.Examples.see": call(
        lambda features, images: aat.explain.Examples(4, 2).see(features, images), features=VOTES, images=CLASSES[:2]
    ),
    "aat.explain.Examples.of": call(lambda unit: aat.explain.Examples(4, 2).of(unit), unit=1),
    "aat.explain.heat": call(aat.explain.heat, probe=New(probe), images=IMAGES, heard=New(lambda: probe()(IMAGES)),
                             pairs=[(0, 1), (1, 2)]),
    "aat.explain.sums": call(
        aat.explain.sums,
        votes=New(lambda: aat.explain.VoteAttribution(network()).votes(probe()(IMAGES))), most=2,
    ),
    "aat.explain.decimals": call(aat.explain.decimals, values=[1.0, 2.0], digits=3),
    # aat.heads
    "aat.heads.EMRouting": call(aat.heads.EMRouting, "iterations", in_features=4, out_features=3, pose=2, iterations=2,
                                final=1.0),
    "aat.heads.EMRouting()": call(lambda x: aat.heads.EMRouting(4, 3)(x), x=VOTES),
    "aat.heads.EMRouting.heard": call(lambda x: aat.heads.EMRouting(4, 3).heard(x), x=VOTES),
    "aat.heads.units": call(aat.heads.units, head=New(lambda: aat.AATLinear(4, 3, k=2)), x=VOTES),
    "aat.heads.fit": call(aat.heads.fit, "epochs", make=New(lambda: lambda: nn.Linear(2, 2)), x=FEATURES,
                          labels=CLASSES, epochs=1, lr=0.1, batch=2),
    "aat.heads.path": call(consumed(aat.heads.path), x=FEATURES, labels=CLASSES, most=1, ratio=0.5, least=0.1),
    # aat.cnn
    "aat.cnn.load": call(aat.cnn.load, data="digits", root=Path("nowhere"), size=8, memory=2**20),
    "aat.cnn.Images.subset": call(lambda train, test: digits().subset(train, test), train=8, test=4),
    "aat.cnn.Recipe": call(
        aat.cnn.Recipe, data="x", arch="small", stem="standard", width=1.0, size=8, backbone=None, epochs=1, batch=2,
        optimizer="SGD", lr=0.1, momentum=0.9, weight_decay=0.0, options={}, schedule="steps", order="uniform",
        augment=True, precision="float32", seed=0, **HEAD,
    ),
    "aat.cnn.network": call(aat.cnn.network, recipe=RECIPE, about=New(digits)),
    "aat.cnn.train": call(aat.cnn.train, recipe=RECIPE, images=New(digits), folder=Path("trained"), device="cpu",
                          devices=1, workers=0, bar=False, callbacks=()),
    "aat.cnn.evaluate": call(aat.cnn.evaluate, network=New(lambda: aat.cnn.network(RECIPE, digits())),
                             split=New(lambda: digits().test), batch=2),
    "aat.cnn.features": call(aat.cnn.features, network=New(lambda: aat.cnn.network(RECIPE, digits())),
                             split=New(lambda: digits().test)),
    "aat.cnn.save_features": call(
        aat.cnn.save_features, file=Path("features.npz"), network=New(lambda: aat.cnn.network(RECIPE, digits())),
        split=New(lambda: digits().test),
    ),
    "aat.cnn.load_network": call(aat.cnn.load_network, file=Path("trained/weights.pt")),
    "aat.cnn.Result.load": call(aat.cnn.Result.load, folder=Path("trained")),
    # aat.concepts
    "aat.concepts.Category": call(aat.concepts.Category, name="colour", concepts=("red", "blue")),
    "aat.concepts.Match": call(aat.concepts.Match, label="red", truth=4, activation=4, intersect=2),
    "aat.concepts.Unit": call(aat.concepts.Unit, number=1, matches=(None,)),
    "aat.concepts.Tally": call(aat.concepts.Tally, categories=TALLY.categories, units=TALLY.units),
    "aat.concepts.Tally.only": call(TALLY.only, categories=["colour"]),
    "aat.concepts.Tally.best": call(TALLY.best, unit=TALLY.units[0]),
    "aat.concepts.Tally.detectors": call(TALLY.detectors, limit=0.04, inclusive=True),
    "aat.concepts.Tally.unique": call(TALLY.unique, limit=0.04, inclusive=True),
    "aat.concepts.Tally.save": call(TALLY.save, file=Path("tally.csv")),
    "aat.concepts.Tally.load": call(aat.concepts.Tally.load, file=Path("tally.csv"),
                                  complain=New(lambda: lambda _: None)),
    # sim
    "sim.problems.make": call(problems.make, family="logistic", data="tiny", k=2, raised=False, ridge=0.1,
                              start=torch.zeros(4), smoothing="entropic", mu=0.1),
    "sim.problems.Logistic": call(problems.Logistic, x=X, y=SIGNS, **POSED),
    "sim.problems.Monotone": call(problems.Monotone, x=X, y=SIGNS, **POSED),
    "sim.problems.Softmax": call(problems.Softmax, x=X, y=CLASSES[:2], **{**POSED, "start": None, "comparator": None}),
    "sim.problems.Routing": call(problems.Routing, x=X, support=X > 0, y=CLASSES[:2] * 0, **POSED),
    "sim.problems.LogCosh": call(problems.LogCosh, x=X, teacher=torch.ones(2), **POSED),
    "sim.problems.Bilinear": call(problems.Bilinear, x=X, k=2, smoothing="quadratic", mu=0.1, start=torch.zeros(6)),
    "sim.problems.Quadratic": call(problems.Quadratic, x=X, **PLAIN),
    "sim.problems.PolyakLojasiewicz": call(problems.PolyakLojasiewicz, x=X, **PLAIN),
    "sim.problems.loss": call(
        problems.loss, function=New(lambda: lambda w, x: (w - x).square().sum()), start=[1.0, 2.0], arrays=[X],
        constants={"G": 1.0}, convex=True, comparator=[0.0, 0.0], lower_bound=0.0, batched=False, name="mine",
    ),
    "sim.problems.synthetic": call(problems.synthetic, "samples features", samples=3, features=4, classes=2, name="x"),
    "sim.problems.gapped": call(problems.gapped, "samples features", floor=0.1, spread=0.1, samples=3, features=4, k=2,
                                name="x"),
    "sim.problems.tiny": call(problems.tiny),
    "sim.problems.digits": call(problems.digits),
    "sim.SGD": call(sim.SGD),
    "sim.HeavyBall": call(sim.HeavyBall, beta=0.9),
    "sim.HardMask": call(sim.HardMask, density=1.0),
    "sim.Annealed": call(sim.Annealed, power=0.2),
    "sim.Approximate": call(sim.Approximate, recall=0.9),
    "sim.Sampling": call(sim.Sampling, kind="with replacement", batch=1),
    "sim.enumerate_paths": call(sim.enumerate_paths, block=4, memory=2**20, **ENGINE),
    "sim.simulate": call(sim.simulate, "horizons", trials=2, seed=0, looks=1, **ENGINE),
    "sim.estimate": call(sim.estimate, problem=New(tiny), horizon=2, metric_name="last_gap", sampling=sim.Sampling(),
                         memory=2**20),
    "sim.from_optimizer": call(sim.from_optimizer, cls=torch.optim.SGD, name="mine", constants={"beta": 0.5},
                               momentum=0.5),
    "sim.Run.save": call(lambda path: run().save(path), path=Path("run.json")),
    "sim.Run.load": call(sim.Run.load, path=Path("run.json")),
    # theory
    "theory.claims": call(theory.claims.__getitem__, id="R1"),
    "theory.check": call(theory.check, claim=theory.claims["O1"], known=()),
    "theory.ledger": call(consumed(theory.ledger), entries=[theory.claims["O1"]], with_mutants=False),
    "theory.Rate.bound_at": call(R1.bound_at, horizon=4, eta=0.5, constants=CONSTANTS),
    "theory.Rate.best_eta": call(R1.best_eta, horizon=4, constants=CONSTANTS),
    "theory.Rate.rate_at": call(R1.rate_at, horizon=4, constants=CONSTANTS),
    "theory.Rate.steps": call(R1.steps, "horizon", horizon=4, eta=0.5),
    "theory.Rate.broken": call(R1.broken, eta=0.5, constants=CONSTANTS),
    "theory.cited.cite": call(cite, id="mine", schedule="eta", cap="D/G", title="t", setting="s", source="x", **CITED),
    # reports
    "reports.verify": call(reports.verify, "horizons", claim=theory.claims["R6"], problem=New(tiny), horizons=[1],
                           level=1e-3, exact=True, trials=2, looks=1, step=0.5, seed=0, setting=None, method=None),
    "reports.judge": call(reports.judge, pairs=New(lambda: [(theory.claims["R6"], run(), "")]), level=1e-3),
    "reports.check.RateCheck()": call(
        RateCheck("a test", 1e-3), "horizons", claim="R6", method=torch.optim.SGD, problem=New(lambda: tiny(**HEAD_OF)),
        horizons=[1], trials=2, exact=True, allow=("undecided",), step=0.1, looks=1, seed=0,
    ),
}  # fmt: skip
HEAD_OF = {"smoothing": "entropic", "mu": 0.1}
