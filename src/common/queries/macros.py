"""What Spark computes otherwise than DuckDB, as functions of DuckDB."""

MACROS = """
-- An error, where DuckDB has null.
CREATE MACRO spark_divide(a, b) AS
  CASE WHEN b = 0 THEN error('division by zero') ELSE CAST(a AS DOUBLE) / CAST(b AS DOUBLE) END;

-- The digits that a number is shown with are rounded: 0.285 becomes 0.29, though the double is a little less.
CREATE MACRO spark_round(x, digits) AS
  CASE WHEN abs(x) < 1e15 THEN CAST(round(CAST(CAST(x AS VARCHAR) AS DECIMAL(38, 18)), digits) AS DOUBLE) ELSE x END;

-- Null, and not false, where a null may be the value.
CREATE MACRO spark_array_contains(list, x) AS
  CASE
    WHEN list_contains(list, x) THEN TRUE
    WHEN x IS NULL OR list IS NULL OR len(list_filter(list, lambda e: e IS NULL)) > 0 THEN NULL
    ELSE FALSE
  END;

-- Four digits more than the decimals have, rounded half up; in whole numbers, as DuckDB's average is a double.
-- `factor` makes whole numbers of the decimals, and `unit` decimals of the whole numbers.
CREATE MACRO spark_half_up(total, n) AS sign(total) * ((2 * abs(total) * 10000 + n) // (2 * n));
CREATE MACRO spark_average(x, factor, unit) AS
  CAST(spark_half_up(sum(CAST(x * factor AS HUGEINT)), count(x)) AS DECIMAL(28, 0)) * unit;
"""
