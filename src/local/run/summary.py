"""What a person sees when a run is over: tasks, failures, the facts that notebooks published, and what next."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.run import run_record as states
from local.run.progress import failure, task_table, word
from local.run.reporting import Run


def show_summary(console: Console, run: Run, debug: bool = False) -> None:
    """Prints the end of a run."""
    console.print()
    console.print(task_table(run))
    for task in run.tasks.values():
        if task.error and task.state != states.SUCCESS:
            console.print()
            console.print(failure(task, debug), soft_wrap=True)
    _show_facts(console, run)
    console.print()
    style = "green" if run.state == states.SUCCESS else "bold red"
    reason = f": {run.reason}" if run.reason else ""
    console.print(Text(f"{run.job}: {word(run.state)} in {run.seconds:.0f} s{reason}", style=style), soft_wrap=True)
    _show_next(console, run)


def _show_facts(console: Console, run: Run) -> None:
    """Facts of several tasks under one name are shown together: numbers of the same key add up."""
    tables: dict[str, dict[str, Any]] = {}
    lines: dict[str, Any] = {}
    for task in run.tasks.values():
        for name, fact in task.facts.items():
            if isinstance(fact, dict):
                shown = tables.setdefault(name, {})
                for key, value in fact.items():
                    shown[key] = _together(shown.get(key), value)
            else:
                lines[name] = _together(lines.get(name), fact)
    for name, rows in tables.items():
        if rows:
            console.print()
            console.print(_fact_table(name, rows))
    if lines:
        console.print()
        console.print(_fact_table("", lines))


def _fact_table(title: str, rows: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_header=bool(title))
    table.add_column(title.replace("_", " "))
    is_text = any(isinstance(value, str) and " " in value for value in rows.values())
    table.add_column("", justify="left" if is_text else "right")
    for key, value in rows.items():
        table.add_row(key.replace("_", " ") if not title else key, _value_text(value))
    return table


def _together(earlier: Any, value: Any) -> Any:
    is_count = isinstance(earlier, int) and isinstance(value, int)
    return earlier + value if is_count and not isinstance(value, bool) else value


def _value_text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else ""
    if isinstance(value, int):
        return f"{value:,}"
    return (
        f"{value:,.4g}"
        if isinstance(value, float) and abs(value) < 1000
        else (f"{value:,.0f}" if isinstance(value, float) else str(value))
    )


def _show_next(console: Console, run: Run) -> None:
    steps = run.next_steps()
    width = max(len(what) for what, _ in steps)
    for what, how in steps:
        # Never wrapped: a command or an address is there to be copied.
        console.print(Text.assemble((what.ljust(width), "dim"), "  ", how), soft_wrap=True)
