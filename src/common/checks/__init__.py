"""Everything that judges: single rows, whole tables, the sums between tables, and what is expected of feeds."""
