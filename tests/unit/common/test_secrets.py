"""Secrets: where they come from, and that they don't show."""

from pathlib import Path
from types import SimpleNamespace

import databricks.sdk
import pytest
from databricks.sdk.errors import NotFound

from common.errors import SecretError
from common.platform import DATABRICKS, LAPTOP
from common.secrets import secret
from common.settings import Settings

CANARY = "canary-7f3a91"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, platform=LAPTOP)


def test_the_environment_wins_over_the_file(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    (settings.home / "secrets.env").write_text("# of this workspace\nother=x\nswitch-token = from=file\n")
    assert secret(settings, "switch-token").get_secret_value() == "from=file"

    monkeypatch.setenv("LAKEHOUSE_SECRET_SWITCH_TOKEN", "from environment")
    assert secret(settings, "switch-token").get_secret_value() == "from environment"


def test_a_secret_that_is_nowhere(settings: Settings) -> None:
    with pytest.raises(SecretError, match=r"no secret 'token': set .*LAKEHOUSE_SECRET_TOKEN, or write a line token="):
        secret(settings, "token")


def test_a_secret_does_not_show(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_SECRET_TOKEN", CANARY)
    found = secret(settings, "token")

    assert CANARY not in f"{found} {found!r} {[found]} {vars(SimpleNamespace(found=found))}"


@pytest.mark.parametrize(
    "failure", [NotFound("Secret does not exist"), RuntimeError("Secret does not exist\n\tat scala")]
)
def test_databricks_has_scopes(settings: Settings, monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    stored = {("fraud-lakehouse", "token"): CANARY}

    class Client:
        def __init__(self) -> None:
            self.dbutils = SimpleNamespace(secrets=self)

        def get(self, scope: str, key: str) -> str:
            if (scope, key) not in stored:
                raise failure
            return stored[scope, key]

    monkeypatch.setattr(databricks.sdk, "WorkspaceClient", Client)
    monkeypatch.setenv("LAKEHOUSE_SECRET_TOKEN", "of a laptop")
    there = Settings(home=settings.home, platform=DATABRICKS)
    assert secret(there, "token").get_secret_value() == CANARY
    with pytest.raises(SecretError, match=r"\(Secret does not exist\): databricks secrets put-secret .* other"):
        secret(there, "other")
