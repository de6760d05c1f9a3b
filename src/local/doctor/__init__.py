"""What is missing, here and in a Databricks workspace, each with its fix: `lakehouse doctor`."""
