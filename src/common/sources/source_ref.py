"""Where a record was: `path#ordinal`. A path may hold a # of its own, so the last one parts the two."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def path_of(source_ref: Column) -> Column:
    """The path of the record's file."""
    return F.regexp_replace(source_ref, "#[^#]*$", "")


def ordinal_of(source_ref: Column) -> Column:
    """The record's number in its file (bigint); 0 for the file as a whole."""
    return F.substring_index(source_ref, "#", -1).try_cast("bigint")
