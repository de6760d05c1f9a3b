"""Whole tables of PostgreSQL: what has changed since the last pull, in one snapshot over all of them."""
