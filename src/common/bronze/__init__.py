"""Feeds to bronze: every record as it came, with where it came from."""
