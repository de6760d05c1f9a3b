"""Every table, declared once: columns, grain, key, checks and clustering."""
