"""The laptop's workspace: engine, job runner, command line and a synthetic payment world."""
