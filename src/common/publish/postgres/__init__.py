"""Delta tables served in PostgreSQL: rows, and the version that they stand for, in one transaction."""
