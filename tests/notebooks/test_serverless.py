"""Nothing that serverless compute refuses: looked for in the code of notebooks and of `common`, name by name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from common.settings import repository

FORBIDDEN = frozenset(
    {
        "persist", "cache", "unpersist", "cacheTable", "localCheckpoint",
        "rdd", "sparkContext", "SparkContext", "_jvm", "_jsc", "_jdf", "parallelize", "toJavaRDD",
        "createGlobalTempView", "createOrReplaceGlobalTempView", "input_file_name", "SQLContext", "setLogLevel",
    }
)  # fmt: skip
"""Names that Spark Connect or serverless compute lacks."""
IN_SQL = ("CACHE TABLE", "GLOBAL TEMPORARY", "dbfs:/", "/dbfs", "input_file_name(")
SETTABLE = frozenset({"spark.sql.session.timeZone", "spark.sql.shuffle.partitions", "spark.sql.ansi.enabled"})
"""Session settings that serverless compute allows, as far as they are of use here."""


def sources() -> Iterator[tuple[str, str]]:
    for file in sorted((repository() / "src" / "common").rglob("*.py")):
        yield str(file.relative_to(repository())), file.read_text(encoding="utf-8")
    for file in sorted((repository() / "notebooks").rglob("*.ipynb")):
        cells = [cell.source for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
        yield str(file.relative_to(repository())), "\n".join(cells)


def refused(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN:
            found.append(node.attr)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += [text for text in IN_SQL if text in node.value]
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("conf.set"):
            found += [ast.unparse(node)] * (ast.literal_eval(node.args[0]) not in SETTABLE)
    return found


@pytest.mark.parametrize(("name", "source"), list(sources()), ids=lambda value: Path(value[:200]).name[:60])
def test_nothing_that_serverless_refuses(name: str, source: str) -> None:
    assert refused(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "rows.cache()",
        "spark.sparkContext.parallelize([1])",
        "spark.sql('CACHE TABLE x')",
        "open('/dbfs/x')",
        "spark.conf.set('spark.sql.files.maxPartitionBytes', 1)",
    ],
)
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert refused(source)


def test_jobs_leave_the_trigger_at_available_now() -> None:
    for job in (repository() / "jobs").glob("*.yml"):
        assert "processing_time" not in job.read_text(encoding="utf-8")


def test_paths_don_t_depend_on_the_working_directory() -> None:
    for name, source in sources():
        assert "os.getcwd" not in source, name
        assert "Path.cwd" not in source, name
