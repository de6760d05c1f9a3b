"""Where a notebook's session leads, and that a process has one."""

import os
import subprocess
import sys

import pytest
from pyspark.sql import SparkSession

from common.session import session_url, spark_session
from common.settings import repository

SESSION = "6f9b2c9e-3a53-4d53-8b57-0a4f4b7d8f11"


@pytest.mark.parametrize(
    ("remote", "session_id", "url"),
    [
        ("sc://127.0.0.1:15002", "", "sc://127.0.0.1:15002/;user_id=lakehouse"),
        ("sc://127.0.0.1:15002/", SESSION, f"sc://127.0.0.1:15002/;user_id=lakehouse;session_id={SESSION}"),
        ("sc://host:1/;token=a", SESSION, f"sc://host:1/;token=a;user_id=lakehouse;session_id={SESSION}"),
        ("sc://host:1/;user_id=me", "", "sc://host:1/;user_id=me"),
        (f"sc://host:1/;user_id=me;session_id={SESSION}", "other", f"sc://host:1/;user_id=me;session_id={SESSION}"),
    ],
)
def test_address_of_a_session(remote: str, session_id: str, url: str) -> None:
    assert session_url(remote, session_id) == url


@pytest.mark.spark
def test_asking_again_gives_the_same_session(spark: SparkSession) -> None:
    assert spark_session() is spark


@pytest.mark.spark
def test_functions_of_this_package_run_on_workers(spark: SparkSession) -> None:
    from pyspark.sql.functions import udf

    from common.parameters import as_day

    as_text = udf(lambda day: str(as_day(day).year), "string")
    assert spark.sql("SELECT '2026-03-07' AS day").select(as_text("day")).first()[0] == "2026"  # type: ignore[index]


def test_an_address_where_nobody_answers_is_one_sentence() -> None:
    code = (
        "from common.session import spark_session\nfrom common.errors import EngineError\n"
        "try:\n    spark_session()\nexcept EngineError as error:\n    print(error)"
    )
    environment = os.environ | {"PYTHONPATH": str(repository() / "src"), "SPARK_REMOTE": "nonsense"}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("no Spark Connect server answers at nonsense: ")
