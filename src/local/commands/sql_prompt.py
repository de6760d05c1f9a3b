"""The prompt of `lakehouse sql`: completion, a history, and DuckDB that stays open."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from rich.markup import escape

from common.contracts.registry import LAYERS, all_tables, all_views
from common.contracts.table import Table
from common.errors import LakehouseError, QueryError
from common.queries.tables import near, stored
from common.settings import Settings
from local.commands.rows import Rows, print_rows
from local.commands.shared import Format, err, out
from local.commands.sql import tables_there
from local.workspace import Workspace

HISTORY = "sql_history"
"""The file of the workspace that keeps what was typed."""

KEYWORDS = [
    *("SELECT", "DISTINCT", "FROM", "WHERE", "GROUP BY", "GROUP BY ALL", "HAVING", "ORDER BY", "DESC", "LIMIT", "WITH"),
    *("JOIN", "LEFT JOIN", "FULL JOIN", "ANTI JOIN", "ON", "USING", "UNION ALL", "EXCEPT", "AS", "AND", "OR", "NOT"),
    *("IN", "EXISTS", "BETWEEN", "LIKE", "IS NULL", "CASE", "WHEN", "THEN", "ELSE", "END", "INTERVAL", "OVER", "CAST"),
    *("COUNT", "SUM", "AVG", "MIN", "MAX", "ROUND", "COALESCE", "DATE_TRUNC", "EXPLODE", "PARTITION BY"),
]
HELP = """\
A query ends with ; and may take several lines. Tab completes. Arrows up and down go through what was asked before.
tables            the tables and views that are there
describe NAME     a table's columns, with types and meanings
help, quit        this text; the end, as Ctrl-D"""
_COMMANDS = re.compile(r"(tables|help|quit|exit|describe\s+\S+)\s*;?", re.IGNORECASE)

Ask = Callable[[str], None]


class Names(Completer):
    """Completes schemas, tables and columns of the contracts, SQL's words, and the prompt's own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._columns = {table.name: table.column_names for table in all_tables()}
        self._columns |= {view.name: view.of.column_names for view in all_views()}

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What the word before the cursor may become: after a schema's name its tables."""
        word = re.search(r"[\w.]*$", document.text_before_cursor)
        typed = word[0] if word else ""
        if not typed:
            return
        tables = list(stored(self._settings))
        asked = [table for table in tables if re.search(rf"\b{re.escape(table)}\b", document.text, re.IGNORECASE)]
        columns = sorted({column for table in asked or tables for column in self._columns.get(table, ())})
        alias, _, column = typed.rpartition(".")
        if alias and alias.lower() not in LAYERS:
            yield from (Completion(name, -len(column)) for name in columns if name.startswith(column.lower()))
            return
        words = KEYWORDS if typed.isupper() else [word.lower() for word in KEYWORDS]
        schemas = [f"{layer}." for layer in LAYERS]
        known = [
            *columns,
            *schemas,
            *(table for table in tables if alias),
            *words,
            "tables",
            "describe",
            "help",
            "quit",
        ]
        found = [name for name in known if name.lower().startswith(typed.lower()) and name != typed]
        yield from (Completion(name, -len(typed)) for name in dict.fromkeys(found))


def prompt(settings: Settings, ask: Ask) -> None:
    """Takes statements until the end of input, and has each answered by `ask`; an error doesn't end it."""
    history = Workspace(settings.home).create().home / HISTORY
    # Ids and addresses are typed, too: nobody else on this machine reads them.
    history.touch(mode=0o600)
    history.chmod(0o600)
    session: PromptSession[str] = PromptSession(
        "sql> ",
        completer=Names(settings),
        complete_while_typing=False,
        history=FileHistory(str(history)),
        multiline=True,
        prompt_continuation="  -> ",
        key_bindings=_keys(),
    )
    err.print("help shows what can be typed; Ctrl-D ends", style="dim")
    while True:
        try:
            text = session.prompt().strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        words = text.rstrip(";").split()
        if [word.lower() for word in words] in (["quit"], ["exit"]):
            return
        if words:
            _answer(text, settings, ask)


def _answer(text: str, settings: Settings, ask: Ask) -> None:
    try:
        if _COMMANDS.fullmatch(text):
            command, *names = text.rstrip("; ").split()
            _command(command.lower(), names, settings)
        else:
            with suppress(KeyboardInterrupt):
                ask(text)
    except LakehouseError as error:
        err.print(f"[bold red]error[/] {escape(str(error))}", soft_wrap=True, highlight=False)


def _command(command: str, names: list[str], settings: Settings) -> None:
    if command == "help":
        out.print(HELP, highlight=False)
        return
    if command == "tables":
        print_rows(tables_there(settings), Format.TABLE, out)
        return
    table = _contract(names[0].lower())
    if table is None:
        close = near(names[0], stored(settings))
        hint = f"did you mean {' or '.join(close)}?" if close else "`tables` shows what there is"
        raise QueryError(f"there is no table {names[0]}; {hint}")
    columns = [(column.name, column.type, column.comment) for column in table.columns]
    print_rows(Rows(("column", "type", "what it has"), columns), Format.TABLE, out)


def _contract(name: str) -> Table | None:
    views = {view.name: view.of for view in all_views()}
    return ({table.name: table for table in all_tables()} | views).get(name)


def _keys() -> KeyBindings:
    """Enter ends what is complete, and else begins a line."""
    keys = KeyBindings()

    def is_complete(buffer: Buffer) -> bool:
        text = buffer.text.strip()
        return not text or text.endswith(";") or _COMMANDS.fullmatch(text) is not None

    @keys.add("enter")
    def enter(event: KeyPressEvent) -> None:
        if is_complete(event.current_buffer):
            event.current_buffer.validate_and_handle()
        else:
            event.current_buffer.insert_text("\n")

    return keys
