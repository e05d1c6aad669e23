"""Every public function, one argument of a right call made hostile: a result, or one line that says what is wrong."""

import contextlib
import math
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import aat
import aat.cnn
import aat.concepts
import aat.explain
import aat.heads
import reports
import reports.check
import sim
import sim.problems
import theory
from aat.kernels import cpu
from tests.hostile.calls import CALLS, digits
from tests.hostile.values import ENDLESS, FAILING, OF_FUNCTIONS, PLAIN, TENSORS
from theory.ledger import UnknownClaim

SECONDS = 60
ROOMS: tuple[ModuleType, ...] = (aat, aat.explain, aat.heads, aat.cnn, aat.concepts, sim, sim.problems, theory, reports)
# Public names without a call here, and why.
LEFT_OUT = {
    "aat.InputError": "what is raised",
    **dict.fromkeys(("aat.explain.Attribution", "aat.explain.Heard", "aat.explain.Part", "aat.explain.Sum",
                     "aat.explain.Votes", "aat.heads.Units", "aat.cnn.Images", "aat.cnn.Result", "aat.concepts.Concept",
                     "sim.Horizon", "sim.Run", "sim.problems.Labelled", "theory.Checked", "theory.Row", "theory.Metric",
                     "reports.Verdict"), "a record, which functions fill and nobody else has to"),
    **dict.fromkeys(("aat.concepts.Annotated", "sim.Method", "sim.Oracle"), "a protocol"),
    **dict.fromkeys(("sim.Problem", "sim.problems.Problem", "theory.Claim", "theory.Rate"), "a base, of others here"),
    "aat.concepts.LIMIT": "a number",
    "sim.METRICS": "a table",
    "sim.problems.FAMILIES": "a table",
    "sim.problems.Loss": "made by sim.problems.loss",
    "sim.problems": "a module of its own",
}  # fmt: skip
# What rooms document: InputError; ValueError and KeyError in the theory, which knows no other room; OSError of files.
REFUSALS = {"theory": (ValueError, KeyError), "": (aat.InputError, UnknownClaim, OSError)}


def test_no_public_name_is_forgotten() -> None:
    public = {f"{room.__name__}.{name}" for room in ROOMS for name in room.__all__}
    assert public - CALLS.keys() == LEFT_OUT.keys()


@pytest.fixture(scope="module", autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is read is there; a call that hangs is broken off."""
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "a-file").write_bytes(b"")
        for name in ("aat.cnn.train", "aat.concepts.Tally.save", "sim.Run.save"):
            called(name)
        yield


@contextlib.contextmanager
def limited(told: str) -> Iterator[None]:
    def hang(*_: object) -> None:
        raise TimeoutError(f"{told} takes more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def called(name: str, /, **hostile: Any) -> Any:
    call = CALLS[name]
    with limited(name), warnings.catch_warnings():
        # a library's word about what it was given is a word
        for kind in (RuntimeWarning, UserWarning):
            warnings.simplefilter("ignore", kind)
        return call.function(**({argument: make() for argument, make in call.right.items()} | hostile))


@pytest.mark.parametrize("name", CALLS)
def test_the_right_call_is_right(name: str) -> None:
    called(name)


ARGUMENTS = [(name, argument) for name, call in CALLS.items() for argument in call.right]


def fit_for(name: str, argument: str) -> list[Callable[[], Any]]:
    """The values of an argument; less what would be right, and take for ever, or what fails by itself when called."""
    call = CALLS[name]
    left_out = (*(ENDLESS if argument in call.much else ()), *(FAILING if callable(call.right[argument]()) else ()))
    return [*(lambda value=value: value for value in PLAIN if not any(value is each for each in left_out)), *TENSORS]


@settings(max_examples=OF_FUNCTIONS, suppress_health_check=[HealthCheck.too_slow])
@given(where=st.sampled_from(ARGUMENTS), data=st.data())
def test_a_hostile_argument_ends_well(where: tuple[str, str], data: st.DataObject) -> None:
    name, argument = where
    value = data.draw(st.sampled_from(fit_for(name, argument)), label=argument)()
    if isinstance(error := refusal(name, {argument: value}), Exception):
        assert "\n" not in str(error)
        assert str(error)


def refusal(name: str, hostile: dict[str, Any]) -> object:
    """The documented error of a call; or what it returns."""
    room = name.partition(".")[0]
    try:
        return called(name, **hostile)
    except REFUSALS.get(room, REFUSALS[""]) as error:
        return error
    except pytest.fail.Exception as error:
        # a rate that does not hold is told in many lines, by the check that is there to tell it
        return None if "does not hold" in str(error) else error


def test_there_are_ten_thousand_calls_to_choose_from() -> None:
    assert sum(len(fit_for(*where)) for where in ARGUMENTS) >= 10_000


# --- What is accepted is right ---


def heard(votes: Tensor, k: int) -> Tensor:
    """The definition, by sorting."""
    return votes.double().sort(dim=-1, descending=True).values[..., :k].sum(-1)


@pytest.mark.parametrize("make", TENSORS)
def test_an_odd_tensor_has_the_right_sum_or_none(make: Callable[[], Any]) -> None:
    found = refusal("aat.topk_sum", {"votes": make(), "k": 2, "smoothing": None, "mu": None})
    if isinstance(found, Tensor):
        torch.testing.assert_close(found.double(), heard(make(), 2), equal_nan=True, rtol=1e-6, atol=0)


@pytest.mark.parametrize("backend", [None, "reference", "chunked", "cpu"])
@pytest.mark.parametrize("make", TENSORS)
def test_a_head_never_reads_an_input_as_what_it_is_not(make: Callable[[], Any], backend: str | None) -> None:
    if backend == "cpu" and cpu.library() is None:
        pytest.skip("not compiled")
    head = aat.AATLinear(4, 3, k=2, backend=backend)
    try:
        found = head(make())
    except aat.InputError:
        return
    votes = make().unsqueeze(-2).double() * head.weight.detach().double()
    expected = heard(votes, 2) + head.bias.detach().double()
    torch.testing.assert_close(found.detach().double(), expected, equal_nan=True, rtol=1e-5, atol=1e-40)


def test_a_float64_input_of_a_float32_head_is_refused() -> None:
    with pytest.raises(aat.InputError, match=r"^input of torch.float64 on cpu; expected torch.float32 on cpu"):
        aat.AATLinear(4, 3, k=2)(torch.ones(2, 4, dtype=torch.float64))


@pytest.mark.parametrize("size", [2**40, 2**62])
@pytest.mark.parametrize("name", ["in_features", "out_features"])
def test_a_size_beyond_memory_is_told(name: str, size: int) -> None:
    with pytest.raises(aat.InputError, match="does not fit into memory"):
        called("aat.AATLinear", **{name: size})


@pytest.mark.parametrize("width", [1e9, 3e16, 1e300])
def test_a_network_beyond_memory_is_told(width: float) -> None:
    with pytest.raises(aat.InputError, match=r"^small of width .* does not fit into memory"):
        aat.cnn.network(aat.cnn.Recipe(data="digits", width=width), digits())


def test_an_error_is_one_line() -> None:
    assert str(aat.InputError("one\n\ttwo")) == "one two"


@pytest.mark.parametrize("path", ["", "/", "\0", "\ud800"])
def test_no_file_is_called_so(path: str) -> None:
    with pytest.raises(OSError, match="no file can be called so"):
        called("sim.Run.save", path=Path(path))


@pytest.mark.parametrize("name", ["trials", "seed", "looks"])
def test_truth_is_no_number(name: str) -> None:
    with pytest.raises(aat.InputError, match=f"^{name} = True is a bool; expected int; try help"):
        called("sim.simulate", **{name: True})


@pytest.mark.parametrize("sizes", [[0.1], [0.1, math.nan], [0.1, math.inf], "x", None, [[0.1, 0.1]], [1j, 1j]])
def test_step_sizes_are_a_finite_number_a_step(sizes: object) -> None:
    with pytest.raises(aat.InputError, match=r"^step_sizes\(2\) = .*; expected 2 finite numbers"):
        called("sim.enumerate_paths", horizons=[2], step_sizes=lambda horizon: sizes)


def test_a_network_that_fails_on_its_images_is_told() -> None:
    with pytest.raises(aat.InputError, match=r"^the network fails on images of torch.uint8, shape"):
        called("aat.cnn.features", network=nn.Linear(4, 3))
