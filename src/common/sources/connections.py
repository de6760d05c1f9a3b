"""Servers that feeds connect to: where they are, who the lakehouse is there, and secrets by their names alone."""

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.secrets import secret
from common.settings import Settings

Text = Annotated[str, Field(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Secret(BaseModel):
    """The name of a secret, in place of its value: `{secret: NAME}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    secret: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]

    def value(self, settings: Settings) -> str:
        """The secret itself. Never log it. In messages are addresses and users alone, which say where to look.

        Raises:
            SecretError: there is none of that name.
        """
        return secret(settings, self.secret).get_secret_value()


Value = Text | Secret
"""What differs between deployments, such as a host, may be a secret too: then one declaration serves all of them."""


def value_of(given: Value, settings: Settings) -> str:
    """The text, or the value of the secret.

    Raises:
        SecretError: there is no secret of that name.
    """
    return given.value(settings) if isinstance(given, Secret) else given


def pem_of(given: Value, settings: Settings) -> str:
    """The text of a key or certificate. In a file of secrets it is one line, with a backslash and n for a line's end.

    Raises:
        SecretError: there is no secret of that name.
    """
    return value_of(given, settings).replace("\\n", "\n")


class _Connection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def wrong_address(url: str) -> str:
    """What is wrong with the address of a server of HTTP, in words; empty where nothing is.

    One with a login is not quoted: messages and logs would show its password.
    """
    if "@" in url:
        return "it has a login before the host: leave that out, and write `user` and `password: {secret: NAME}`"
    if not url.startswith(("http://", "https://")):
        return f"{url!r} is no address: write https://HOST:PORT"
    return ""


class SchemaRegistryConnection(_Connection):
    """The registry of the schemas of a topic's records. `url` is https://HOST:PORT, with a path where it has one.

    `user` and `password` are those of HTTP's basic authentication; `ca` as that of the brokers.
    """

    url: Value
    user: Value | None = None
    password: Secret | None = None
    ca: Value | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "SchemaRegistryConnection":
        if isinstance(self.url, str) and (wrong := wrong_address(self.url)):
            raise ValueError(f"url: {wrong}")
        if (self.user is None) != (self.password is None):
            raise ValueError("a login has both `user`, and `password: {secret: NAME}`: add the other, or remove both")
        return self


class KafkaConnection(_Connection):
    """Kafka's brokers. `servers` are addresses HOST:PORT with commas between them.

    `ca` is the PEM text of the certificate authority that signed the brokers' certificates, where the system's own
    don't know it; usually a secret. `schema_registry` is for feeds with `format: avro`.
    """

    kind: Literal["kafka"]
    servers: Value
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    user: Value | None = None
    password: Secret | None = None
    ca: Value | None = None
    schema_registry: SchemaRegistryConnection | None = None

    @model_validator(mode="after")
    def _logs_in(self) -> "KafkaConnection":
        if self.security.startswith("SASL") and (self.user is None or self.password is None):
            raise ValueError(f"security: {self.security} logs in: add `user`, and `password: {{secret: NAME}}`")
        return self


class PostgresConnection(_Connection):
    """A PostgreSQL database. `tls` is libpq's sslmode; `ca` the PEM text of its certificate authority."""

    kind: Literal["postgres"]
    host: Value
    port: Port = 5432
    database: Value
    user: Value
    password: Secret | None = None
    tls: Literal["disable", "require", "verify-ca", "verify-full"] = "verify-full"
    ca: Value | None = None


class SftpConnection(_Connection):
    """An SFTP server, known by its host key: TYPE KEY, as in a line of `known_hosts`.

    The user has a `key` (the text of a private key) or a `password`.
    """

    kind: Literal["sftp"]
    host: Value
    port: Port = 22
    user: Value
    key: Secret | None = None
    password: Secret | None = None
    host_key: Text


class AwsConnection(_Connection):
    """An account of AWS: credentials are those of the usual chain. `endpoint` is another service with the same API."""

    kind: Literal["aws"]
    region: Text
    endpoint: Value | None = None
    access_key: Secret | None = None
    secret_key: Secret | None = None


class SmtpConnection(_Connection):
    """A mail server. `security` says when TLS begins; `ca` is the PEM text of its certificate authority."""

    kind: Literal["smtp"]
    host: Value
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: Value | None = None
    password: Secret | None = None
    ca: Value | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "SmtpConnection":
        if (self.user is None) != (self.password is None):
            raise ValueError("a login has both `user`, and `password: {secret: NAME}`: add the other, or remove both")
        if self.user is not None and self.security == "none":
            raise ValueError("security: none would send the password in the clear: take starttls or tls")
        return self


Connection = Annotated[
    KafkaConnection | PostgresConnection | SftpConnection | AwsConnection | SmtpConnection, Field(discriminator="kind")
]
CONNECTIONS: Mapping[str, type[BaseModel]] = {
    get_args(one.model_fields["kind"].annotation)[0]: one for one in get_args(get_args(Connection)[0])
}
"""The class of each kind of connection."""
