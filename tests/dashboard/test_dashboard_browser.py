"""The dashboard in a real Chromium: its pages, figures, address, phone, keyboard and contrast."""

import re
from collections.abc import Iterator

import pytest
from apps.dashboard.pages import PAGES
from axe_playwright_python.sync_playwright import Axe
from browser import choose, chromium, click, go, metrics, opened, served, settle
from dashboard_world import LAST, World
from playwright.sync_api import Browser, Page

EVERY_CHART_HAS_A_TEXT = "() => !document.querySelector('[data-testid=stVegaLiteChart]:not([aria-label])')"
TITLES = [title for title, _ in PAGES.values()]
OF_STREAMLIT = re.compile(r"/_stcore/(health|host-config)$")
"""Asked below a page's own place first, where it isn't, and then at the root: that is how Streamlit finds its root."""

WHOLE, PHONE = {"width": 1360, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def address(pristine: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if chromium() is None:
        pytest.skip("there is no Chromium: Debian's package chromium has it, and .ci/run installs it")
    with served(pristine.home, tmp_path_factory.mktemp("log") / "dashboard.log") as address:
        yield address


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Browser]:
    with opened() as browser:
        yield browser


class Watched:
    """What went wrong in a page, as its console, its scripts and its requests say."""

    def __init__(self, page: Page) -> None:
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", lambda message: self._said(message.type, message.text, message.location.get("url", "")))
        page.on("requestfailed", lambda request: self.wrong.append(f"{request.url}: {request.failure}"))

    def _said(self, kind: str, text: str, url: str) -> None:
        if kind == "error" and not OF_STREAMLIT.search(url):
            self.wrong.append(f"{text} ({url})")


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One visit, which goes on through the tests of this file."""
    page = browser.new_page(viewport=WHOLE)
    yield page
    page.close()


def test_all_pages_by_the_navigation_with_the_figures_of_the_tables(page: Page, address: str, pristine: World) -> None:
    watched = Watched(page)
    go(page, address)
    assert page.locator("h1").inner_text() == f"{LAST:%A, %d %B %Y}"
    shown = metrics(page)
    assert shown["Alerts today"] == str(sum(row["event_date"] == LAST for row in pristine.alerts))
    of_today = [row["amount_eur"] for row in pristine.rows["silver.transactions"] if row["event_date"] == LAST]
    assert shown["Transactions today"] == str(len(of_today))
    assert shown["Volume today"] == f"€ {sum(of_today):,.0f}"
    for title in TITLES[1:]:
        click(page, title)
        assert page.locator("h1").count() == 1
        assert (
            page.get_by_test_id("stException").count() == page.locator("[data-testid=stAlertContentError]").count() == 0
        )
        if title == "Data quality":
            assert metrics(page)["Checks that hold"] == "2 of 3"
        if title == "Model":
            assert metrics(page)["Version that scores"] == "2"
    assert watched.wrong == []


def test_a_view_is_shared_by_its_address(browser: Browser, address: str, pristine: World) -> None:
    alert = pristine.alerts[-1]
    page = browser.new_page(viewport=WHOLE)
    watched = Watched(page)
    go(page, address, "alerts", country=alert["country"], alert=alert["transaction_id"])
    wanted = [
        row for row in pristine.alerts if row["country"] == alert["country"] and (LAST - row["event_date"]).days < 30
    ]
    assert page.get_by_text(f"{len(wanted)} alerts, €").count() == 1
    assert page.get_by_text(f"€ {alert['amount_eur']:,.2f} at ").count() == 1

    page.get_by_label("Merchant").fill(alert["merchant_id"])
    page.get_by_label("Merchant").press("Enter")
    page.wait_for_function("merchant => location.search.includes(`merchant=${merchant}`)", arg=alert["merchant_id"])
    settle(page)
    narrower = sum(row["merchant_id"] == alert["merchant_id"] for row in wanted)
    page.get_by_text(f"{narrower} alerts, €").wait_for()
    # The choice goes along to the next page.
    click(page, "Merchants")
    assert f"merchant={alert['merchant_id']}" in page.url
    assert page.get_by_text(f"Months of {alert['merchant_id']}").count() == 1
    assert watched.wrong == []
    page.close()


def test_a_row_that_is_chosen_is_told_of(page: Page, address: str, pristine: World) -> None:
    newest = sorted(pristine.alerts, key=lambda row: (-row["event_time"].timestamp(), row["transaction_id"]))
    go(page, address)
    choose(page, 0)
    settle(page, "Alerts")
    assert page.url.endswith(f"/alerts?alert={newest[0]['transaction_id']}")
    for place, alert in ((1, newest[1]), (0, newest[0])):
        choose(page, place)
        page.get_by_text(f"€ {alert['amount_eur']:,.2f} at ").wait_for()
        page.wait_for_function("id => location.search.includes(`alert=${id}`)", arg=alert["transaction_id"])
    click(page, "Merchants")
    choose(page, 0)
    page.get_by_role("heading", name="Months of M").wait_for()
    assert "merchant=M" in page.url


def test_a_phone_scrolls_down_only(browser: Browser, address: str, pristine: World) -> None:
    phone = browser.new_page(viewport=PHONE)
    for place in PAGES:
        choices = {"alert": pristine.alerts[-1]["transaction_id"]} if place == "alerts" else {}
        go(phone, address, "" if place == "today" else place, **choices)
        widths = phone.evaluate(
            "[document.documentElement, document.querySelector('[data-testid=stMain]')].map(each => each.scrollWidth)"
        )
        assert max(widths) <= PHONE["width"], place
        too_wide = phone.evaluate(
            "width => [...document.querySelectorAll('h1, h2, p, [data-testid=stMetric]')]"
            ".filter(each => each.getBoundingClientRect().right > width).map(each => each.textContent)",
            PHONE["width"],
        )
        assert too_wide == [], place
    phone.close()


def test_the_keyboard_reaches_every_page(page: Page, address: str) -> None:
    go(page, address)
    reached = []
    for _ in range(len(TITLES) + 1):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
    assert reached[-len(TITLES) :] == TITLES
    page.keyboard.press("Enter")
    settle(page, TITLES[-1])
    assert page.url.endswith("/runs")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_hard_to_read_or_to_hear(browser: Browser, address: str, pristine: World, scheme: str) -> None:
    page = browser.new_page(viewport=WHOLE, color_scheme=scheme)
    found = []
    for place in PAGES:
        choices = {"alert": pristine.alerts[-1]["transaction_id"]} if place == "alerts" else {}
        go(page, address, "" if place == "today" else place, **choices)
        violations = Axe().run(page).response["violations"]
        found += [
            f"{place}: {one['id']}: {[node['html'][:120] for node in one['nodes']]}"
            for one in violations
            if one["impact"] in ("serious", "critical")
        ]
        page.wait_for_function(EVERY_CHART_HAS_A_TEXT)
    assert found == []
    page.close()
