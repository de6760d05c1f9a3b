"""Who sees persons: no column that a contract declares personal is asked for on behalf of anybody else."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pyarrow as pa
import pytest
import sqlglot
from app_pages import Open
from apps.dashboard.pages import PAGES
from apps.dashboard.queries import ask as asking
from apps.dashboard.roles import FRAUD_TEAM_IS, ROLE, TOKEN_HEADER, Role, role_of
from dashboard_world import NAMES, NOTE, PAYLOAD, PERSONAL, World
from sqlglot import exp

from common.contracts.registry import all_tables
from common.queries.statements import DIALECT, named_tables, parsed

PERSONAL_COLUMNS = {table.name: {c.name for c in table.columns if c.personal} for table in all_tables()}


@pytest.fixture
def asked(looked_at: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, pa.Table]]:
    """Every statement that is asked from here on, and its answer."""
    seen: list[tuple[str, pa.Table]] = []
    answer = asking.rows

    def watched(statement: str) -> pa.Table:
        seen.append((statement, answer(statement)))
        return seen[-1][1]

    monkeypatch.setattr(asking, "rows", watched)
    return seen


def open_all(open_page: Open, world: World) -> None:
    """Opens every page, and the stories of alerts on which each verdict was given."""
    for place in PAGES:
        assert not open_page(place).exception
    for row in world.rows["silver.alert_verdicts"][:3]:
        assert not open_page("alerts", alert=row["transaction_id"]).exception


def test_no_personal_column_is_asked_for_an_analyst(
    looked_at: World, asked: list[tuple[str, pa.Table]], open_page: Open
) -> None:
    open_all(open_page, looked_at)

    assert len(asked) > 30
    for statement, answer in asked:
        query = parsed(statement)
        tables = {f"{table.db}.{table.name}" for table in named_tables(query)}
        personal = set().union(*(PERSONAL_COLUMNS[table] for table in tables & set(PERSONAL_COLUMNS)))
        named = {column.name for column in query.find_all(exp.Column)}
        # Columns of one name may be personal in a table and not in another; what is read is then looked at below.
        assert not named & personal, statement
        if personal:
            inner = [select for select in query.find_all(exp.Select) if _reads_a_table(select)]
            assert not any(isinstance(one, exp.Star) for select in inner for one in select.expressions), statement
        text = str(answer.to_pylist())
        assert not [part for part in PERSONAL if part in text], statement


def _reads_a_table(select: exp.Select) -> bool:
    source = select.args.get("from_") or select.args.get("from")
    return source is not None and isinstance(source.this, exp.Table) and bool(source.this.db)


def test_the_search_for_personal_columns_finds_one() -> None:
    query = sqlglot.parse_one("SELECT upper(full_name) FROM silver.customers", read=DIALECT)
    assert {column.name for column in query.find_all(exp.Column)} & PERSONAL_COLUMNS["silver.customers"]


def test_the_fraud_team_sees_who_it_has_to_call(
    looked_at: World, asked: list[tuple[str, pa.Table]], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROLE, "fraud team")
    verdict = looked_at.rows["silver.alert_verdicts"][0]["transaction_id"]
    alert = next(row for row in looked_at.alerts if row["transaction_id"] == verdict)

    page = open_page("alerts", alert=verdict)
    name = NAMES[alert["customer_id"]]
    assert any(name in text.value for text in page.markdown)
    assert any(NOTE in str(table.value.to_dict()) for table in page.dataframe)
    assert any(PAYLOAD in str(table.value.to_dict("list")) for table in open_page("quality").dataframe)


def test_an_analyst_s_page_shows_no_person(looked_at: World, open_page: Open) -> None:
    row = looked_at.alerts[0]
    page = open_page("alerts", alert=row["transaction_id"])
    shown = " ".join([*(text.value for text in page.markdown), *(str(t.value.to_dict()) for t in page.dataframe)])
    assert row["transaction_id"] in shown.replace("\\", "")
    assert not [part for part in PERSONAL if part in shown.replace("\\", "")]


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("fraud team", Role.FRAUD_TEAM),
        ("Fraud Team", Role.FRAUD_TEAM),
        ("analyst", Role.ANALYST),
        ("admin", Role.ANALYST),
    ],
)
def test_the_environment_says_the_role(monkeypatch: pytest.MonkeyPatch, said: str, role: Role) -> None:
    monkeypatch.setenv(ROLE, said)
    assert role_of({}) is role


def test_whoever_can_not_be_told_is_an_analyst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROLE, raising=False)
    assert role_of({}) is Role.ANALYST


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A workspace of Databricks that knows two users by their tokens, and the environment of an app in it."""
    users = {
        "Bearer of-rita": {
            "userName": "rita@example.com",
            "groups": [{"display": "fraud-reviewers"}, {"display": "all"}],
        },
        "Bearer of-anna": {"userName": "anna@example.com", "groups": [{"display": "fraud-analysts"}]},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            user = (
                users.get(self.headers.get("Authorization", "")) if self.path == "/api/2.0/preview/scim/v2/Me" else None
            )
            content = json.dumps(user or {"error_code": "UNAUTHENTICATED", "message": "no"}).encode()
            self.send_response(200 if user else 401)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.delenv(ROLE, raising=False)
    monkeypatch.setenv(FRAUD_TEAM_IS, "fraud-reviewers")
    monkeypatch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{server.server_address[1]}")
    # The app's own service principal, which must not be taken for the user.
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "of-the-app")
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", "of-the-app")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("headers", "role"),
    [
        ({TOKEN_HEADER: "of-rita"}, Role.FRAUD_TEAM),
        ({TOKEN_HEADER: "of-anna"}, Role.ANALYST),
        ({TOKEN_HEADER: "forged"}, Role.ANALYST),
        ({}, Role.ANALYST),
        ({"X-Forwarded-Groups": "fraud-reviewers", "X-Forwarded-Email": "rita@example.com"}, Role.ANALYST),
        ({TOKEN_HEADER: "of-anna", "X-Forwarded-Groups": "fraud-reviewers"}, Role.ANALYST),
    ],
)
def test_the_workspace_says_by_the_token_who_is_the_fraud_team(headers: dict[str, str], role: Role) -> None:
    assert role_of(headers) is role


@pytest.mark.usefixtures("workspace")
def test_one_person_can_be_the_fraud_team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FRAUD_TEAM_IS, "anna@example.com")
    assert role_of({TOKEN_HEADER: "of-anna"}) is Role.FRAUD_TEAM
    assert role_of({TOKEN_HEADER: "of-rita"}) is Role.ANALYST


@pytest.mark.usefixtures("workspace")
def test_while_the_workspace_does_not_answer_nobody_is_the_fraud_team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    assert role_of({TOKEN_HEADER: "of-rita"}) is Role.ANALYST
