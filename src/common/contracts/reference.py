"""Reference data: what a change record holds, and the pair of tables that silver makes of it.

`*_changes` keeps every accepted change once, and the history of versions (slowly changing dimension, type 2) is
derived from it, so that it doesn't depend on the order of arrival.
"""

from dataclasses import dataclass, replace

from common.contracts.conventions import LINEAGE, identifier, plausible_time
from common.contracts.table import Check, Column, ForeignKey, Freshness, Table, required


def _unless_deleted(check: Check) -> Check:
    """A record that deletes its entity often holds the key alone."""
    return replace(check, condition=f"coalesce(is_deleted, false) OR ({check.condition})")


@dataclass(frozen=True)
class Reference:
    """A kind of reference data, and the two tables made of it; `reference` makes one.

    `columns` are those of a change record, the key first. `carried` columns are kept up to date on the version that
    they came with, but make no version of their own.
    """

    entity: str
    comment: str
    columns: tuple[Column, ...]
    carried: tuple[str, ...]
    changes: Table
    history: Table

    @property
    def key(self) -> str:
        """The column that identifies the entity."""
        return self.columns[0].name

    def valid_at_event(self, event: str, version: str) -> str:
        """The SQL condition under which a version is the one that was valid when an event happened.

        Versions of one key don't overlap, so an event meets one at most.

        Args:
            event: alias of rows with the key and event_time.
            version: alias of rows with the key, valid_from and valid_to.

        """
        same_key, time = f"{event}.{self.key} = {version}.{self.key}", f"{event}.event_time"
        begun = f"{time} >= {version}.valid_from"
        return f"{same_key} AND {begun} AND ({version}.valid_to IS NULL OR {time} < {version}.valid_to)"

    @property
    def versioned(self) -> tuple[str, ...]:
        """The columns whose change makes a new version."""
        return (*(c.name for c in self.columns[1:] if c.name not in self.carried), "is_deleted")


def reference(
    *,
    entity: str,
    comment: str,
    columns: tuple[Column, ...],
    checks: tuple[Check, ...],
    carried: tuple[str, ...] = (),
    foreign_keys: tuple[ForeignKey, ...] = (),
    fresh_days: int = 30,
) -> Reference:
    """The declaration of a kind of reference data, with the contracts of its tables.

    Args:
        entity: its name, in the singular.
        comment: what it is, for readers of the tables.
        columns: of a change record, the key first.
        checks: of a change record, beside those that all have; they hold for records that delete nothing.
        carried: columns whose change makes no version.
        foreign_keys: of the history.
        fresh_days: after this many days without a change the feed counts as stale.

    """
    key = columns[0].name
    described = (*columns, Column("is_deleted", "boolean", f"Whether the source deleted the {entity}."))
    changed_at = Column("changed_at", "timestamp", "When the change was made, by the source's own clock, UTC.")
    change_order = Column(
        "change_order",
        "string",
        "Its place among changes of the same changed_at, as of one transaction: a text of fixed width.",
    )
    digest = Column(
        "content_hash",
        "string",
        "Digest of all versioned columns; equal means nothing changed.",
        derived=True,
    )
    changes = Table(
        name=f"silver.{entity}_changes",
        comment=f"Accepted change records of {entity}s, each once.",
        grain="one change of one " + entity,
        key=(key, "changed_at", "change_order", "content_hash", *carried),
        columns=(*described, changed_at, change_order, digest, *LINEAGE),
        checks=(
            *required(key, "changed_at"),
            identifier(key),
            plausible_time("changed_at"),
            *(_unless_deleted(check) for check in checks),
        ),
        cluster_by=(key,),
        essential=(key, "changed_at"),
        nullable_key=("change_order", *carried),
        expectations=(Freshness("changed_at", max_hours=fresh_days * 24),),
    )
    history = Table(
        name=f"silver.{entity}s",
        comment=f"{comment} Every version, slowly changing dimension type 2.",
        grain="one version of one " + entity,
        key=(key, "valid_from", "content_hash"),
        columns=(
            *described,
            Column("valid_from", "timestamp", "The version holds from here on (changed_at), UTC."),
            Column("valid_to", "timestamp", "It holds until just before; null for the current version."),
            Column("is_current", "boolean", "Whether this is the newest version."),
            digest,
        ),
        cluster_by=(key,),
        foreign_keys=foreign_keys,
        change_feed=True,
    )
    return Reference(entity, comment, columns, carried, changes, history)
