"""A run of a job on this machine: the runner, its record, and what a person sees of it."""
