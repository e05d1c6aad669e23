"""A page in the system's Chromium, without network: what it complains of, loads and shows."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium; expected one; try apt-get install chromium")
# Narrow as a telephone, and wide.
WIDTHS = (400, 1600)


@contextmanager
def opened(file: Path, width: int = 1280, scheme: str = "light") -> Iterator[tuple[Page, list[str]]]:
    """The page of a file, and all that went wrong with it so far: complaints on the console, requests to elsewhere."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        context.set_default_timeout(5000)
        page, wrong = context.new_page(), []
        page.on("console", lambda said: wrong.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.append(asked.url) if asked.url != file.as_uri() else None)
        page.goto(file.as_uri())
        yield page, wrong
        browser.close()


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
