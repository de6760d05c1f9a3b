"""What a contract is made of: a table, its columns and its checks.

Declarations only. `contracts.ddl` turns them into statements, `quality` evaluates the checks, `silver` uses the
columns to convert and clean what sources deliver.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from common.errors import DeclarationError


@dataclass(frozen=True)
class Column:
    """A column of a table.

    `cleaned_as` names the way silver normalises a text before it is converted (see `silver.clean.CLEANERS`).
    A `derived` column is computed here and can't be mapped by a source. A `personal` column holds what identifies a
    person directly (a name, an address): looks mask it, and no statistics of it are kept in the table's log.
    """

    name: str
    type: str
    comment: str
    cleaned_as: str = "text"
    derived: bool = False
    personal: bool = False


@dataclass(frozen=True)
class ForeignKey:
    """A promise that every value of `column` that is not null is one of `to_column` in the table `to_table`.

    While that table is empty (the source has no such feed), nothing is checked. `to_whole_key` says whether the other
    column is that table's key, each value once: in a history it is not.
    """

    column: str
    to_table: str
    to_column: str
    severity: str = "failure"
    to_whole_key: bool = True


@dataclass(frozen=True)
class Freshness:
    """The newest value of a time column lies at most `max_hours` behind the newest event of the lakehouse.

    That newest event is the newest value of all columns so declared whose `moves_clock` holds. A time that a source
    may date ahead doesn't move the clock.
    """

    column: str
    max_hours: int
    severity: str = "warning"
    moves_clock: bool = True


@dataclass(frozen=True)
class Volume:
    """The newest whole day has at least this share of the median of the seven days before it.

    Days are those of a date or time column. Small numbers differ by chance: a day is too small only where it is also
    more than three standard deviations of a Poisson count below that median.
    """

    column: str
    min_share: float = 0.5
    severity: str = "warning"


@dataclass(frozen=True)
class Check:
    """A rule that every row of a table keeps, as an SQL condition over its columns.

    A row breaks the check when the condition is false; null passes, so only `required` checks for nulls.
    An `if_mapped` check holds only where the source maps the column.
    """

    name: str
    columns: tuple[str, ...]
    condition: str
    rule: str
    if_mapped: bool = False


@dataclass(frozen=True)
class Table:
    """A Delta table: its name within the catalog (`schema.table`) and all that is promised of its rows.

    `essential` columns are those that every source must map. With a `key_scope`, a row's key is looked for only among
    the rows with the same value of that column, so that the cost of adding rows doesn't grow with the table.
    A key's columns hold no null, but for those in `nullable_key`, where a null equals a null. `foreign_keys` and
    `expectations` are checked on the table as a whole (`checks.tables`, `checks.expectations`). Readers skip files by
    the values of `skip_by`; where none are named, by those of all columns, which costs a wide table's writers much.
    With a `change_feed`, Delta keeps what each version changed, for outputs that follow the table.
    """

    name: str
    comment: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    cluster_by: tuple[str, ...] = ()
    essential: tuple[str, ...] = ()
    key_scope: str | None = None
    nullable_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    expectations: tuple[Freshness | Volume, ...] = ()
    skip_by: tuple[str, ...] = ()
    change_feed: bool = False

    def __post_init__(self) -> None:
        known = {column.name for column in self.columns}
        if len(known) != len(self.columns):
            raise DeclarationError(f"{self.name}: a column is declared twice")
        checked = (name for check in self.checks for name in check.columns)
        scope = () if self.key_scope is None else (self.key_scope,)
        promised = (promise.column for promise in (*self.foreign_keys, *self.expectations))
        if unknown := sorted(
            {*self.key, *self.nullable_key, *self.cluster_by, *self.essential, *self.skip_by}.union(
                checked, scope, promised
            )
            - known
        ):
            raise DeclarationError(f"{self.name}: key, checks, clustering or promises name unknown columns {unknown}")

    @property
    def schema(self) -> str:
        """The schema (database) part of the name: `silver` of `silver.transactions`."""
        return self.name.split(".")[0]

    @property
    def short_name(self) -> str:
        """The name within its schema: `transactions` of `silver.transactions`."""
        return self.name.split(".")[1]

    @property
    def lookup_key(self) -> tuple[str, ...]:
        """The columns by which a row is looked for before it is added: the key, and its scope."""
        scope = () if self.key_scope is None or self.key_scope in self.key else (self.key_scope,)
        return (*self.key, *scope)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, in their declared order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: the table has no such column.

        """
        return {column.name: column for column in self.columns}[name]

    @property
    def mappable(self) -> tuple[Column, ...]:
        """The columns that a source may map."""
        return tuple(column for column in self.columns if not column.derived)


@dataclass(frozen=True)
class View:
    """A named question to one table: its rows are those for which the condition holds."""

    name: str
    comment: str
    of: Table
    condition: str


def required(*columns: str, if_mapped: bool = False) -> tuple[Check, ...]:
    """One check for each column: it must have a value."""
    return tuple(
        Check(f"{column}_required", (column,), f"{column} IS NOT NULL", "must have a value", if_mapped)
        for column in columns
    )


def not_negative(column: str) -> Check:
    """The number must be 0 or more."""
    return Check(f"{column}_not_negative", (column,), f"{column} >= 0", "must not be negative")


def at_most(column: str, limit: int) -> Check:
    """The number must not exceed the limit, in the column's own unit."""
    return Check(f"{column}_at_most", (column,), f"{column} <= {limit}", f"must be at most {limit:,}")


def one_of(column: str, values: Sequence[str]) -> Check:
    """The text must be one of the values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return Check(f"{column}_one_of", (column,), f"{column} IN ({listed})", f"must be one of {', '.join(values)}")


def matches(column: str, pattern: str, rule: str) -> Check:
    """The text must match the regular expression as a whole; `rule` says so in words."""
    return Check(f"{column}_format", (column,), f"{column} RLIKE '^(?:{pattern})$'", rule)


def between(column: str, low: str, high: str, rule: str) -> Check:
    """The value must lie between two SQL expressions, both included; `rule` says so in words."""
    return Check(f"{column}_in_range", (column,), f"{column} BETWEEN {low} AND {high}", rule)
