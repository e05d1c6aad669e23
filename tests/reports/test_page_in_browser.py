"""The page in a real browser, offline: nothing is loaded or overflows; tables sort and filter; figures tell values."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from reports.page import PAGE_FILE
from reports.study import Study
from reports.verdict import Verdict

from .browser import WIDTHS, needs_chromium, opened, overflow

pytestmark = needs_chromium
TABLE = "#verdicts table"


@pytest.fixture
def page(folder: Path) -> Iterator[Page]:
    """At its usual width; whatever is done to it, nothing may go wrong."""
    with opened(folder / PAGE_FILE) as (shown, wrong):
        yield shown
        assert wrong == []


def column(page: Page, head: str, table: str = TABLE) -> list[str]:
    """The cells of a column, of the rows that can be seen."""
    heads = page.locator(f"{table} thead th").all_inner_texts()
    at = [text.removesuffix(" ▲").removesuffix(" ▼") for text in heads].index(head)
    return page.locator(f"{table} tbody tr:visible td:nth-child({at + 1})").all_inner_texts()


def numbers(cells: list[str]) -> list[float]:
    """Those that are numbers."""
    return [float(cell.replace(",", "")) for cell in cells if cell != "–"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows_and_nothing_is_loaded(folder: Path, width: int, scheme: str) -> None:
    with opened(folder / PAGE_FILE, width, scheme) as (page, wrong):
        assert overflow(page) <= 0
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert overflow(page) <= 0
        assert wrong == []


def test_the_policy_stops_a_script_that_it_does_not_name(folder: Path, tmp_path: Path) -> None:
    html = (folder / PAGE_FILE).read_text(encoding="utf-8")
    (tmp_path / PAGE_FILE).write_text(html.replace("</body>", "<script>document.title = 'taken'</script></body>"))
    with opened(tmp_path / PAGE_FILE) as (page, wrong):
        assert page.title() != "taken"
        assert len(wrong) == 1
        assert "Content Security Policy" in wrong[0]


def test_a_click_on_a_head_sorts_numbers_as_numbers_and_says_so(page: Page) -> None:
    before = column(page, "Measured")
    head = page.locator(f"{TABLE} th", has_text="Measured")
    for _, order, backwards in ((1, "ascending", False), (2, "descending", True)):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == order
        assert numbers(column(page, "Measured")) == sorted(numbers(before), reverse=backwards)
    assert sorted(column(page, "Measured")) == sorted(before)
    assert page.locator(f"{TABLE} th[aria-sort]").count() == 1


@pytest.mark.parametrize("presses", [1, 2])
def test_what_has_no_number_comes_last_whichever_way(page: Page, presses: int) -> None:
    for _ in range(presses):
        page.locator(f"{TABLE} th", has_text="Bound").locator("button").click()
    bounds = column(page, "Bound")
    assert {"–"} < set(bounds)
    assert set(bounds[bounds.index("–") :]) == {"–"}


def test_the_keyboard_sorts_too(page: Page) -> None:
    head = page.locator("#ledger th").first
    head.locator("button").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "descending"
    ids = column(page, "Id", "#ledger table")
    assert ids.index("R12") < ids.index("R10") < ids.index("R2")


@pytest.mark.parametrize("name", ["Claim", "Problem", "Method", "Engine", "Verdict"])
def test_a_choice_leaves_the_rows_that_have_it_and_counts_them(page: Page, name: str, verdicts: list[Verdict]) -> None:
    every = column(page, name)
    wanted = every[0]
    page.locator(f"#verdicts select[name={name.lower()}]").select_option(wanted)
    assert column(page, name) == [cell for cell in every if cell == wanted]
    assert 0 < every.count(wanted) < len(every)
    said = page.locator("#verdicts .filters output").inner_text()
    assert said == f"{every.count(wanted)} of {len(every)} rows"


def test_words_are_looked_for_in_all_columns_and_that_can_be_undone(page: Page) -> None:
    every = column(page, "Claim")
    words = page.locator("#verdicts input[type=search]")
    words.fill("R6 VOID")
    assert set(column(page, "Claim")) == {"R6"}
    assert set(column(page, "Verdict")) == {"void"}
    words.fill("no such row")
    assert column(page, "Claim") == []
    words.fill("")
    assert column(page, "Claim") == every


def test_sorting_keeps_what_is_filtered_out_hidden(page: Page) -> None:
    page.locator("#verdicts select[name=verdict]").select_option("void")
    page.locator(f"{TABLE} th", has_text="Problem").locator("button").click()
    assert set(column(page, "Verdict")) == {"void"}


def test_figures_tell_their_values_to_a_pointer_and_to_the_keyboard(page: Page, verdicts: list[Verdict]) -> None:
    # the head that is drawn last, so that no other point lies over its own
    last = next(v for v in reversed(verdicts) if v.problem == "monotone/tiny" and v.method.startswith("quadratic"))
    figure = page.locator(f"#{last.claim}-monotone-tiny-exact")
    points = figure.locator("circle")
    told = [points.nth(i).text_content() or "" for i in range(points.count())]
    row = f"{last.method}, T = {last.horizon}: measured {last.measured:.4g}, bound {last.bound:.4g}"
    assert row in told
    points.nth(told.index(row)).hover()
    assert figure.locator("output").inner_text() == row
    figure.locator(".plot svg").focus()
    for key, expected in (("ArrowLeft", told.index(row) - 1), ("ArrowRight", told.index(row))):
        page.keyboard.press(key)
        assert figure.locator("output").inner_text() == told[expected]


def test_a_row_leads_to_how_it_is_made_again(page: Page, study: Study) -> None:
    page.locator(f"{TABLE} tbody tr a").first.click()
    target = page.locator(":target")
    assert target.is_visible()
    assert study.command(study.cells[0]) in target.inner_text()
    assert "torch" in target.inner_text()


def test_without_script_everything_is_there_but_the_controls(folder: Path, tmp_path: Path) -> None:
    html = (folder / PAGE_FILE).read_text(encoding="utf-8")
    (tmp_path / PAGE_FILE).write_text(html[: html.index("<script>")] + html[html.index("</script>") + 9 :])
    with opened(folder / PAGE_FILE) as (page, _):
        expected = column(page, "Measured")
    with opened(tmp_path / PAGE_FILE) as (page, wrong):
        assert column(page, "Measured") == expected
        assert page.locator(".filters, th button, output").count() == 0
        assert page.locator(".plot circle title").count() > 0
        assert wrong == []


def test_on_paper_details_are_open_and_controls_are_gone(folder: Path) -> None:
    with opened(folder / PAGE_FILE, 700) as (page, wrong):
        page.emulate_media(media="print")
        assert not page.locator(".filters").first.is_visible()
        assert page.locator("#how-1").is_visible()
        assert overflow(page) <= 0
        assert wrong == []
