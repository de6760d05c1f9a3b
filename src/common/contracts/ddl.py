"""Contracts as statements: what creates a table exactly as it is declared."""

from common.contracts.table import Table, View


def create_table(table: Table, full_name: str) -> str:
    """The CREATE TABLE statement of a contract, under a three-level name."""
    columns = ",\n  ".join(f"{c.name} {c.type} COMMENT {quoted(c.comment)}" for c in table.columns)
    clustering = f"\nCLUSTER BY ({', '.join(table.cluster_by)})" if table.cluster_by else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {full_name} (\n  {columns}\n)\nUSING delta{clustering}\n"
        f"COMMENT {quoted(f'{table.comment} Grain: {table.grain}.')}{_without_personal_statistics(table)}"
    )


def _without_personal_statistics(table: Table) -> str:
    """Minima and maxima of personal columns would stay in the Delta log after a person is erased."""
    if not any(column.personal for column in table.columns):
        return ""
    without = ("array", "struct", "map", "boolean", "binary")
    counted = [c.name for c in table.columns if not c.personal and not c.type.startswith(without)]
    return f"\nTBLPROPERTIES ('delta.dataSkippingStatsColumns' = {quoted(','.join(counted))})"


def create_view(view: View, full_name: str, of_full_name: str) -> str:
    """The CREATE VIEW statement of a contract, under three-level names."""
    return (
        f"CREATE VIEW IF NOT EXISTS {full_name} COMMENT {quoted(view.comment)} "
        f"AS SELECT * FROM {of_full_name} WHERE {view.condition}"
    )


def schema_of(table: Table) -> str:
    """The contract's columns as a DDL schema string, such as Spark's readers and UDFs take."""
    return ", ".join(f"{column.name} {column.type}" for column in table.columns)


def quoted(text: str) -> str:
    """A text as an SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
