"""Records to clean rows: conform, clean, check, refuse or accept once."""
