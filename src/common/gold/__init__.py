"""Dimensions, facts and marts."""
