"""The search for the worst instance: it attains what can be attained, exceeds no worst case, and can be replayed.

Everything here is exact: a tightness is an expectation over all sample paths, divided by a bound.
"""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from aat import InputError
from reports import cli, falsify
from reports.falsify import Instance, Search, made_plain

SMALL = {"rounds": 1, "examples": 60, "moves": 120}
WISH = """
from theory.cited import cite
wish = cite("wish", metric="average_gap", bound="(D**2/(2*eta*T) + eta*G**2/2)*2/3",
            assumptions=("convex", "unbiased", "second moment", "distance"))
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("id", ["R1", "R3"])
def test_what_can_be_attained_is_attained_and_no_more(id: str) -> None:
    found = Search(id, Path("out"), **SMALL).run()
    assert found.tightness >= 0.95
    assert found.horizon >= 2
    assert found.status in ("holds", "undecided")
    # with two steps the worst case is small enough to solve, to about 1e-7 of numbers that may be small themselves
    short = falsify.found(replace(Instance.load(Path(f"out/{id}.json")), horizon=2), Path("short.json"))
    assert short.worst_case is not None
    assert short.tightness <= short.worst_case + 0.01


def test_a_bound_that_is_too_small_is_violated_and_its_instance_replays_to_the_last_bit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("wish.py").write_text(WISH)
    assert cli.main(["falsify", "wish.py", "--rounds", "1", "--json", "a.json"]) == 1
    (row,) = json.loads(Path("a.json").read_text())
    assert {"claim", "tightness", "instance", "replay"} <= row.keys()
    assert row["claim"] == "wish"
    assert row["tightness"] > 1
    assert row["replay"] in capsys.readouterr().out.replace("\n", "")
    assert cli.main([*shlex.split(row["replay"])[1:], "--json", "b.json"]) == 1
    assert json.loads(Path("b.json").read_text()) == [row]


def test_an_interrupted_search_goes_on_and_ends_with_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"rounds": 2, "examples": 20, "moves": 30}
    Search("R1", Path("whole"), **few).run()
    really, rounds = Search._round, []

    def tire(search: Search, number: int, *rest: object) -> Instance | None:
        if number:
            raise KeyboardInterrupt
        return really(search, number, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Search, "_round", tire)
        with pytest.raises(KeyboardInterrupt):
            Search("R1", Path("parts"), **few).run()
    monkeypatch.setattr(Search, "_round", lambda *all: (rounds.append(all[1]), really(*all))[1])
    Search("R1", Path("parts"), **few).run()
    assert rounds == [1]
    assert Path("parts/R1.json").read_bytes() == Path("whole/R1.json").read_bytes()


def test_another_seed_is_another_search() -> None:
    few = {"rounds": 1, "examples": 10, "moves": 5}
    searches = [Search("R1", Path("out"), seed=seed, **few) for seed in (0, 1)]
    assert searches[0]._key != searches[1]._key
    for search in searches:
        search.run()
        assert search._resume()[0] == 1


def test_the_plain_instance_is_nearly_as_tight_and_shorter_to_write() -> None:
    search = Search("R1", Path("out"), rounds=1, examples=40, moves=40)
    raw = search._round(0, None, lambda runs: None)
    assert raw is not None
    raw = raw.at(raw.vector() * (1 + 1e-9))
    plain = made_plain(raw)
    assert plain.tightness >= (1 - 2e-3) * raw.tightness
    assert len(str(plain.numbers)) <= len(str(raw.numbers))


def test_an_instance_survives_its_file_and_its_vector() -> None:
    search = Search("R1", Path("out"), rounds=1, examples=20, moves=20)
    instance = search._round(0, None, lambda runs: None)
    assert instance is not None
    instance.save(Path("one.json"))
    again = Instance.load(Path("one.json"))
    assert again == instance
    assert again.verdict() == instance.verdict()
    assert instance.at(instance.vector()).numbers["x"] == instance.numbers["x"]


def test_where_a_claim_says_nothing_there_is_no_tightness() -> None:
    search = Search("R1", Path("out"), rounds=1, examples=20, moves=0)
    instance = search._draw(0, lambda runs: None)
    assert instance is not None
    assert replace(instance, horizon=10**6).tightness == -float("inf")


def test_without_ids_every_rate_that_can_be_run_is_searched() -> None:
    ids = [search.claim for search in falsify.searches([], Path("out"))]
    assert {"R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R12"} <= set(ids)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["R99"], "unknown claim 'R99'"),
        (["O1"], "without a rate"),
        (["gone.py"], "gone.py: No such file"),
        (["--replay", "gone.json"], "gone.json holds no instance"),
        (["R1", "--rounds", "0"], "--rounds"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["falsify", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("aat: ")
    assert error.count("\n") == 1
    assert said in error


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"claim": "R1"}', "null"])
def test_what_is_no_instance_is_refused(text: str) -> None:
    Path("bad.json").write_text(text)
    with pytest.raises(InputError, match=r"bad\.json holds no instance"):
        Instance.load(Path("bad.json"))


def test_a_saved_best_on_which_the_claim_now_says_nothing_is_not_taken_up() -> None:
    search = Search("R1", Path("out"), rounds=1, examples=10, moves=5)
    best = search._round(0, None, lambda runs: None)
    assert best is not None
    search._keep(1, best)
    assert search._resume() == (1, best)
    search._keep(1, replace(best, horizon=10**6))
    assert search._resume() == (0, None)
