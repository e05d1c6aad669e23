"""What the reports are tested on: one small study, run once, and every claim with its proof."""

from pathlib import Path

import pytest

from reports import ledger, page
from reports.cell import Cell
from reports.ledger import LedgerRow
from reports.study import Study
from reports.verdict import Verdict
from sim import Run


@pytest.fixture(scope="session")
def rows() -> tuple[LedgerRow, ...]:
    """Every claim of the ledger, its proof checked; without mutants, which take longer and have their own tests."""
    return tuple(ledger.prove(with_mutants=False))


@pytest.fixture(scope="session")
def study() -> Study:
    """Exact and Monte Carlo cells; hard, smoothed and dense heads; rows that hold and rows that are void."""
    return Study(
        (
            Cell("R1", "monotone", "tiny", 2, exact=True, horizons=(1, 2, 4)),
            Cell("R1", "monotone", "tiny", 2, "quadratic", 0.1, exact=True, horizons=(1, 2, 4)),
            Cell("R1", "monotone", "tiny", None, exact=True, horizons=(1, 2, 4)),
            Cell("R6", "logistic", "tiny", 2, horizons=(2, 4), trials=32),
            Cell("R6", "logistic", "tiny", None, horizons=(2, 4), trials=32),
            Cell("R6", "logistic", "tiny", 2, "entropic", 0.1, horizons=(2, 4), trials=32),
        )
    )


@pytest.fixture(scope="session")
def folder(study: Study, rows: tuple[LedgerRow, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the study, finished, with figures and page; copy it to change it."""
    out = tmp_path_factory.mktemp("study")
    study.save(out)
    ledger.save(rows, out)
    assert len(list(study.run(out))) == len(study.cells)
    page.write_page(out)
    return out


@pytest.fixture(scope="session")
def runs(study: Study, folder: Path) -> list[Run]:
    return study.runs(folder)


@pytest.fixture(scope="session")
def verdicts(study: Study, runs: list[Run]) -> list[Verdict]:
    return study.judge(runs)
