"""Who looks: an analyst, who sees no person, or the fraud team, which calls customers and so sees their names."""

import json
import os
from collections.abc import Mapping
from enum import StrEnum
from urllib.request import Request, urlopen

from common.contracts.table import Table

ROLE = "DASHBOARD_ROLE"
"""The environment variable with everybody's role; left out, the workspace of Databricks is asked who looks."""

FRAUD_TEAM_IS = "DASHBOARD_FRAUD_TEAM"
"""The environment variable with the group, or the one user, that is the fraud team."""

TOKEN_HEADER = "X-Forwarded-Access-Token"
"""The header in which Databricks Apps hand over a token of the user who looks."""


_PATIENCE_SECONDS = 5


class Role(StrEnum):
    """What may be seen. Whoever can't be told is an analyst."""

    ANALYST = "analyst"
    FRAUD_TEAM = "fraud team"

    @property
    def sees_persons(self) -> bool:
        """Whether columns that contracts declare personal are asked for."""
        return self is Role.FRAUD_TEAM

    def readable(self, table: Table, *names: str) -> tuple[str, ...]:
        """Those of a table's columns that the role may see; of these names, where some are given."""
        columns = [column for column in table.columns if not names or column.name in names]
        return tuple(column.name for column in columns if self.sees_persons or not column.personal)


def role_of(headers: Mapping[str, str]) -> Role:
    """The role of whoever sent a request with these headers.

    A group is never taken from a header: a browser could send it. The token proves who looks, and the workspace says
    which groups that is.
    """
    if said := os.environ.get(ROLE):
        return Role.FRAUD_TEAM if said.strip().lower() == Role.FRAUD_TEAM else Role.ANALYST
    fraud_team, token = os.environ.get(FRAUD_TEAM_IS, ""), headers.get(TOKEN_HEADER, "")
    return Role.FRAUD_TEAM if fraud_team and token and fraud_team in principals(token) else Role.ANALYST


def principals(token: str) -> frozenset[str]:
    """The names by which the workspace of Databricks knows who holds a token: the user's, and those of the groups.

    Empty, where it doesn't say.
    """
    host = os.environ.get("DATABRICKS_HOST", "")
    address = host if "://" in host else f"https://{host}"
    # Not by the SDK: where nothing answers, it tries again for minutes, and whoever looks waits.
    request = Request(f"{address.rstrip('/')}/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {token}"})
    try:
        with urlopen(request, timeout=_PATIENCE_SECONDS) as answer:
            me = json.load(answer)
    except (OSError, ValueError):
        return frozenset()
    names = [me.get("userName"), *(group.get("display") for group in me.get("groups") or [])]
    return frozenset(name for name in names if name)
