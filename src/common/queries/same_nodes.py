"""Expressions that mean the same in Spark and DuckDB, whatever they are of."""

from sqlglot import exp

_STRUCTURE = (
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset,
    exp.Distinct, exp.Subquery, exp.With, exp.CTE, exp.TableAlias,
    exp.Values, exp.Tuple, exp.Alias, exp.Aliases, exp.Cube, exp.Rollup, exp.GroupingSets,
)  # fmt: skip
_LEAVES = (
    exp.Column, exp.Identifier, exp.Dot, exp.Star, exp.Literal, exp.Boolean, exp.Null, exp.Var, exp.DataType,
    exp.DataTypeParam, exp.Interval, exp.CurrentDate, exp.CurrentTimestamp, exp.ColumnDef,
)  # fmt: skip
_LOGIC = (exp.And, exp.Or, exp.Not, exp.Paren, exp.Is, exp.Exists)
_AGGREGATES = (exp.Min, exp.Max, exp.CountIf, exp.LogicalAnd, exp.LogicalOr, exp.Filter)
_WINDOWS = (
    exp.Window, exp.WindowSpec, exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.Ntile, exp.Lag, exp.Lead,
    exp.FirstValue, exp.LastValue,
)  # fmt: skip
_PARTS_OF_DATES = (exp.Year, exp.Month, exp.Day)  # of what TsOrDsToDate makes sure is a date

SAME = frozenset((*_STRUCTURE, *_LEAVES, *_LOGIC, *_AGGREGATES, *_WINDOWS, *_PARTS_OF_DATES))
