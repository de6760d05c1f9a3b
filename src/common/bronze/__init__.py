"""Feeds to bronze: every record as received, with its origin."""
