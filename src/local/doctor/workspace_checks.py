"""What a deployment needs: the CLI, a way into a workspace, and a catalog that one may use."""

import re
import shutil
import subprocess
from collections.abc import Iterator

from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.catalog import Privilege
from requests.exceptions import RequestException

from common.errors import first_line
from common.settings import repository
from local.doctor.finding import MISSING, NOT_SET_UP, OK, WARNING, Finding
from local.jobs.bundle import Bundle
from local.remote.connection import workspace_setting

CLI_RELEASE = (1, 0)
ANSWER_SECONDS = 5
LOGIN = "databricks auth login --host https://YOUR-WORKSPACE"
NEEDED = (Privilege.USE_CATALOG, Privilege.CREATE_SCHEMA)


def workspace_findings(bundle: Bundle) -> Iterator[Finding]:
    """Every check of the way to the bundle's target; those that need the one before are left out where it fails."""
    yield _cli()
    client = _client(bundle)
    if isinstance(client, Finding):
        yield client
        return
    try:
        name = client.current_user.me().user_name
    except (DatabricksError, RequestException, TimeoutError, ValueError) as error:
        yield Finding("login", MISSING, f"{client.config.host}: {_reason(error)}", LOGIN)
        return
    yield Finding("login", OK, f"{name} at {client.config.host} ({client.config.auth_type})")
    yield _catalog(client, str(bundle.resolve("${var.catalog}", bundle.file)), str(name))


def _cli() -> Finding:
    built = repository() / ".venv" / "bin" / "databricks"
    path = str(built) if built.exists() else shutil.which("databricks")
    if path is None:
        return Finding(
            "Databricks CLI", NOT_SET_UP, "none on the PATH", "docs.databricks.com/dev-tools/cli/install.html"
        )
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout.strip()
    version = re.search(r"v(\d+)\.(\d+)\.(\d+)(-dev)?", answer)
    if version and (version[4] or (int(version[1]), int(version[2])) >= CLI_RELEASE):
        return Finding("Databricks CLI", OK, f"{version[0]}, {path}")
    return Finding("Databricks CLI", MISSING, f"{answer or 'no answer'}, {path}", "update it to 1.0 or later")


def _client(bundle: Bundle) -> WorkspaceClient | Finding:
    host, profile = workspace_setting(bundle, "host"), workspace_setting(bundle, "profile")
    try:
        config = Config(
            host=host,
            profile=profile,
            http_timeout_seconds=ANSWER_SECONDS,
            retry_timeout_seconds=ANSWER_SECONDS,
        )
    except ValueError as error:
        return Finding("login", NOT_SET_UP, _reason(error), LOGIN)
    return WorkspaceClient(config=config)


def _catalog(client: WorkspaceClient, catalog: str, principal: str) -> Finding:
    subject = f"catalog {catalog}"
    try:
        granted = client.grants.get_effective("catalog", catalog, principal=principal).privilege_assignments or []
        owner = client.catalogs.get(catalog).owner
    except DatabricksError as error:
        fix = "name another one, for all commands: export BUNDLE_VAR_catalog=NAME"
        return Finding(subject, MISSING, _reason(error), fix)
    privileges = {one.privilege for assignment in granted for one in assignment.privileges or []}
    lacking = [privilege for privilege in NEEDED if privilege not in privileges]
    if owner == principal or not lacking or Privilege.ALL_PRIVILEGES in privileges:
        return Finding(subject, OK, "schemas may be created in it")
    names = " and ".join(privilege.value.replace("_", " ") for privilege in lacking)
    return Finding(subject, WARNING, f"not granted: {names}", f"its owner grants {names} to {principal}")


def _reason(error: Exception) -> str:
    return first_line(error).split(", please check")[0]
