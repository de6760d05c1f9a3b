"""The way into the Databricks workspace that the person is logged in to."""

from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config

from common.errors import RemoteError

ANSWER_SECONDS = 30
"""So long one request may take, and so long the SDK tries it again by itself; who follows a run has more patience."""


def workspace_client() -> WorkspaceClient:
    """A client with the credentials that the Databricks CLI uses: a profile, or the environment.

    Raises:
        RemoteError: there are none.
    """
    try:
        config = Config(http_timeout_seconds=ANSWER_SECONDS, retry_timeout_seconds=ANSWER_SECONDS)
        return WorkspaceClient(config=config)
    except ValueError as error:
        raise RemoteError(
            f"no way into a Databricks workspace: {str(error).splitlines()[0]}. Log in with "
            "`databricks auth login --host https://YOUR-WORKSPACE`, or set DATABRICKS_HOST and credentials"
        ) from None
