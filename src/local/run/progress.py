"""Shows a run while it goes: a live table in a terminal, a line for each change elsewhere."""

import threading
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from local.run import run_record as states
from local.run.reporting import Run
from local.run.run_record import TaskRecord
from local.workspace import shown_path

STYLES = {
    states.SUCCESS: "green",
    states.RUNNING: "cyan",
    states.FAILED: "bold red",
    states.TIMEDOUT: "bold red",
    states.CANCELED: "yellow",
    states.UPSTREAM_FAILED: "yellow",
    states.EXCLUDED: "dim",
    states.NOT_SELECTED: "dim",
    states.PENDING: "dim",
}
WORDS = {
    states.UPSTREAM_FAILED: "skipped",
    states.EXCLUDED: "not needed",
    states.NOT_SELECTED: "not selected",
    states.TIMEDOUT: "timed out",
}


def word(state: str) -> str:
    """A task's state as a person reads it."""
    return WORDS.get(state, state.lower())


def task_word(task: TaskRecord) -> str:
    """How a task did, as a person reads it."""
    return "up to date" if task.state == states.SUCCESS and task.up_to_date else word(task.state)


def rows_text(rows: int | None) -> str:
    """A number of rows with thousands apart; empty where none was published."""
    return "" if rows is None else f"{rows:,}"


class PlainReporter:
    """One line for each beginning and end of a task: for CI and files."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def run_started(self, run: Run) -> None:
        """Says what runs."""
        self._line(f"run {run.run_id} of job {run.job}: {_count(run)}")

    def task_changed(self, task: TaskRecord, cell: tuple[int, int] | None = None) -> None:
        """Prints that a task began, is tried again, or ended; moves between cells are left out."""
        if cell is not None or task.state in (states.NOT_SELECTED, states.PENDING):
            return
        if task.state == states.RUNNING:
            reason = task.error["message"].splitlines()[0] if task.error and task.error["message"] else ""
            again = f", attempt {task.attempts + 1} after: {reason}" if task.error else ""
            self._line(f"{task.key}: started{again}")
            return
        rows = f", {rows_text(task.rows_in)} rows in" if task.rows_in is not None else ""
        rows += f", {rows_text(task.rows_out)} out" if task.rows_out is not None else ""
        seconds = f" in {task.seconds:.1f} s" if task.seconds is not None else ""
        self._line(f"{task.key}: {task_word(task)}{seconds}{rows}")

    def run_ended(self, run: Run) -> None:
        """Says how it ended."""
        self._line(f"run {run.run_id}: {word(run.state)} after {run.seconds:.0f} s")

    def notice(self, text: str) -> None:
        """Prints what a person should know at once."""
        self._line(text)

    def _line(self, text: str) -> None:
        self.console.print(f"{datetime.now(UTC):%H:%M:%S} {text}", markup=False, highlight=False, soft_wrap=True)


class LiveReporter:
    """A table of tasks that is drawn again while they run: for terminals."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._lock = threading.Lock()
        self._cells: dict[str, tuple[int, int]] = {}
        self._run: Run | None = None
        self._live: Live | None = None

    def run_started(self, run: Run) -> None:
        """Draws the table."""
        self._run = run
        self._live = Live(get_renderable=self._table, console=self.console, refresh_per_second=4, transient=True)
        self._live.start()

    def task_changed(self, task: TaskRecord, cell: tuple[int, int] | None = None) -> None:
        """Notes the cell that a task is at; the table reads the rest itself."""
        with self._lock:
            if cell is None:
                self._cells.pop(task.key, None)
            else:
                self._cells[task.key] = cell

    def run_ended(self, run: Run) -> None:
        """Takes the table away; the summary comes in its place."""
        if self._live is not None:
            self._live.stop()

    def notice(self, text: str) -> None:
        """Prints what a person should know at once, above the table."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        run = self._run
        if run is None:
            return table
        table.add_row(Text(run.job, style="bold"), f"{run.seconds:.0f} s", run.run_id)
        with self._lock:
            cells = dict(self._cells)
        for task in run.tasks.values():
            if task.state == states.NOT_SELECTED:
                continue
            seconds = task.seconds
            if seconds is None and task.started is not None and task.state == states.RUNNING:
                seconds = (datetime.now(UTC) - task.started).total_seconds()
            detail = task.note
            if task.state == states.RUNNING and task.key in cells:
                detail = "cell {} of {}".format(*cells[task.key])
                detail += f", attempt {task.attempts}" if task.attempts > 1 else ""
            table.add_row(
                Text(f"  {task.key}", style=STYLES.get(task.state, "")),
                "" if seconds is None else f"{seconds:.0f} s",
                Text(task_word(task), style=STYLES.get(task.state, "")),
                Text(detail, style="dim"),
            )
        return table


def reporter_for(console: Console) -> PlainReporter | LiveReporter:
    """The reporter that suits where the output goes."""
    return LiveReporter(console) if console.is_terminal else PlainReporter(console)


def task_table(run: Run) -> Table:
    """All tasks of a run: state, rows, seconds and what their notebooks noted."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name, justify in (("task", "left"), ("state", "left"), ("rows in", "right"), ("rows out", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("note", style="dim")
    for task in run.tasks.values():
        retried = f" ({task.attempts} attempts)" if task.attempts > 1 else ""
        table.add_row(
            task.key,
            Text(task_word(task) + retried, style=STYLES.get(task.state, "")),
            rows_text(task.rows_in),
            rows_text(task.rows_out),
            "" if task.seconds is None else f"{task.seconds:.1f}",
            Text(task.note),
        )
    return table


def failure(task: TaskRecord, debug: bool) -> Group:
    """A failed task: the cell, the error's own message, and where the executed notebook is."""
    error = task.error or {"message": "", "cell": "", "trace": ""}
    parts = [Text.from_markup(f"[bold red]{escape(task.key)}[/] {word(task.state)}")]
    if error["cell"]:
        parts.append(_indented(Text(error["cell"], style="dim"), 4))
    trace = Text.from_ansi(error["trace"]) if debug and error["trace"] else Text(error["message"])
    parts.append(_indented(trace, 2))
    if task.notebook:
        parts.append(_indented(Text(f"executed notebook: {shown_path(Path(task.notebook))}"), 2))
    if task.page:
        parts.append(_indented(Text(f"run page of the task: {task.page}"), 2))
    return Group(*parts)


def _indented(text: Text, spaces: int) -> Text:
    """The text moved to the right; a `Padding` would cut what is longer than a line."""
    return Text("\n").join(Text(" " * spaces) + line for line in text.split("\n"))


def _count(run: Run) -> str:
    number = sum(task.state != states.NOT_SELECTED for task in run.tasks.values())
    return f"{number} task{'' if number == 1 else 's'}"
