"""The verbs of the command line: a module a verb, with its name."""
