"""The comparison of heads: that all ways do the same work, and what is said of it. No times are asserted."""

import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aat import AATLinear, InputError
from reports import page, plots, published
from reports.bench import head, memory, result
from reports.bench.head import DEFINITION, DIRECTIONS, FEATURES, LINEAR, PEERS, BenchRow, Case
from reports.bench.result import Result
from reports.cli import main
from reports.study import Study

from .html import Page

SMALL = Case(6, 12, 4, 3)
SIZES = st.integers(1, 12)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    n = draw(SIZES)
    return Case(draw(SIZES), n, draw(SIZES), draw(st.integers(1, n)))


@pytest.fixture(scope="module")
def found() -> Result:
    """All rows of two cases, under times that no clock told."""
    extra: dict[str, float | None] = {LINEAR: 0.5, DEFINITION: 20.0, "chunked": None}
    rows: list[BenchRow] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head, "_VOTES", 2 * 6 * 12)
        patch.setattr(head, "medians", told)
        for case in (SMALL, replace(SMALL, K=5)):
            for kind in FEATURES:
                rows += head.rows(case, kind, 2, "cpu", extra)
    return Result.of(rows, 2)


def told(contenders: dict[str, object], rounds: int, clock: object) -> dict[str, float]:
    """Times by name."""
    return {name: {LINEAR: 1.0, DEFINITION: 128.0, "chunked": 32.0}.get(name, 4.0) for name in contenders}


# --- Ways ---


@settings(max_examples=20)
@given(case=cases(), kind=st.sampled_from(FEATURES))
def test_every_way_arrives_at_the_numbers_of_the_layer(case: Case, kind: str) -> None:
    x = case.features(kind)
    scores = {}
    for way in head.ways(case, "cpu"):
        function, layer = head.head(way, case, case.O, "cpu")
        scores[way] = function(x)
        if way == LINEAR:
            torch.testing.assert_close(scores[way], torch.nn.functional.linear(x, layer.weight, layer.bias))
        else:
            torch.testing.assert_close(scores[way], AATLinear.from_linear(layer, case.K)(x))
    assert len(scores) == len({*PEERS, *head.backends(case, "cpu")})


@settings(max_examples=20)
@given(case=cases())
def test_gradients_of_the_definition_are_those_of_every_backend_where_votes_do_not_tie(case: Case) -> None:
    x = case.features("gaussian")
    expected = head.call(DEFINITION, case, case.O, x, DIRECTIONS[1])()
    for backend in head.backends(case, "cpu"):
        torch.testing.assert_close(head.call(backend, case, case.O, x, DIRECTIONS[1])(), expected)


def test_forward_alone_keeps_no_graph() -> None:
    for way in head.ways(SMALL, "cpu"):
        assert not head.call(way, SMALL, 4, SMALL.features("relu"), DIRECTIONS[0])().requires_grad


@pytest.mark.parametrize("case", head.CASES)
def test_features_are_as_they_are_called(case: Case) -> None:
    relu, gaussian = (case.features(kind) for kind in FEATURES)
    torch.testing.assert_close(relu, gaussian.clamp(min=0))
    assert gaussian.shape == (case.B, case.n)
    assert abs((relu == 0).float().mean().item() - 0.5) < 0.05


# --- Shares ---


@given(B=st.integers(1, 2**12), n=st.integers(1, 2**14), O=st.integers(1, 2**12), way=st.sampled_from([*PEERS, "cpu"]))
def test_shares_are_whole_outputs_within_the_votes(B: int, n: int, O: int, way: str) -> None:  # noqa: E741
    case = Case(B, n, O, 1)
    outputs = case.share(way) * O
    assert outputs == pytest.approx(round(outputs))
    assert 1 <= round(outputs) <= O
    if way in (DEFINITION, "chunked"):
        assert round(outputs) in (1, O) or outputs * B * n <= 2**24 < (outputs + 1.001) * B * n
    else:
        assert outputs == O


@settings(max_examples=20)
@given(case=cases(), calls=st.integers(1, 20), votes=st.integers(1, 2_000))
def test_a_round_does_as_much_as_it_says(case: Case, calls: int, votes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head, "_VOTES", votes)
        done: list[int] = []
        patch.setattr(head, "call", lambda way, case, outputs, x, direction: partial(done.append, outputs))
        x = case.features("relu")
        one = head.contender(DEFINITION, case, x, DIRECTIONS[0], lambda work: head._ROUND / (calls - 0.5))
        done.clear()
        one.work()
        assert len(done) == calls
        assert sum(done) / case.O == pytest.approx(one.amount)


# --- Rows ---


def test_rows_are_complete_and_flat(found: Result) -> None:
    fit = head.backends(SMALL, "cpu")
    pairs = {(backend, peer) for backend in fit for peer in PEERS if backend != peer}
    keys = {(row.case, row.features, row.direction, row.backend, row.peer) for row in found.rows}
    assert len(found.rows) == len(keys) == 2 * len(FEATURES) * len(DIRECTIONS) * len(pairs)
    assert {key[3:] for key in keys} == pairs
    for row in found.rows:
        flat = asdict(row)
        assert all(value is None or isinstance(value, str | int | float) for value in flat.values())
        assert flat.keys() >= {"case", "backend", "peer", "ms", "peer_ms", "ratio", "extra_mb", "features",
                               "direction", "share", "threads", "device"}  # fmt: skip
        assert row.threads == torch.get_num_threads()


def test_ratios_are_those_of_the_medians_and_the_share_is_the_smaller(found: Result) -> None:
    for row in found.rows:
        times = {LINEAR: 1.0, DEFINITION: 128.0, "chunked": 32.0}
        assert (row.ms, row.peer_ms) == (times.get(row.backend, 4.0), times[row.peer])
        assert row.ratio == (row.ms / row.peer_ms if row.peer == LINEAR else row.peer_ms / row.ms)
        slow = {row.backend, row.peer} & {DEFINITION, "reference", "chunked"}
        assert row.share == (0.5 if slow else 1.0)
        assert (row.extra_mb, row.peer_extra_mb) == (None, {LINEAR: 0.5, DEFINITION: 20.0}.get(row.peer))


def test_a_line_tells_what_its_rows_tell(found: Result) -> None:
    line = next(line for line in found.lines() if line.backend == "reference")
    assert line[:-1] == (SMALL.name, "relu", "forward", "reference")
    assert line.numbers == (4.0, 4.0, 32.0, 8.0, None, 20.0, 0.5)
    assert len(line.numbers) == len(result.COLUMNS)
    assert [line.numbers[3] for line in found.lines() if line.backend == "chunked"] == [None] * 8


def test_multiples_are_of_linear(found: Result) -> None:
    multiples = found.multiples("forward")
    assert multiples[SMALL.name, "relu", DEFINITION] == 128
    assert multiples[SMALL.name, "relu", "reference"] == 4
    assert len(multiples) == 4 * (1 + len(head.backends(SMALL, "cpu")))


def test_a_result_survives_its_file(found: Result, tmp_path: Path) -> None:
    found.save(tmp_path / "new" / "head.json")
    assert Result.load(tmp_path / "new" / "head.json") == found
    plain = json.loads((tmp_path / "new" / "head.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert plain["device"] == [head.device_name("cpu")]
    assert plain["threads"] == [torch.get_num_threads()]
    assert plain["versions"]["torch"] == torch.__version__


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rounds": 1, "versions": {}, "rows": [{}]}'])
def test_another_file_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "head.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="expected a result of aat bench head"):
        Result.load(file)


# --- Memory ---


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak")
def test_memory_is_that_of_the_votes() -> None:
    case = Case(64, 512, 512, 5)
    extra = memory.extra_mb((LINEAR, DEFINITION), case, "cpu")
    votes = 4e-6 * 64 * 512 * 512
    linear, defined = extra[LINEAR], extra[DEFINITION]
    assert linear is not None
    assert defined is not None
    # gradients in x and weight, scores, and what the library keeps; at least votes and their gradient
    assert linear < votes / 4
    assert 2 * votes < defined < 6 * votes


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak")
def test_too_little_memory_is_told_as_none() -> None:
    # 2^39 bytes of votes
    assert memory.extra_mb((DEFINITION,), Case(2**12, 2**13, 2**12, 2), "cpu") == {DEFINITION: None}


# --- The command, the figure and the page ---


def test_the_command_writes_rows_result_and_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(head, "CASES", (SMALL,) * 5)
    monkeypatch.setattr(head, "_ROUND", 1e-9)
    monkeypatch.setattr(memory, "extra_mb", lambda ways, case, device: dict.fromkeys(ways, 1.5))
    out, file = tmp_path / "out", tmp_path / "rows.json"
    told = ["bench", "head", "--case", "4", "--rounds", "1", "--out", str(out), "--json", str(file)]
    assert main(told) == 0
    rows = json.loads(file.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert tuple(BenchRow(**row) for row in rows) == Result.load(out / "head.json").rows
    assert {path.name for path in out.iterdir()} == {"head.json", "head.svg", "head.png"}
    for row in rows:
        assert row["ms"] > 0
        times = row["ms"], row["peer_ms"]
        assert row["ratio"] == pytest.approx(times[0] / times[1] if row["peer"] == LINEAR else times[1] / times[0])
    said = capsys.readouterr().out
    assert said.count(SMALL.name) == len(FEATURES) * len(DIRECTIONS) * len(head.backends(SMALL, "cpu"))


@pytest.mark.parametrize(
    "options",
    [
        ["--case", "6"],
        ["--case", "0"],
        ["--rounds", "0"],
        ["--device", "abacus"],
        ["--out", __file__],
        ["--cases", "1"],
    ],
)
def test_a_wrong_option_is_one_line(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "head", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("aat: ")
    assert err.count("\n") == 1


def test_a_device_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["bench", "head", "--device", "cuda"]) == 2
    assert "expected one; try --device cpu" in capsys.readouterr().err


def test_the_figure_holds_every_time(found: Result) -> None:
    panels = result.draw(found).axes
    for axes, direction in zip(panels, DIRECTIONS, strict=True):
        drawn = sorted(line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1)
        multiples = found.multiples(direction)
        assert drawn == sorted(value for (*_, way), value in multiples.items() if way != "reference")


def test_the_page_shows_the_published_result(found: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    assert "Speed" not in Page(page.render(Study(()), [], [], [], [])).texts
    found.save(tmp_path / "bench_head.json")
    shown = Page(page.render(Study(()), [], [], [], []))
    assert shown.open == []
    assert "Speed" in shown.texts
    assert "speed" in shown.ids
    assert sum(loaded.startswith("data:") for loaded in shown.loaded) == 1
    assert {loaded[1:] for loaded in shown.loaded if loaded.startswith("#")} <= set(shown.ids)
    for text in (*found.devices, f"torch {torch.__version__}", "aat bench head --rounds 2"):
        assert text in shown.text
    for line in found.lines():
        numbers = " ".join("–" if number is None else f"{number:.4g}" for number in line.numbers)
        assert f"{' '.join(line[:-1])} {numbers}" in shown.text


def test_the_svg_of_the_page_is_that_of_the_file(found: Result, tmp_path: Path) -> None:
    svg, _ = plots.write(result.draw(found), tmp_path, result.FIGURE)
    assert plots.svg(result.draw(found)) == svg.read_bytes()
