"""An HTTP API that takes events and lands them as Parquet objects, each with its text untouched."""
