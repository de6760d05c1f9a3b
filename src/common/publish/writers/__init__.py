"""Where data go to: one module a writer, each a class of outputs."""

from common.publish.output import Output
from common.publish.writers.csv_reports import CsvReports

WRITERS: tuple[type[Output], ...] = (CsvReports,)
"""Every writer. An output's `writer` says which it is."""
