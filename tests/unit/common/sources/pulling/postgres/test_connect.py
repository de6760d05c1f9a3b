"""Logins over TLS with a password by SCRAM, and each refusal in one sentence, after one attempt."""

from pathlib import Path

import pytest

from common.errors import FeedError
from common.settings import Settings
from common.sources.connections import PostgresConnection
from common.sources.pulling.postgres import connect as connecting
from common.sources.pulling.postgres.connect import connect
from servers.certificates import self_signed
from servers.postgres import Postgres

PASSWORD = "a password of the tests"  # pragma: allowlist secret


def not_again(_: float) -> None:
    raise AssertionError("a refusal that lasts was tried again")


def test_a_login_by_tls_and_scram_and_what_refuses_it(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting.time, "sleep", not_again)
    authority = postgres.require_tls("lake", PASSWORD)
    monkeypatch.setenv("LAKEHOUSE_SECRET_RIGHT", PASSWORD)
    monkeypatch.setenv("LAKEHOUSE_SECRET_WRONG", "not the one")
    monkeypatch.setenv("LAKEHOUSE_SECRET_CA", authority.replace("\n", "\\n"))
    monkeypatch.setenv("LAKEHOUSE_SECRET_OTHER", self_signed()[0])
    secured = {"user": "lake", "password": {"secret": "right"}, "tls": "verify-full", "ca": {"secret": "ca"}}

    def declared(**changes: object) -> PostgresConnection:
        return PostgresConnection.model_validate({**postgres.connection(), **secured, **changes})

    for replication in (False, True):
        with connect(declared(), Settings(tmp_path), replication=replication) as opened:
            assert opened.pgconn.ssl_in_use
            assert opened.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True,)
    stored = postgres.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'lake'")[0][0]
    assert stored.startswith("SCRAM-SHA-256$")
    with connect(declared(host="localhost", tls="verify-ca"), Settings(tmp_path)) as opened:
        assert opened.pgconn.ssl_in_use
    for changes, words in (
        ({"password": {"secret": "wrong"}}, "its password is wrong"),
        ({"password": None}, "it has no password here"),
        ({"ca": {"secret": "other"}}, "its certificate is of an authority that isn't trusted"),
        ({"ca": None}, "its certificate is of an authority that isn't trusted"),
        ({"host": "localhost"}, "its certificate is made out to another name"),
        ({"tls": "disable"}, "a line of pg_hba.conf keeps it out"),
    ):
        with pytest.raises(FeedError, match=f"refuses the user lake: {words}") as refused:
            connect(declared(**changes), Settings(tmp_path))
        assert PASSWORD not in str(refused.value)
