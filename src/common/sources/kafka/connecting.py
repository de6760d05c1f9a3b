"""A connection's settings, for librdkafka and for the Java client within Spark. Both hold its password: log neither."""

from common.settings import Settings
from common.sources.connections import KafkaConnection, Secret, Value, pem_of, value_of

REQUEST_MS, WHOLE_CALL_MS = 15_000, 20_000
"""How long the Java client waits for an answer, and for a call with all its tries. By default it tries for a minute."""

_LOGIN_CLASSES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


def servers_of(connection: KafkaConnection, settings: Settings) -> str:
    """The brokers' addresses."""
    return value_of(connection.servers, settings)


def user_of(connection: KafkaConnection, settings: Settings) -> str:
    """Who the lakehouse is to the brokers; empty where they don't ask."""
    return _text(connection.user, settings)


def client_settings(connection: KafkaConnection, settings: Settings) -> dict[str, str]:
    """For librdkafka.

    Raises:
        SecretError: a secret is nowhere to be found.
    """
    found = {"bootstrap.servers": servers_of(connection, settings), "security.protocol": connection.security}
    if _asks_who(connection):
        found["sasl.mechanism"] = connection.mechanism
        found["sasl.username"] = user_of(connection, settings)
        found["sasl.password"] = _text(connection.password, settings)
    if ca := _pem(connection.ca, settings):
        found["ssl.ca.pem"] = ca
    return found


def spark_settings(connection: KafkaConnection, settings: Settings) -> dict[str, str]:
    """Options of Spark's Kafka source.

    Raises:
        SecretError: a secret is nowhere to be found.
    """
    found = {
        "kafka.bootstrap.servers": servers_of(connection, settings),
        "kafka.security.protocol": connection.security,
        "kafka.request.timeout.ms": str(REQUEST_MS),
        "kafka.default.api.timeout.ms": str(WHOLE_CALL_MS),
    }
    if _asks_who(connection):
        login = f"{settings.platform.kafka_login}{_LOGIN_CLASSES[connection.mechanism]}"
        user, password = _quoted(user_of(connection, settings)), _quoted(_text(connection.password, settings))
        found["kafka.sasl.mechanism"] = connection.mechanism
        found["kafka.sasl.jaas.config"] = f"{login} required username={user} password={password};"
    if ca := _pem(connection.ca, settings):
        found |= {"kafka.ssl.truststore.type": "PEM", "kafka.ssl.truststore.certificates": ca}
    return found


def _asks_who(connection: KafkaConnection) -> bool:
    return connection.security.startswith("SASL_")


def _text(given: Value | Secret | None, settings: Settings) -> str:
    return "" if given is None else value_of(given, settings)


def _pem(given: Value | None, settings: Settings) -> str:
    return "" if given is None else pem_of(given, settings)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
