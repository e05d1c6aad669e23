"""EM routing: the procedure against a plain reference, what routing must be at every input, and what it finds."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from aat import InputError
from aat.heads.em_routing import (
    VARIANCE_FLOOR,
    EMRouting,
    Routed,
    e_step,
    inverse_temperature,
    m_step,
    route,
    scores_of,
)
from aat.seeds import generator

sizes = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(1, 6))


def drawn(*names: object, B: int = 2, O: int = 3, H: int = 2, n: int = 5, spread: float = 1.0) -> tuple[Tensor, ...]:  # noqa: E741
    """log a_i, V_ij, β_u and β_a."""
    source = generator("em routing", *names)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source, dtype=torch.float64)

    return normal(B, n).sigmoid().log(), spread * normal(B, O, H, n), normal(O), normal(O)


def routed(given: tuple[Tensor, ...], iterations: int = 3, final: float = 1.0) -> Routed:
    return route(*given, iterations=iterations, final=final)  # type: ignore[misc]


@given(sizes, st.integers(1, 4), st.sampled_from([1e-3, 1.0, 1e6]))
def test_assignments_sum_to_one_and_variances_are_positive(
    shape: tuple[int, int, int, int], iterations: int, spread: float
) -> None:
    B, O, H, n = shape  # noqa: E741
    found = routed(drawn(shape, B=B, O=O, H=H, n=n, spread=spread), iterations)
    shares = found.log_assignments.exp()
    assert shares.shape == (B, O, n)
    torch.testing.assert_close(shares.sum(1), torch.ones(B, n, dtype=torch.float64))
    assert bool((found.clusters.variance >= VARIANCE_FLOOR).all())
    assert all(bool(part.isfinite().all()) for part in (found.scores, *found.clusters, found.log_assignments))


def plain(log_activations: Tensor, votes: Tensor, beta_u: Tensor, beta_a: Tensor, final: float) -> tuple[Tensor, ...]:
    """Two iterations of Procedure 1, as it is written, with loops and SciPy's densities: scores and assignments."""
    B, O, H, n = votes.shape  # noqa: E741
    scores, between = np.zeros((B, O)), np.zeros((B, O, n))
    for b in range(B):
        a, V = log_activations[b].exp().numpy(), votes[b].numpy()
        R = np.full((n, O), 1 / O)
        for t in (1, 2):
            mean, deviation, active = np.zeros((O, H)), np.zeros((O, H)), np.zeros(O)
            for j in range(O):
                r = [R[i, j] * a[i] for i in range(n)]
                cost = 0.0
                for h in range(H):
                    mean[j, h] = sum(r[i] * V[j, h, i] for i in range(n)) / sum(r)
                    square = sum(r[i] * (V[j, h, i] - mean[j, h]) ** 2 for i in range(n)) / sum(r)
                    deviation[j, h] = math.sqrt(square + VARIANCE_FLOOR)
                    cost += (float(beta_u[j]) + math.log(deviation[j, h])) * sum(r)
                scores[b, j] = final * (1 - 0.95**t) * (float(beta_a[j]) - cost)
                active[j] = 1 / (1 + math.exp(-scores[b, j]))
            if t == 1:
                for i in range(n):
                    p = [
                        active[j] * math.prod(stats.norm.pdf(V[j, h, i], mean[j, h], deviation[j, h]) for h in range(H))
                        for j in range(O)
                    ]
                    R[i] = np.array(p) / sum(p)
                between[b] = R.T
    return torch.from_numpy(scores), torch.from_numpy(between)


@given(sizes)
def test_it_is_the_procedure_of_the_paper(shape: tuple[int, int, int, int]) -> None:
    B, O, H, n = shape  # noqa: E741
    given = drawn("plain", shape, B=B, O=O, H=H, n=n)
    found = routed(given, iterations=2, final=0.7)
    scores, assignments = plain(*given, 0.7)
    torch.testing.assert_close(found.scores, scores)
    torch.testing.assert_close(found.log_assignments.exp(), assignments)


def test_once_converged_nothing_changes() -> None:
    log_activations, votes, beta_u, beta_a = given = drawn("fixed point", n=12)
    before, after = routed(given, 600), routed(given, 601)
    torch.testing.assert_close(after.scores, before.scores, rtol=0, atol=1e-9)
    # and it is a fixed point of the two steps, at the last temperature
    again = m_step(e_step(votes, after.clusters, after.scores) + log_activations.unsqueeze(1), votes)
    torch.testing.assert_close(again, after.clusters, rtol=0, atol=1e-9)
    torch.testing.assert_close(scores_of(again, beta_u, beta_a, 1.0), after.scores, rtol=0, atol=1e-9)
    assert not torch.allclose(routed(given, 2).scores, after.scores, atol=1e-2)


def test_planted_clusters_are_found() -> None:
    """Six units agree on class 0, six on class 1; their votes for the other class are wide apart."""
    source = generator("planted")
    votes = 3 * torch.randn(1, 2, 4, 12, generator=source, dtype=torch.float64)
    centre = torch.tensor([[1.0, -2.0, 0.5, 2.0], [-1.0, 0.0, 2.0, -0.5]], dtype=torch.float64)
    noise = 0.02 * torch.randn(2, 4, 6, generator=source, dtype=torch.float64)
    votes[0, 0, :, :6] = centre[0, :, None] + noise[0]
    votes[0, 1, :, 6:] = centre[1, :, None] + noise[1]
    zero = torch.zeros(2, dtype=torch.float64)
    found = route(torch.full((1, 12), math.log(0.9)), votes, zero, zero, iterations=20, final=1.0)
    assert found.log_assignments[0, 0, :6].exp().min() > 0.999
    assert found.log_assignments[0, 1, 6:].exp().min() > 0.999
    torch.testing.assert_close(found.clusters.mean[0], centre, rtol=0, atol=0.03)
    torch.testing.assert_close(found.clusters.amount[0], torch.full((2,), 5.4, dtype=torch.float64))


@given(st.integers(1, 500), st.floats(1e-3, 1e3))
def test_the_temperature_falls_by_its_schedule(iteration: int, final: float) -> None:
    before, after = inverse_temperature(iteration, final), inverse_temperature(iteration + 1, final)
    assert 0 < before < after < final or after == pytest.approx(final)
    assert inverse_temperature(1, final) == pytest.approx(0.05 * final)
    assert final - after == pytest.approx(0.95 * (final - before), rel=1e-6)


def head(**entries: int) -> EMRouting:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return EMRouting(**({"in_features": 4, "out_features": 3, "pose": 2} | entries)).double()


def test_gradients_are_those_of_differences() -> None:
    made = head()
    x = torch.rand(2, 4, generator=generator("x"), dtype=torch.float64, requires_grad=True)
    names = list(dict(made.named_parameters()))
    assert len(names) == 6

    def scores(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(made, dict(zip(names, values, strict=True)), (x,))

    torch.autograd.gradcheck(scores, (x, *(value for _, value in made.named_parameters())))


def test_units_and_classes_have_no_order() -> None:
    made, x = head(), torch.rand(5, 4, generator=generator("order"), dtype=torch.float64)
    units, classes = torch.tensor([2, 0, 3, 1]), torch.tensor([1, 2, 0])
    scores, heard = made(x), made.heard(x)
    with torch.no_grad():
        for name, axes in {"slope": (0, 2), "offset": (0, 2), "scale": (None, 0), "shift": (None, 0),
                           "beta_u": (0, None), "beta_a": (0, None)}.items():  # fmt: skip
            value = getattr(made, name)
            for axis, order in zip(axes, (classes, units), strict=True):
                if axis is not None:
                    value.copy_(value.index_select(axis, order))
    torch.testing.assert_close(made(x[:, units]), scores[:, classes])
    torch.testing.assert_close(made.heard(x[:, units]), heard[:, classes][:, :, units])


def test_classes_hear_of_a_unit_as_much_as_it_is_active() -> None:
    made, x = head(), torch.rand(5, 4, generator=generator("heard"), dtype=torch.float64)
    torch.testing.assert_close(made.heard(x).sum(1), (made.scale * x + made.shift).sigmoid())
    torch.testing.assert_close(made.heard(x).sum(2), made.routed(x).clusters.amount)


@pytest.mark.parametrize("entries", [{"pose": 0}, {"iterations": 0}, {"out_features": 0}, {"final": 0}])
def test_a_number_out_of_range_is_one_line(entries: dict[str, int]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(entries))} = 0") as error:
        head(**entries)
    assert "\n" not in str(error.value)


def test_features_of_another_shape_are_one_line() -> None:
    with pytest.raises(InputError, match=r"shape \(2, 5\); expected \(B, 4\)"):
        head()(torch.zeros(2, 5))
