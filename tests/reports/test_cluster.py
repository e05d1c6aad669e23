"""A study on a Dask cluster of this machine: the same bytes as without, and one line when there is no cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aat import InputError
from reports.cell import Cell
from reports.cluster import on_cluster
from reports.study import Study

distributed = pytest.importorskip("distributed")

TINY = Cell("R1", "monotone", "tiny", 2, exact=True, horizons=(1, 2))
STUDY = Study((TINY, Cell("R6", "logistic", "tiny", 2, "entropic", 0.1, horizons=(2,), trials=2)))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    # threads of this process: as much of the protocol as one machine has, without the price of new interpreters
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(protocol="tcp", host="127.0.0.1", **options) as cluster:
        yield cluster.scheduler_address


def saved(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "runs").iterdir()}


def test_a_cluster_gives_the_same_bytes(address: str, tmp_path: Path) -> None:
    list(STUDY.run(tmp_path / "here"))
    with on_cluster(address):
        assert set(STUDY.run(tmp_path / "there", workers=2)) == set(STUDY.cells)
        assert saved(tmp_path / "there") == saved(tmp_path / "here")


def test_what_a_cluster_has_done_is_not_done_again(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_cluster(address):
        list(STUDY.run(tmp_path))
    monkeypatch.setattr(Cell, "run", pytest.fail)
    assert list(STUDY.run(tmp_path)) == list(STUDY.cells)


def test_without_an_address_nothing_changes() -> None:
    with on_cluster(None):
        pass


def test_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("Timed out\ntrying to connect")

    monkeypatch.setattr(distributed, "Client", refuse)
    with (
        pytest.raises(InputError, match=r"no scheduler at 'tcp://nobody:1'.*expected") as refused,
        on_cluster("tcp://nobody:1"),
    ):
        pass
    assert "\n" not in str(refused.value)
