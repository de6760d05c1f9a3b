"""Records to clean rows: conform, clean, check, quarantine or accept once."""
