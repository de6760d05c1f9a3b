"""The pages: one module each. What they show is asked for in `queries`."""
