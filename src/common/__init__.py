"""What notebooks import: the lakehouse's logic, on a laptop and on Databricks alike."""
