"""Where data go to: one module a writer, each a class of outputs."""

from common.publish.output import Output

WRITERS: tuple[type[Output], ...] = ()
"""Every writer. An output's `writer` says which it is."""
