"""Dates and timestamps."""

from sqlglot import exp

from common.queries.kinds import TIMES, Node, kind
from common.queries.rules.basics import Rules, cast_to, must, name_of


def _to_date(node: Node) -> Node:
    must(kind(node.this) in TIMES, "a text converted to a date")
    return cast_to("DATE", node.this)


def _add_days(node: Node) -> Node:
    must(kind(node.this) in TIMES, "days added to what is no date")
    return cast_to("DATE", node)


def _truncated(node: Node) -> Node | None:
    unit = node.args["unit"].name.upper()
    known = unit in ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND")
    must(kind(node.this) in TIMES and known, f"{name_of(node)} of what is no time")
    if isinstance(node, exp.TimestampTrunc):  # of a date, too, a timestamp
        return exp.TimestampTrunc(this=cast_to("TIMESTAMPTZ", node.this), unit=node.args["unit"])
    return cast_to("DATE", node)


def _of_times(node: Node) -> None:
    parts = [node.this, node.expression] if isinstance(node, exp.DateDiff) else [node.this]
    must(all(kind(part) in TIMES for part in parts), f"{name_of(node)} of what is no time")


RULES: Rules = {
    **dict.fromkeys((exp.TimestampTrunc, exp.DateTrunc), _truncated),
    **dict.fromkeys((exp.DateDiff, exp.Hour, exp.Minute, exp.Quarter), _of_times),
    exp.TsOrDsToDate: _to_date,
    exp.TsOrDsAdd: _add_days,
}
