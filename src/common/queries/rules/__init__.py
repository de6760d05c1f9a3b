"""What has to hold for an expression to mean the same in DuckDB, and what is put instead."""
