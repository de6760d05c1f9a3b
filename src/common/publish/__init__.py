"""What leaves the lakehouse: outputs, declared in outputs/*.yml, and one module a writer."""
