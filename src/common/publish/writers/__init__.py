"""Where data go to: one module a writer, each a class of outputs."""

from common.publish.output import Output
from common.publish.writers.alerts import AlertsOutput
from common.publish.writers.csv_reports import CsvReports
from common.publish.writers.postgres import PostgresTables

WRITERS: tuple[type[Output], ...] = (AlertsOutput, CsvReports, PostgresTables)
"""Every writer. An output's `writer` says which it is."""
