"""Questions in SQL to the lakehouse's tables, answered without Spark."""
