"""A Databricks job from its YAML to a checked graph of notebook tasks, without running anything."""
