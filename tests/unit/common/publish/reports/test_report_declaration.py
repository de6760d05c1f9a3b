"""What a declared report must keep to, and what is said where it doesn't."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from report_builders import an_output, options, snapshot_options

from common.errors import DeclarationError
from common.publish.declaration import load_output
from common.settings import repository

WHERE = "WHERE event_date >= :period_start AND event_date < :period_end"


def wrong(outputs: Path, report: dict[str, Any], **changed: Any) -> str:
    """What is said of an output with this report."""
    content = {"name": "reports", "description": "R.", "writer": "csv", "reports": {"daily": report}} | changed
    (outputs / "reports.yml").write_text(yaml.safe_dump(content))
    with pytest.raises(DeclarationError) as raised:
        load_output(outputs, "reports")
    return str(raised.value)


def test_those_of_the_box_can_be_read() -> None:
    output = load_output(repository() / "outputs", "reports")
    assert list(output.reports) == ["daily_fraud_report", "merchant_risk_report", "alerts_open"]  # type: ignore[attr-defined]
    assert {"silver.transactions", "gold.daily_fraud_summary", "gold.transaction_scores"} <= set(output.reads)


def test_the_example_of_the_docs_can_be_read(tmp_path: Path) -> None:
    page = (repository() / "docs" / "outputs.md").read_text(encoding="utf-8")
    (example,) = [text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "writer: csv" in text]
    (tmp_path / "bank.yml").write_text(example)
    assert list(load_output(tmp_path, "bank").reports) == ["fraud_by_country"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT a FROM", "can't be read as Spark's SQL"),
        ("DELETE FROM gold.merchant_risk", "must be one SELECT"),
        ("SELECT 1 AS a; SELECT 2 AS b", "must be one SELECT"),
        (f"SELECT alerts FROM gold.daily_fraud_summary {WHERE}", "has no ORDER BY at its end"),
        (f"SELECT a FROM (SELECT alerts AS a FROM gold.daily_fraud_summary {WHERE} ORDER BY 1)", "has no ORDER BY"),
        (f"SELECT * FROM gold.daily_fraud_summary {WHERE} ORDER BY 1", "selects *"),
        (f"SELECT alerts + 1 FROM gold.daily_fraud_summary {WHERE} ORDER BY 1", "column 1 of the query has no name"),
        (f"SELECT alerts, frauds AS Alerts FROM gold.daily_fraud_summary {WHERE} ORDER BY 1", "two columns 'alerts'"),
        (f"SELECT a FROM gold.nothing {WHERE} ORDER BY a", "reads gold.nothing, which no contract declares"),
        (f"SELECT a FROM delta.`/data/x` {WHERE} ORDER BY a", "which no contract declares"),
        (f"SELECT id FROM range(10) {WHERE} ORDER BY id", "a report reads tables and views of the contracts only"),
        (f"SELECT alerts FROM gold.daily_fraud_summary VERSION AS OF 3 {WHERE} ORDER BY 1", "with a version"),
        (f"SELECT alerts, rand() AS x FROM gold.daily_fraud_summary {WHERE} ORDER BY 1", "whose value changes"),
        ("SELECT alerts FROM gold.daily_fraud_summary WHERE event_date < now() ORDER BY 1", "whose value changes"),
        (
            f"SELECT gold.daily_fraud_summary.alerts FROM gold.daily_fraud_summary {WHERE} ORDER BY 1",
            "write daily_fraud_summary.alerts",
        ),
        ("SELECT alerts FROM gold.daily_fraud_summary ORDER BY 1", "must select its period"),
        ("SELECT alerts FROM gold.daily_fraud_summary WHERE event_date = :day ORDER BY 1", "the placeholder :day"),
    ],
)
def test_a_query_keeps_to_rules(tmp_path: Path, query: str, said: str) -> None:
    message = wrong(tmp_path, options(query=query))
    assert said in message
    assert "reports.daily" in message


@pytest.mark.parametrize(
    "query",
    [
        "SELECT customer_id, email FROM silver.customers ORDER BY 1",
        "SELECT customer_id, upper(E.EMAIL) AS x FROM silver.customers e ORDER BY 1",
        "WITH c AS (SELECT * FROM silver.customers) SELECT customer_id FROM c ORDER BY 1",
        "SELECT customer_id, to_json(struct(c.*)) AS x FROM silver.customers c ORDER BY 1",
        "SELECT s.j FROM silver.customers c, LATERAL (SELECT to_json(struct(c.*)) AS j) s ORDER BY 1",
        "SELECT s.j FROM silver.customers c, LATERAL (SELECT to_json(struct(*)) AS j) s ORDER BY 1",
        "SELECT j FROM silver.customers C, LATERAL (SELECT to_json(struct(c.*)) j FROM gold.merchant_risk) ORDER BY 1",
        "SELECT (SELECT max(to_json(struct(c.*))) FROM gold.merchant_risk) AS x FROM silver.customers c ORDER BY 1",
        "SELECT customer_id, (SELECT max(phone) FROM silver.customers) AS x FROM gold.fraud_transactions ORDER BY 1",
        "SELECT transaction_id FROM gold.fraud_transactions UNION SELECT birth_date FROM silver.customers ORDER BY 1",
    ],
)
def test_personal_columns_are_declared(tmp_path: Path, query: str) -> None:
    message = wrong(tmp_path, snapshot_options(query=query))
    assert "which is personal" in message
    assert an_output({"daily": snapshot_options(query=query, personal=True)}).reports["daily"].checked.personal


def test_what_is_no_personal_column_needs_no_declaration() -> None:
    for query in (
        "SELECT customer_id, country, count(*) AS n FROM silver.customers GROUP BY ALL ORDER BY 1",
        "WITH c AS (SELECT country FROM silver.customers) SELECT to_json(struct(C.*)) AS x FROM c ORDER BY 1",
    ):
        assert not an_output({"daily": snapshot_options(query=query)}).reports["daily"].checked.personal


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"columns": {"nothing": "N"}}, "the query gives no 'nothing'; it gives event_date, alerts"),
        ({"file": "alerts.csv"}, "must name the first day of its period"),
        ({"file": "alerts_{day}.csv"}, "must name the first day of its period"),
        ({"file": "alerts_{period:%Y-%m}.csv"}, "gives several periods one name"),
        ({"file": "{period:%Y/%m/%d}.csv"}, "must be the name of a file"),
        ({"file": ".{period:%Y-%m-%d}.csv"}, "looks hidden or unfinished"),
        ({"file": "{period:%Y-%m-%d}.csv.tmp"}, "looks hidden or unfinished"),
        ({"file": "alerts_{period.csv"}, "can't be read"),
        ({"period": "hour"}, "reports.daily.period"),
        ({"delimiter": "::"}, "reports.daily.delimiter"),
        ({"encoding": "latin-1"}, "reports.daily.encoding"),
        ({"reopen": "a week"}, "is no duration"),
        ({"period": "run"}, "has none: declare day, week or month"),
        ({"colums": 3}, "reports.daily.colums: there is no such option; did you mean columns?"),
    ],
)
def test_options_keep_to_rules(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    assert said in wrong(tmp_path, options(**changed))


def test_a_file_that_is_replaced_has_no_date(tmp_path: Path) -> None:
    assert "leave dates out" in wrong(tmp_path, snapshot_options(file="all_{period:%Y}.csv"))


def test_two_reports_have_two_files() -> None:
    with pytest.raises(ValueError, match="is the file of one, too"):
        an_output({"one": options(), "other": options()})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"folder": "reports"}, "must be {reports}, a folder from / on"),
        ({"folder": "s3://"}, "names no bucket"),
        ({"connections": {"store": {"kind": "aws", "region": "eu"}}, "connection": "store"}, "and a folder none"),
        ({"notify": {"webhook": "hooks.example.org/s3cret"}}, "must be https://HOST/PATH"),
        ({"notify": {"webhook": {"secret": "hook"}, "format": "teams"}}, "notify.format"),
        ({"reports": {}}, "reports"),
    ],
)
def test_the_output_keeps_to_rules(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    assert said in wrong(tmp_path, options(), **changed)
