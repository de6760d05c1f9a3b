"""Tells those who wait for reports that one is there: by a webhook, once for each content of a file."""

from collections.abc import Callable
from typing import Any

from common.publish.reports.manifest import Manifest
from common.publish.webhook import Address, Format, message_of, post_patiently
from common.settings import Settings
from common.sources.connections import value_of
from common.sources.feed import Tell
from common.sources.target_map import Strict

Send = Callable[[Manifest, str], None]
"""Sends the notice of a manifest's file, which lies at a place. Raises a LakehouseError where it isn't taken."""


class Notify(Strict):
    """A webhook that is told of each new report. `json` has the manifest's facts, `slack` a sentence."""

    webhook: Address
    format: Format = "json"

    def sender(self, settings: Settings, tell: Tell) -> Send:
        """What sends notices."""

        def send(manifest: Manifest, place: str) -> None:
            body = message_of(self.format, _sentence(manifest, place), _facts(manifest, place))
            post_patiently(value_of(self.webhook, settings), body, manifest.key, tell)

        return send


def _sentence(manifest: Manifest, place: str) -> str:
    edition = f", edition {manifest.edition}" if manifest.edition > 1 else ""
    return f"{manifest.report}: {manifest.file} is there with {manifest.rows:,} rows{edition}: {place}"


def _facts(manifest: Manifest, place: str) -> dict[str, Any]:
    names = ("output", "report", "file", "period_start", "period_end", "rows", "bytes", "sha256", "edition")
    facts = {name: getattr(manifest, name) for name in (*names, "written_at")}
    return {"event": "report_written", **facts, "destination": place}
