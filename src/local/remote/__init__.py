"""Jobs on Databricks, started and followed from here: `lakehouse run JOB --target TARGET`."""
