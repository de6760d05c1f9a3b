"""outputs/*.yml with `writer: alerts`: what it must say, and what is wrong in words."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from publish_builders import load

from common.errors import DeclarationError
from common.publish.alerts.templates import BUILT_IN, NAMES
from common.publish.writers.alerts import AlertsOutput
from common.settings import repository

TEXT = (repository() / "outputs" / "alerts.yml").read_text()


def test_the_shipped_output_tells_customers_by_mail_and_the_team_in_slack(tmp_path: Path) -> None:
    output = load(tmp_path, TEXT, "alerts")
    assert isinstance(output, AlertsOutput)
    assert {name: channel.audience for name, channel in output.channels.items()} == {
        "email": "customer",
        "team": "team",
    }
    assert output.quiet_hours
    assert output.quiet_hours.length.total_seconds() == 11 * 3600
    assert output.reads == ("gold.transaction_scores", "silver.customers", "silver.merchants")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("by: email", "by: mail", "channels.email.by: it must be one of 'email', 'webhook', 'sns' (given: 'mail')"),
        ("per_day: 3", "perday: 3", "channels.email.perday: there is no such option; did you mean per_day?"),
        ("per_day: 3", "per_day: 0", "channels.email.per_day: Input should be greater than or equal to 1"),
        ("connection: mail", "connection: database", "channels.email.connection: 'database' must be"),
        ("connection: mail", "connection: post", "of the kind smtp"),
        ("<alerts@bank.example>", "alerts", "channels.email.sender: an address is written as NAME@DOMAIN"),
        ("url: {secret: ALERTS_SLACK_URL}", "url: slack.test/hook", "it must be https://HOST/PATH"),
        ("format: slack", "format: teams", "channels.team.format: Input should be 'json' or 'slack'"),
        ('from: "21:00"', "from: 21:00", "quiet_hours.from: 1260 is no time of day; write it in quotes as HH:MM"),
        ("tell_for: 48 hours", "tell_for: 35 hours", "tell_for: it must be longer than the 24 hours of per_day and"),
        ("answers:", "answer:", "outputs/alerts.yml: answer: there is no such option; did you mean answers?"),
        ("kind: smtp", "kind: smtp\n    security: none", "security: none would send the password in the clear"),
        ("    user: {secret: ALERTS_MAIL_USER}\n", "", "a login has both `user`"),
        ("tell_for:", "templates: nowhere\ntell_for:", "templates: there is no folder"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_path_and_rule(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(DeclarationError) as raised:
        load(tmp_path, TEXT.replace(old, new), "alerts")
    assert str(raised.value).startswith("outputs/alerts.yml: ")
    assert expected in str(raised.value)


def test_customers_are_told_where_they_answer(tmp_path: Path) -> None:
    with pytest.raises(
        DeclarationError, match=r"channels.email: customers are asked whether it was them: add `answers`"
    ):
        load(tmp_path, TEXT[: TEXT.index("answers:")], "alerts")


def test_the_templates_are_in_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=repository(), check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = {name.rpartition("/")[2] for name in zipfile.ZipFile(wheel).namelist() if "alerts/templates/" in name}
    assert inside == {*NAMES} == {file.name for file in BUILT_IN.iterdir()}
    assert "common/publish/alerts/time_zones.csv" in zipfile.ZipFile(wheel).namelist()
