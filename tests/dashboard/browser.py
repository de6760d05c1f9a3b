"""The dashboard's server, and Debian's Chromium on it."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from apps.dashboard.pages import PAGES
from playwright.sync_api import Browser, Page, sync_playwright

from common.settings import repository
from local.engine.startup import free_port
from servers.processes import started

QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
UP_SECONDS = 120

_IS_DRAWN = """() => document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-stale=true]')
    && [...document.querySelectorAll('[data-testid=stVegaLiteChart]')].every(chart => chart.querySelector('svg.marks'))
"""


def chromium() -> str | None:
    """Where the browser is; None where there is none."""
    return shutil.which("chromium")


@contextmanager
def served(home: Path, log: Path, **environment: str) -> Iterator[str]:
    """`lakehouse dashboard` on a workspace; its address. It ends with the block."""
    port = free_port()
    command = [sys.executable, "-m", "local.cli", "dashboard", "--no-browser", "--port", str(port)]
    given = os.environ | {"LAKEHOUSE_HOME": str(home)} | environment
    with log.open("wb") as file:
        # It becomes the server itself, by the same number.
        process = started(command, env=given, cwd=repository(), stdout=file, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process, log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the dashboard did not start: {log.read_text()}")


@contextmanager
def opened() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


def go(page: Page, address: str, place: str = "", **choices: str) -> None:
    """Opens a page by its address, and waits until all of it is there."""
    query = "&".join(f"{name}={value}" for name, value in choices.items())
    page.goto(f"{address}/{place}{'?' * bool(query)}{query}")
    settle(page, PAGES[place][0] if place else "")


def click(page: Page, title: str) -> None:
    """Opens a page by the navigation."""
    page.get_by_test_id("stTopNavLink").get_by_text(title, exact=True).click()
    settle(page, title)


def choose(page: Page, row: int) -> None:
    """Chooses a row of a page's first table, which is drawn, by the place of its box."""
    table = page.get_by_test_id("stDataFrame").first.locator(".dvn-scroller")
    table.scroll_into_view_if_needed()
    table.click(position={"x": 17, "y": 33 * row + 49})


def settle(page: Page, title: str = "") -> None:
    """Waits until the page has been drawn: its last line is there, nothing runs, and charts have their marks."""
    if title:
        page.wait_for_function("title => document.title.startsWith(title)", arg=f"{title}, ")
    page.get_by_text("Times are UTC.").wait_for()
    page.wait_for_function(_IS_DRAWN)


def metrics(page: Page) -> Mapping[str, str]:
    """The figures of a page by their labels."""
    return {
        one.get_by_test_id("stMetricLabel").inner_text().strip(): one.get_by_test_id("stMetricValue").inner_text()
        for one in page.get_by_test_id("stMetric").all()
    }
