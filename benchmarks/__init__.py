"""Measurements against declared goals. `make bench` runs them all; tests never assert a time."""
