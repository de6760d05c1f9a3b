"""Runs of deployed jobs on Databricks: found, started and followed from this machine through databricks-sdk."""
