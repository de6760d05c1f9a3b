"""The workspace that a target is deployed to, as the person who is logged in there sees it."""

import logging
from dataclasses import dataclass

from databricks.sdk import WorkspaceClient
from databricks.sdk.clock import Clock, RealClock
from databricks.sdk.core import Config, DatabricksError
from databricks.sdk.errors import PermissionDenied, Unauthenticated

from common.errors import LoginError, RemoteError
from local.jobs.bundle import Bundle

CLOCK: Clock = RealClock()
"""The clock that gives the time and waits, here and in the SDK."""

SDK_RETRY_SECONDS = 5
"""How long the SDK repeats a call by itself: shorter failures are not reported."""


@dataclass(frozen=True)
class Connection:
    """A workspace and who is logged in."""

    client: WorkspaceClient
    user: str

    @property
    def host(self) -> str:
        """The workspace's address."""
        return self.client.config.host

    @property
    def clock(self) -> Clock:
        """The clock that the client waits by."""
        return self.client.config.clock


def connect(bundle: Bundle) -> Connection:
    """Logs in as the bundle's target says (`workspace.host`, `workspace.profile`), else as the environment does.

    Raises:
        LoginError: no workspace or no credentials are configured, or the workspace refuses them.
        RemoteError: the workspace doesn't answer.

    """
    # The first call shows what the SDK warns of while it looks for credentials.
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    host, profile = workspace_setting(bundle, "host"), workspace_setting(bundle, "profile")
    try:
        config = Config(
            host=host,
            profile=profile,
            product="fraud-lakehouse",
            clock=CLOCK,
            retry_timeout_seconds=SDK_RETRY_SECONDS,
        )
    except ValueError as error:
        raise LoginError(f"can't log in to Databricks: {error}. {_way_in(host, profile)}") from error
    client = WorkspaceClient(config=config)
    try:
        user = client.current_user.me().user_name
    except (Unauthenticated, PermissionDenied) as error:
        raise LoginError(
            f"{config.host} refuses the credentials ({config.auth_type}): {error}. {_way_in(config.host, profile)}"
        ) from error
    except DatabricksError as error:
        raise RemoteError(f"{config.host} doesn't say who is logged in: {reason(error)}") from error
    except OSError as error:
        raise RemoteError(f"no answer from {config.host}: {reason(error)}") from error
    return Connection(client, user or "")


def reason(error: BaseException) -> str:
    """The message of the first error of a chain, without the configuration that the SDK adds."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error).split(". Config: ")[0]


def workspace_setting(bundle: Bundle, name: str) -> str | None:
    """A setting of the bundle's target for its `workspace`, `host` or `profile`; None where it gives none."""
    value = bundle.workspace.get(name)
    return str(bundle.resolve(value, bundle.file)) if value else None


def _way_in(host: str | None, profile: str | None) -> str:
    options = f"--host {host or 'https://YOUR-WORKSPACE'}" + (f" --profile {profile}" if profile else "")
    return f"Log in with `databricks auth login {options}`, or set DATABRICKS_HOST and DATABRICKS_TOKEN"
