"""Checks, evaluated: pure functions of columns, no reading or writing."""
