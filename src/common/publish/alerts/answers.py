"""What customers answer to alerts, by a link or in a file: read, and recorded as verdicts on the transactions."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import AfterValidator
from pyspark.errors import PySparkException

from common.parameters import as_time
from common.publish.alerts.links import token_of
from common.settings import Settings
from common.silver.alert_answers import Answer, answer_of
from common.sources.connections import Secret, Text, wrong_address
from common.sources.duration import Duration
from common.sources.target_map import Strict
from common.storage.lake import Lake

CSV_COLUMNS = ("transaction_id", "answer", "answered_at")


def _url(given: str) -> str:
    if wrong := wrong_address(given):
        raise ValueError(wrong)
    return given.rstrip("/")


class Answers(Strict):
    """Where customers answer. A link is `url`, a slash and a token that `key` signs, good for `valid_for`.

    What they say is in files below `folder`: the objects that the receiver of answers lands, and CSV files with the
    columns transaction_id, answer (genuine: it was me, or fraud) and answered_at (UTC).
    """

    url: Annotated[Text, AfterValidator(_url)]
    key: Secret
    valid_for: Duration = timedelta(days=14)
    folder: Text = "{landing}/events/alert_answers"

    def link(self, alert: str, scored_at: datetime, settings: Settings) -> str:
        """The link of an alert, the same each time. It ends so long after the alert was made as it is good."""
        return f"{self.url}/{token_of(alert, scored_at + self.valid_for, self.key.value(settings))}"

    def place(self, settings: Settings) -> str:
        """The folder of the answers."""
        return self.folder.replace("{landing}", settings.landing)

    def state(self, settings: Settings) -> list[int] | None:
        """How many files there are and when the newest came; None where only Spark can list them."""
        if "://" in (place := self.place(settings)):
            return None
        times = [file.stat().st_mtime_ns for file in _files(Path(place))]
        return [len(times), max(times, default=0)]

    def read(self, lake: Lake) -> tuple[list[Answer], list[str]]:
        """All answers there are, and what is wrong with those that can't be read, in words that name the file."""
        place = self.place(lake.settings)
        if "://" not in place and not any(_files(Path(place))):
            return [], []
        files = lake.spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(place)
        try:
            rows = files.select("path", "content").toArrow().to_pylist()
        except PySparkException as error:
            if "PATH_NOT_FOUND" in str(error):
                return [], []
            raise
        answers: list[Answer] = []
        wrong: list[str] = []
        for row in sorted(rows, key=lambda row: str(row["path"])):
            name = str(row["path"]).rpartition("/")[2]
            try:
                for place_of, given in enumerate(_records(name, row["content"]), start=1):
                    found = _answer(given)
                    if isinstance(found, Answer):
                        answers.append(found)
                    else:
                        wrong.append(f"{name}, record {place_of}: {found}")
            except (ValueError, KeyError, csv.Error) as error:
                wrong.append(f"{name}: {error}")
        return answers, wrong


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("[!._]*") if file.is_file()) if folder.is_dir() else iter(())


def _records(name: str, content: bytes) -> Iterable[Any]:
    """The records of a file: objects of the events API, or lines of a CSV file."""
    if name.endswith(".parquet"):
        payloads = pq.read_table(pa.BufferReader(content), columns=["payload"])["payload"].to_pylist()
        return [json.loads(payload) for payload in payloads]
    return csv.DictReader(io.StringIO(content.decode("utf-8-sig")))


def _answer(record: Any) -> Answer | str:
    given = [str((record.get(name) if isinstance(record, dict) else None) or "").strip() for name in CSV_COLUMNS]
    if "" in given:
        return f"it has no {CSV_COLUMNS[given.index('')]}"
    try:
        at = as_time(given[2]).astimezone(UTC)
    except (ValueError, OverflowError):
        return "answered_at must be a time as ISO 8601 writes it"
    return answer_of(given[0], given[1], at)
