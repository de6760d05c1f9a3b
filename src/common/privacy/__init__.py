"""Erases people from all layers, and expires the records that no person can be found in."""
