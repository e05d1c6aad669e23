"""The routing study: its rows, its file, its figures, and the whole of it at toy size."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from aat import InputError
from aat.estimate import Estimate
from aat.recipe import Recipe
from aat.routing_statistics import NAMES, statistics
from aat.seeds import key
from reports.cli import main
from reports.cnn.paired import above, student
from reports.cnn.routing import CLAIMS, FILE, Map, Network, RoutingStudy
from reports.cnn.routing_figures import draw_maps, draw_units, drawn, sorted_map
from reports.plots import svg

# values of K = 5 and of the dense head under three seeds, for the statistics that are judged
FEW = {"units": ([4.0, 5.0, 4.5], [60.0, 70.0, 65.0])}
MANY = {"dynamic": ([10.0, 11.0, 10.5], [2.0, 2.1, 1.9])}
CHOSEN = {"pooled_class": ([3.0, 3.1, 3.2], [1.0, 1.1, 1.0])}


def study(**values: tuple[list[float], list[float]]) -> RoutingStudy:
    """One with these values, and 1 for every other statistic."""
    seeds = len(next(iter(values.values()))[0])
    networks = [
        Network(head, seed, {name: Estimate(values[name][place][seed] if name in values else 1.0) for name in NAMES},
                [1, 2, 3, 4])
        for seed in range(seeds) for place, head in enumerate(("K = 5", "dense"))
    ]  # fmt: skip
    maps = {"K = 5": Map([4, 6], [[4, 0, 0], [0, 0, 3]]), "dense": Map([5, 5], [[5, 2, 0], [1, 0, 5]])}
    return RoutingStudy(
        "aat study routing", Recipe("digits"), 0.06, 2.0, 10, "here", {"python": "3"}, ["zero", "one"], maps,
        tuple(networks),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "status"),
    [
        (FEW, "holds"),
        ({"units": FEW["units"][::-1]}, "violated"),
        ({"units": ([5.0, 70.0, 65.0], [60.0, 5.0, 65.0])}, "undecided"),
        (MANY, "holds"),
        ({"dynamic": MANY["dynamic"][::-1]}, "violated"),
        ({"dynamic": ([10.0, 2.0, 2.0], [2.0, 2.0, 10.0])}, "undecided"),
        (CHOSEN, "holds"),
        ({"pooled_class": CHOSEN["pooled_class"][::-1]}, "violated"),
        ({"pooled_class": ([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])}, "undecided"),
    ],
)
def test_a_claim_is_judged_by_its_bounds(values: dict[str, tuple[list[float], list[float]]], status: str) -> None:
    (statistic,) = values
    found = study(**values)
    row = found.row("K = 5", statistic)
    assert (row.claim, row.status, row.level) == (CLAIMS[statistic], status, pytest.approx(0.02))
    assert bool(row.reason) == (status == "undecided")
    mine, dense = (np.array(part) for part in values[statistic])
    for values_of, lower, upper in (
        (mine, row.lower, row.upper), (mine - dense, row.difference_lower, row.difference_upper)
    ):  # fmt: skip
        interval = stats.ttest_1samp(values_of, 0).confidence_interval(1 - 2 * 0.02)
        assert (lower, upper) == pytest.approx(tuple(interval))


def test_rows_are_every_statistic_of_every_head() -> None:
    rows = study(**FEW, **MANY).rows()
    assert [(row.head, row.statistic) for row in rows] == [
        (head, name) for head in ("K = 5", "dense") for name in NAMES
    ]
    for row in rows:
        claimed = row.head != "dense" and row.statistic in CLAIMS
        assert (row.claim, row.level) == ((CLAIMS[row.statistic], pytest.approx(0.02)) if claimed else ("", 0.025))
        assert (row.difference is None) == (row.head == "dense")
        assert claimed or row.status == "–"
    units = next(row for row in rows if row.statistic == "units")
    assert (units.value, units.difference) == (4.5, -60.5)


def test_heads_share_the_level() -> None:
    found = study(**FEW)
    more = [replace(network, head="K = 1") for network in found.networks if network.head == "K = 5"]
    both = replace(found, networks=(*found.networks, *more))
    assert both.heads == ["K = 5", "K = 1", "dense"]
    assert both.row("K = 1", "units").level == pytest.approx(0.01)


def test_one_seed_and_what_is_not_defined_are_undecided() -> None:
    row = study(units=([4.0], [60.0])).row("K = 5", "units")
    assert (row.status, row.value, row.lower) == ("undecided", 4.0, None)
    assert "one seed" in row.reason
    found = study(**FEW)
    first = found.networks[0]
    lacking = replace(first, statistics={**first.statistics, "dynamic": Estimate(None)})
    row = replace(found, networks=(lacking, *found.networks[1:])).row("K = 5", "dynamic")
    assert (row.status, row.value, row.lower, row.difference) == ("undecided", None, None, None)
    assert "not defined" in row.reason


def test_counts_that_agree_by_chance_are_not_certain() -> None:
    row = study(used=([7.0, 7.0, 7.0], [9.0, 9.0, 9.0])).row("K = 5", "used")
    assert row.lower is not None
    assert row.upper is not None
    assert row.upper - 7 == 7 - row.lower > 0.1


def test_a_head_that_needs_as_many_units_rarely_passes() -> None:
    """Null: the mean difference is 0. 2,000 studies of 3 seeds at level 0.02, refused above the 1e-6 quantile."""
    rng = np.random.default_rng(key("as many units"))
    passed = sum(above(*student(values, 0.02), 0.0)[0] == "holds" for values in rng.normal(0, 3, (2000, 3)))
    assert passed <= stats.binom.isf(1e-6, 2000, 0.02)


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = study(**FEW, **MANY, **CHOSEN)
    first = found.networks[0]
    intervals = {**first.statistics, "within": Estimate(0.5, 0.25, 0.75), "between": Estimate(None)}
    found = replace(found, networks=(replace(first, statistics=intervals), *found.networks[1:]))
    found.save(tmp_path / FILE)
    assert RoutingStudy.load(tmp_path / FILE) == found
    found.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / FILE).read_bytes()


@pytest.mark.parametrize("damage", ["", "{", "[]", "no dense", "a seed less", "no map", "fewer statistics"])
def test_a_damaged_file_is_one_line(damage: str, tmp_path: Path) -> None:
    file, found = tmp_path / FILE, study(**FEW)
    dense = [network for network in found.networks if network.head == "dense"]
    parts = {
        "no dense": {"networks": tuple(network for network in found.networks if network not in dense)},
        "a seed less": {"networks": found.networks[1:]},
        "no map": {"maps": {"dense": found.maps["dense"]}},
        "fewer statistics": {
            "networks": tuple(replace(n, statistics={"units": Estimate(1.0)}) for n in found.networks)
        },
    }
    replace(found, **parts.get(damage, {})).save(file)
    if damage not in parts:
        file.write_text(damage)
    with pytest.raises(InputError, match="expected a result of aat study routing") as error:
        RoutingStudy.load(file)
    assert "\n" not in str(error.value)


def test_units_are_sorted_by_the_class_that_uses_them_most() -> None:
    # units: of none, of the second class, of the first a little, of the first always
    found = sorted_map(Map([4, 2, 0], [[0, 1, 2, 4], [0, 2, 0, 1], [0, 0, 0, 0]]))
    assert found.tolist() == [[1, 0.5, 0.25, 0], [0.5, 0, 1, 0], [0, 0, 0, 0]]


def test_figures_are_the_same_every_time_and_show_every_head() -> None:
    found = study(**FEW)
    assert [figure for _, figure in drawn(found)] == [svg(draw_maps(found)), svg(draw_units(found))]
    maps, units = draw_maps(found), draw_units(found)
    assert [axes.get_title(loc="left") for axes in maps.axes[:2]] == [
        "K = 5: 2 of 3 units are used", "dense: 3 of 3 units are used"
    ]  # fmt: skip
    (axes,) = units.axes
    assert len(axes.lines) == 6
    for line in axes.lines:
        np.testing.assert_allclose(np.asarray(line.get_ydata(), float), [0.1, 0.3, 0.6, 1])


def test_the_whole_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["--arch", "linear", "--k", "3", "--seeds", "2", "--epochs", "1", "--no-augment", "--device", "cpu"]
    out = tmp_path / "out"
    assert main(["study", "parity", *told, "--margin", "60", "--out", str(out)]) == 0
    trained = {file: file.stat().st_mtime_ns for file in out.glob("*/weights.pt")}
    rows_file = tmp_path / "rows.json"
    # whatever the verdicts of such a study are
    assert main(["study", "routing", *told, "--out", str(out), "--json", str(rows_file)]) in (0, 1)
    # what the parity study trained is not trained again
    assert {file: file.stat().st_mtime_ns for file in out.glob("*/weights.pt")} == trained
    assert {path.name for path in out.iterdir() if path.is_file() and path.stem.startswith("routing")} == {
        FILE, *(f"routing-{figure}.{kind}" for figure in ("map", "units") for kind in ("svg", "png"))
    }  # fmt: skip
    rows = json.loads(rows_file.read_text())
    found = RoutingStudy.load(out / FILE)
    assert [(row["head"], row["statistic"]) for row in rows] == [(row.head, row.statistic) for row in found.rows()]
    for head, name in (("K = 3", "k3"), ("dense", "dense")):
        check_against_the_network(found, head, out / f"{name}-seed0" / "weights.pt")
    # the command in the file makes the same study
    again = tmp_path / "again"
    main([*found.command.split()[1:], "--out", str(again)])
    repeated = RoutingStudy.load(again / FILE)
    assert (repeated.networks, repeated.maps) == (found.networks, found.maps)
    capsys.readouterr()
    assert main(["study", "routing", *told, "--lr", "0.2", "--out", str(out)]) == 2
    assert "another recipe" in capsys.readouterr().err


def check_against_the_network(found: RoutingStudy, head: str, weights: Path) -> None:
    """The file holds the statistics of the network's own features and predictions."""
    from aat.cnn import features, load, load_network
    from aat.convert import classifier_of

    network = load_network(weights)[0]
    test = load("digits").test
    with torch.inference_mode():
        classes = network(test.batch(range(len(test.labels)))).argmax(1)
    expected = statistics(classifier_of(network), features(network, test), classes)
    first = found.of(head)[0]
    for name, estimate in expected.statistics.items():
        ends = ([-1.0 if end is None else end for end in each] for each in (first.statistics[name], estimate))
        np.testing.assert_allclose(next(ends), next(ends), rtol=1e-9, err_msg=name)
    assert first.units == expected.units.tolist()
    assert found.maps[head] == (expected.images.tolist(), expected.carries.tolist())


@pytest.mark.parametrize("wrong", [["--k", "few"], ["--times", "0"], ["--seeds", "0"], ["--data", "nope"]])
def test_a_mistake_is_one_line(wrong: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "routing", *wrong, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("aat: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()
