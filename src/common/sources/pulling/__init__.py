"""What Spark has no stream for is pulled into files first: each landed once, together with its position."""
