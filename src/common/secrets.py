"""Passwords, tokens and keys: one function gives them, and nothing keeps or shows them."""

import os
from pathlib import Path

from pydantic import SecretStr

from common.errors import SecretError, first_line
from common.platform import DATABRICKS
from common.settings import Settings

FILE_NAME = "secrets.env"
"""The laptop's file of secrets in the workspace's folder, lines of NAME=VALUE; git ignores the folder."""
PREFIX = "LAKEHOUSE_SECRET_"
SCOPE = "fraud-lakehouse"


def secret(settings: Settings, name: str) -> SecretStr:
    """The secret of that name. It prints as asterisks; `get_secret_value` gives the value.

    On Databricks from the secret scope `fraud-lakehouse`. On a laptop from the environment variable
    LAKEHOUSE_SECRET_NAME (in capitals), or else from `secrets.env` in the workspace's folder.

    Raises:
        SecretError: there is none of that name; the message says where to put it.

    """
    if settings.platform == DATABRICKS:
        return SecretStr(_of_scope(name))
    variable = PREFIX + name.upper().replace("-", "_")
    value = os.environ.get(variable) or _in_file(settings.home / FILE_NAME, name)
    if not value:
        raise SecretError(
            f"there is no secret '{name}': set the environment variable {variable}, or write a line {name}=VALUE into "
            f"{settings.home / FILE_NAME}"
        )
    return SecretStr(value)


def _of_scope(name: str) -> str:
    from databricks.sdk import WorkspaceClient

    try:
        return str(WorkspaceClient().dbutils.secrets.get(SCOPE, name))
    except Exception as error:  # on a cluster it is the notebook's own dbutils, whose errors are the JVM's
        raise SecretError(
            f"there is no secret '{name}' in the scope '{SCOPE}', or the jobs' principal may not read it "
            f"({first_line(error)}): databricks secrets put-secret {SCOPE} {name}, "
            f"databricks secrets put-acl {SCOPE} PRINCIPAL READ"
        ) from None


def _in_file(file: Path, name: str) -> str:
    if not file.is_file():
        return ""
    for line in file.read_text(encoding="utf-8").splitlines():
        key, separator, value = line.partition("=")
        if separator and key.strip() == name:
            return value.strip()
    return ""
