"""All checks: of single rows, of whole tables, of the sums between tables, and of what feeds should bring."""
