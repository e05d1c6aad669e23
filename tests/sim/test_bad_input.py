"""A wrong call or a wrong input is an InputError of one line, which says what was given."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from aat import InputError
from sim import enumerate_paths, simulate
from sim.problems import Logistic, Monotone, Problem, Routing, Softmax, make

X = torch.ones(3, 2)
NAN, INF = float("nan"), float("inf")
FIRST = torch.tensor([[True, False]]).repeat(3, 1)


def refuses(call: Callable[..., object], given: str, *arguments: object, **options: object) -> None:
    with pytest.raises(InputError, match=given) as error:
        call(*arguments, **options)
    assert "\n" not in str(error.value)


def logistic(**options: object) -> Problem:
    return Logistic(**{"x": X, "y": -torch.ones(3), "k": 1} | options)


def softmax(**options: object) -> Problem:
    return Softmax(**{"x": X, "y": torch.tensor([0, 1, 2]), "k": 1} | options)


def routing(**options: object) -> Problem:
    return Routing(**{"x": X, "support": FIRST, "k": 1} | options)


@pytest.mark.parametrize("k", [0, 3, -1, True, False, 1.0, None, "1", np.int64(1), torch.tensor(1)])
@pytest.mark.parametrize("family", [logistic, softmax, routing])
def test_k(family: Callable[..., Problem], k: object) -> None:
    refuses(family, r"^k = ", k=k)


@pytest.mark.parametrize("x", [X[0], X[None], X[:0], X[:, :0], torch.tensor(1.0), X + 0j], ids=lambda x: str(x.shape))
@pytest.mark.parametrize("family", [logistic, softmax, routing])
def test_shape_of_x(family: Callable[..., Problem], x: torch.Tensor) -> None:
    refuses(family, r"^x of shape .*expected.*\(N n\)", x=x)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("family", [logistic, softmax, routing])
def test_numbers_that_are_not_finite(family: Callable[..., Problem], bad: float) -> None:
    x = X.clone()
    x[1, 1] = bad
    refuses(family, "^x has 1 value", x=x)
    for point in ("start", "comparator"):
        refuses(family, f"^{point} has [0-9]+ value", **{point: torch.full((family().dimension,), bad)})


@pytest.mark.parametrize("name", ["start", "comparator"])
@pytest.mark.parametrize("point", [torch.zeros(3), torch.zeros(1, 2), torch.zeros(0)])
def test_points_of_another_dimension(name: str, point: torch.Tensor) -> None:
    refuses(logistic, f"^{name} of shape", **{name: point})


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"smoothing": "soft", "mu": 0.1}, "^smoothing = 'soft'"),
        ({"smoothing": "entropic"}, "^mu = None"),
        ({"smoothing": "quadratic", "mu": 0.0}, "^mu = 0.0"),
        ({"smoothing": "entropic", "mu": -1.0}, "^mu = -1.0"),
        ({"smoothing": "entropic", "mu": NAN}, "^mu = nan"),
        ({"smoothing": "entropic", "mu": INF}, "^mu = inf"),
        ({"mu": 0.1}, "^mu = 0.1 without smoothing"),
        ({"ridge": -0.1}, "^ridge = -0.1"),
        ({"ridge": NAN}, "^ridge = nan"),
        ({"ridge": INF}, "^ridge = inf"),
    ],
)
def test_options(options: dict[str, object], given: str) -> None:
    refuses(logistic, given, **options)


@pytest.mark.parametrize("y", [[1.0, -1.0], [1.0, -1.0, 0.0], [1.0, 2.0, -1.0], [1.0, NAN, 1.0], [[1.0, 1.0, 1.0]], []])
def test_signs(y: list[float]) -> None:
    refuses(logistic, "^y ", y=torch.tensor(y))


def test_a_monotone_problem_has_negatives_only() -> None:
    refuses(Monotone, "^y has positive labels", x=X, y=torch.tensor([-1.0, 1.0, -1.0]), k=1)
    refuses(Monotone, "^y has positive labels", x=X, y=torch.tensor([-1.0, 1.0, -1.0]), k=2)


@pytest.mark.parametrize(
    "y", [[0, 1], [0, 1, -1], [0.0, 1.0, 2.0], [[0, 1, 2]], [True, False, True], [0j, 1j, 2j], []], ids=str
)
@pytest.mark.parametrize("family", [softmax, routing])
def test_classes(family: Callable[..., Problem], y: list[object]) -> None:
    refuses(family, "^y ", y=torch.tensor(y))


def test_one_class() -> None:
    refuses(softmax, "^y has one class only", y=torch.zeros(3, dtype=torch.int64))


@pytest.mark.parametrize(
    "support", [FIRST.float(), FIRST[:2], FIRST.T, FIRST[0]], ids=lambda s: f"{s.dtype}, {s.shape}"
)
def test_supports_that_are_not_one_boolean_a_unit(support: torch.Tensor) -> None:
    refuses(routing, "^support of ", support=support)


def test_supports_of_another_size() -> None:
    refuses(routing, "^support keeps 1 to 1 units", k=2)
    refuses(routing, "^support keeps 0 to 1 units", support=FIRST & torch.tensor([[True], [False], [True]]))


@pytest.mark.parametrize(
    ("family", "data", "given"),
    [
        ("hinge", "synthetic", "^unknown problem 'hinge'"),
        ("softmax", "mnist", "^unknown data 'mnist'"),
        ("softmax", "", "^unknown data ''"),
        ("softmax", "x.csv", "^unknown data 'x.csv'"),
    ],
)
def test_names(family: str, data: str, given: str) -> None:
    refuses(make, given, family, data)


# --- Runs ---


def constant(horizon: int) -> list[float]:
    return [0.5] * horizon


@pytest.mark.parametrize("engine", [enumerate_paths, simulate])
def test_an_unknown_metric(engine: Callable[..., object]) -> None:
    refuses(engine, "^unknown metric 'loss'", logistic(), constant, [1], "loss")


@pytest.mark.parametrize("engine", [enumerate_paths, simulate])
@pytest.mark.parametrize("horizons", [[0], [2, 0], [-1]])
def test_a_horizon_below_one(engine: Callable[..., object], horizons: list[int]) -> None:
    refuses(engine, "horizon", logistic(), constant, horizons, "last_gap")


@pytest.mark.parametrize("horizon", [18, 64, 10**6])
def test_more_paths_than_anyone_can_wait_for(horizon: int) -> None:
    refuses(enumerate_paths, rf"3\^{horizon} sample paths", logistic(), constant, [1, horizon], "last_gap")


@pytest.mark.parametrize("options", [{"trials": 1}, {"trials": 0}, {"looks": 0}])
def test_too_few_trials_or_looks(options: dict[str, int]) -> None:
    refuses(simulate, "trials = ", logistic(), constant, [1], "last_gap", **options)


def test_no_horizons_at_all() -> None:
    refuses(simulate, "horizons", logistic(), constant, [], "last_gap")
