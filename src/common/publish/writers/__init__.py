"""Where data go to: one module a writer, each a class of outputs."""

from common.publish.output import Output
from common.publish.writers.alerts import AlertsOutput

WRITERS: tuple[type[Output], ...] = (AlertsOutput,)
"""Every writer. An output's `writer` says which it is."""
