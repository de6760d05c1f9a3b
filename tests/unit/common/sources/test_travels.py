"""Parsers travel to Spark's workers by value, with the package: nothing in it may be what can't be pickled."""

import subprocess
import sys

PICKLES = """
import common
from pyspark import cloudpickle
cloudpickle.register_pickle_by_value(common)
from common.sources.files.stream import _parser
from common.silver.conform import _payload_parser
from common.sources.files.parsing import FileFormat
from common.sources.kafka.batches import reading
from common.sources.kafka.values import Values
cloudpickle.dumps([_parser(FileFormat("csv")), _payload_parser([("id",)], frozenset()), reading(Values())])
"""


def test_the_parsers_of_files_payloads_and_records_can_be_pickled_by_value() -> None:
    # In a process of its own: there, as in a notebook, the package is registered before anything is imported.
    done = subprocess.run([sys.executable, "-c", PICKLES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
