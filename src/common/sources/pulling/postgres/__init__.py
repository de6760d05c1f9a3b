"""Pullers of PostgreSQL's tables and changes."""
