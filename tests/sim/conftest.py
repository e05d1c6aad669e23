"""Hypothesis draws a problem where a test asks for its type: ``st.from_type(Problem)``, or one family's.

At most three samples of four features, on a coarse grid where votes tie and vanish; every K, head and ridge.
"""

from dataclasses import replace

import torch
from hypothesis import strategies as st
from torch import Tensor

from sim.problems import FAMILIES, Bilinear, Problem
from sim.problems.dense import Shaped


def grid(size: int) -> st.SearchStrategy[Tensor]:
    eighths = st.lists(st.integers(-16, 16), min_size=size, max_size=size)
    return eighths.map(lambda row: torch.tensor(row, dtype=torch.float64) / 8)


@st.composite
def problems(draw: st.DrawFn, family: type[Problem]) -> Problem:
    samples, features = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    plain = issubclass(family, Shaped)
    k = features if plain else draw(st.integers(1, features))
    smoothing = None if plain else draw(st.sampled_from([None, "entropic", "quadratic"]))

    def labels(*choices: int) -> list[int]:
        return draw(st.lists(st.sampled_from(choices), min_size=samples, max_size=samples))

    match family.family:
        case "routing":
            orders = [draw(st.permutations(range(features))) for _ in range(samples)]
            teaching = {"support": torch.tensor(orders) < k, "y": torch.tensor(labels(0, 1))}
        case "softmax":
            teaching = {"y": torch.tensor([draw(st.integers(1, 2)), *labels(0, 1, 2)[1:]])}
        case "monotone":
            teaching = {"y": torch.tensor(labels(-1))}
        case "logistic":
            teaching = {"y": torch.tensor(labels(-1, 1))}
        case "logcosh":
            teaching = {"teacher": draw(grid(features))}
        case _:
            teaching = {}
    problem = family(
        x=draw(grid(samples * features)).reshape(samples, features) * draw(st.sampled_from([0.125, 1.0, 8.0])),
        k=k,
        smoothing=smoothing,
        mu=smoothing and draw(st.sampled_from([0.01, 0.1, 1.0])),
        ridge=0.0 if plain or family is Bilinear else draw(st.sampled_from([0.0, 0.0, 0.5, 8.0])),
        raised=smoothing == "quadratic" and draw(st.booleans()),
        **teaching,
    )
    size = problem.dimension
    return replace(problem, start=draw(grid(size)), comparator=draw(grid(size)))


for family in FAMILIES.values():
    st.register_type_strategy(family, problems(family))
# those over AAT heads on given features; the others have their own tests
OVER_HEADS = [family for family in FAMILIES.values() if not issubclass(family, Bilinear | Shaped)]
st.register_type_strategy(Problem, st.one_of(*map(problems, OVER_HEADS)))
