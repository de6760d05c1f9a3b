"""Pictures of the dashboard for README: `python -m tests.dashboard.screenshots [HOME]`.

Of a workspace where one is given (LAKEHOUSE_HOME's form), else of the tests' own world.
"""

import os
import sys
import tempfile
from pathlib import Path

for folder in (Path(__file__).parents[1], Path(__file__).parent):
    sys.path.insert(0, str(folder))

from apps.dashboard.queries import alerts  # noqa: E402
from apps.dashboard.queries.ask import ask, tables_there  # noqa: E402
from apps.dashboard.queries.days import known_days  # noqa: E402
from browser import go, opened, served  # noqa: E402
from dashboard_world import a_world  # noqa: E402
from PIL import Image  # noqa: E402

from common.settings import repository  # noqa: E402

FOLDER = repository() / "docs" / "images"
WIDTH = 1280


def main() -> None:
    """Writes docs/images/dashboard-*.png."""
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(sys.argv[1]) if len(sys.argv) > 1 else a_world(Path(temporary) / "home").home
        os.environ["LAKEHOUSE_HOME"] = str(home)
        told = _a_story()
        with served(home, Path(temporary) / "dashboard.log") as address, opened() as browser:
            page = browser.new_page(viewport={"width": WIDTH, "height": 860})
            for place, choices in (("today", {}), ("alerts", {"alert": told}), ("merchants", {})):
                go(page, address, "" if place == "today" else place, **choices)
                height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
                page.set_viewport_size({"width": WIDTH, "height": min(int(height), 1500)})
                # Tables are drawn on a canvas, a moment after their size is known.
                page.wait_for_timeout(1500)
                file = FOLDER / f"dashboard-{place}.png"
                page.screenshot(path=file)
                few = (
                    Image.open(file).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
                )
                few.save(file, optimize=True)
                print(file, f"{file.stat().st_size / 1000:.0f} kB")


def _a_story() -> str:
    """The alert with most reasons among the newest that are known to be fraud."""
    there = tables_there()
    known = known_days(ask, there)
    assert known is not None
    rows = alerts.alerts(ask, there, known.newest(30))
    frauds = rows[rows["known"] == "fraud"]
    return str(frauds.loc[frauds["rules_hit"].map(len).idxmax(), "transaction_id"])


if __name__ == "__main__":
    main()
