"""Delivers the outputs that are due, and notes what was sent, when, and of which version."""

import json
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F

from common.checks.findings import Finding
from common.contracts.ddl import schema_of
from common.contracts.ops import DELIVERIES, QUALITY_RESULTS
from common.errors import LakehouseError, OutputError
from common.platform import this_platform
from common.publish import unnoted
from common.publish.delivery import READ, Delivery, failed
from common.publish.output import Output
from common.result import Result
from common.settings import Settings
from common.sources.feed import Tell, silent
from common.storage.files import write_whole
from common.storage.lake import Lake
from common.storage.last_success import Step

SLACK = timedelta(minutes=1)
"""How much before its time an output may be delivered: runs of a schedule begin some seconds sooner or later."""


def publishing(outputs: Sequence[Output]) -> Step:
    """What the deliveries depend on: the tables, the declarations, what is there, and whether all are due."""
    reads = dict.fromkeys(table for output in outputs for table in output.reads)
    return Step(
        "ops.publish",
        reads=tuple(reads),
        shares=(DELIVERIES.name, QUALITY_RESULTS.name) if outputs else (),
        declaration=json.dumps([output.model_dump(mode="json") for output in outputs]),
        leaves=lambda settings: _states(outputs, settings),
    )


def _states(outputs: Sequence[Output], settings: Settings) -> Any:
    """What each output has at its target, in a form for JSON; None where it isn't known, or one waits to be due."""
    if any(_waits(output, settings).exists() for output in outputs):
        return None
    states = {output.name: output.state(settings) for output in outputs}
    return None if None in states.values() else states


def is_due(output: Output, settings: Settings) -> bool:
    """Whether the least time between the beginnings of two deliveries has passed, within a minute."""
    if output.every is None:
        return True
    try:
        last = datetime.fromisoformat(_last(output, settings).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return True
    return datetime.now(UTC) - last >= output.every - SLACK


def publish(
    lake: Lake, outputs: Sequence[Output], tell: Tell = silent, *, force: bool = False
) -> dict[str, list[Delivery]]:
    """Delivers the outputs that are due, all of them with `force`, and notes in ops.deliveries what was sent or failed.

    An output that fails is told by its deliveries, and the others go on, whatever the error is.

    Returns:
        The deliveries of each output that was due, by its name.
    """
    came_of: dict[str, list[Delivery]] = {}
    not_noted: dict[str, list[Delivery] | None] = {}
    try:
        for output in outputs:
            if not force and not is_due(output, lake.settings):
                tell(f"{output.name}: not due yet, every {output.every}")
                write_whole(_waits(output, lake.settings), "")
                continue
            began = datetime.now(UTC)
            not_noted[output.name] = unnoted.begin(lake, output, tell)
            came_of[output.name] = _delivered(lake, output, tell)
            if _is_whole(came_of[output.name]):
                write_whole(_last(output, lake.settings), began.isoformat())
                _waits(output, lake.settings).unlink(missing_ok=True)
    finally:
        all_of = {name: [*(not_noted[name] or ()), *deliveries] for name, deliveries in came_of.items()}
        _note(lake, outputs, all_of)
        for name, deliveries in came_of.items():
            if not_noted[name] is not None and _is_whole(deliveries):
                unnoted.end(name, lake.settings)
    return came_of


def _delivered(lake: Lake, output: Output, tell: Tell) -> list[Delivery]:
    try:
        return output.deliver(lake, tell)
    except LakehouseError as error:
        return [failed(output.name, error)]
    except Exception as error:  # a mistake in one output, or in this code, is no reason to keep the others back
        tell("".join(traceback.format_exception(error)))
        return [failed(output.name, error)]


def _is_whole(deliveries: Sequence[Delivery]) -> bool:
    return not any(delivery.failure for delivery in deliveries)


def check_outputs(lake: Lake, outputs: Sequence[Output]) -> list[Finding]:
    """Whether what each output has at its target is what the lakehouse has."""
    return [finding for output in outputs for finding in output.findings(lake)]


def result(came_of: Mapping[str, list[Delivery]]) -> Result:
    """What was sent, and what was read, for the job's summary."""
    all_of = [delivery for deliveries in came_of.values() for delivery in deliveries]
    facts: dict[str, dict[str, str]] = {}
    for output, deliveries in came_of.items():
        for delivery in deliveries:
            if delivery.is_news and not delivery.failure:
                way = READ if delivery.mode == READ else "sent"
                facts.setdefault(way, {})[f"{output}: {delivery.item}"] = delivery.note or delivery.mode
    written = sum((d.rows_written or 0) + (d.rows_deleted or 0) for d in all_of)
    items, sent = [one for one in all_of if one.mode != READ], facts.get("sent", {})
    note = f"{len(sent)} of {len(items)} items were sent" if all_of else "no output is due"
    return Result(rows_out=written, note=note, facts=facts)


def failure(came_of: Mapping[str, list[Delivery]]) -> OutputError | None:
    """The error that ends the run where something could not be sent; None where all was."""
    wrong = [(output, d) for output, deliveries in came_of.items() for d in deliveries if d.failure]
    if not wrong:
        return None
    lines = "\n".join(f"  {output}: {d.item}: {d.failure}" for output, d in wrong)
    names = ",".join(dict.fromkeys(output for output, _ in wrong))
    by_itself = this_platform().run_job_with.format(job="publish", parameter=f"outputs={names}")
    return OutputError(
        f"{len(wrong)} could not be sent, and all others were:\n{lines}\nWhat is there is as it was before, a "
        f"person whom a run has erased here too. Do what is named, then deliver it by itself: {by_itself}, and with "
        "force=true where an output has a least time; it goes on where it was"
    )


def left_out(lake: Lake, outputs: Sequence[Output]) -> list[str]:
    """The names of outputs that were delivered before and are not among these: what they have there stays as it is."""
    if not lake.exists(DELIVERIES):
        return []
    sent = lake.table(DELIVERIES).where("failure IS NULL").select("output").distinct().collect()
    return sorted({row.output for row in sent} - {output.name for output in outputs})


def _last(output: Output, settings: Settings) -> Path:
    return Path(settings.checkpoint("outputs", f"{output.name}.delivered"))


def _waits(output: Output, settings: Settings) -> Path:
    """Is there from a run that left the output out, as it wasn't due, until it is delivered."""
    return Path(settings.checkpoint("outputs", f"{output.name}.waits"))


def _note(lake: Lake, outputs: Sequence[Output], came_of: Mapping[str, Sequence[Delivery]]) -> None:
    lake.ensure(DELIVERIES)
    rows = [
        _row(lake, output, delivery)
        for output in outputs
        for delivery in came_of.get(output.name, ())
        if delivery.is_news
    ]
    if rows:
        frame = lake.spark.createDataFrame(rows, schema_of(DELIVERIES))
        lake.append(frame.withColumn("delivered_at", F.coalesce("delivered_at", F.current_timestamp())), DELIVERIES)


def _row(lake: Lake, output: Output, delivery: Delivery) -> tuple[Any, ...]:
    values = {
        **vars(delivery),
        "output": output.name,
        "writer": output.writer,
        "note": delivery.note or None,
        "failure": delivery.failure or None,
        "run_id": lake.settings.run_id,
    }
    return tuple(values.get(name) for name in DELIVERIES.column_names)
