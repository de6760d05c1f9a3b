"""A Kafka broker that the tests start: one node, its own controller, with a plain listener, SASL, and TLS with SASL."""

import base64
import signal
import subprocess
import time
import uuid
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from confluent_kafka.cimpl import NewTopic

from local.engine.jars import jars_of
from local.engine.java import find_java
from local.engine.startup import free_port
from servers.certificates import self_signed
from servers.processes import started

JARS = Path(__file__).with_name("kafka-broker.xml")
USER, PASSWORD = "lake", 'pass"word'  # pragma: allowlist secret
"""Who may do everything, with a password that has to be quoted."""
STRANGER, STRANGERS_PASSWORD = "stranger", "secret"  # pragma: allowlist secret
"""Who has a login, and no right."""
SCRAM = "SCRAM-SHA-512"
START_SECONDS = 90

Value = str | bytes | None
Produced = tuple[Value, Value] | tuple[Value, Value, Mapping[str, Value]]
"""Key, value, and perhaps headers."""


class Broker:
    """The broker: `servers` is the plain listener's address, `sasl` and `tls` those of the others; `ca` is PEM text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        ports = [free_port() for _ in range(4)]
        self.servers, self.sasl, self.tls, self._controller = (f"127.0.0.1:{port}" for port in ports)
        self.ca, keystore = self_signed()
        (folder / "keystore.pem").write_text(keystore)
        (folder / "broker.properties").write_text(self._properties())
        self._classes = ":".join(map(str, jars_of(JARS, "Kafka's broker")))
        self._java = str(find_java().executable)
        self._process: subprocess.Popen[bytes] | None = None
        cluster = base64.urlsafe_b64encode(b"\x10" + uuid.uuid4().bytes[1:]).rstrip(b"=").decode()
        self._run("kafka.tools.StorageTool", "format", "-t", cluster, "-c").wait()

    def start(self) -> "Broker":
        """Starts it, and waits until it answers."""
        self._process = self._run("kafka.Kafka")
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                self.admin.list_topics(timeout=1)
            except KafkaException:
                time.sleep(0.1)
            else:
                return self
        log = (self.folder / "broker.log").read_text(errors="replace")
        raise RuntimeError(f"Kafka's broker didn't start:\n{log[-2000:]}")

    def stop(self) -> None:
        """Ends it as an operator would; what it has stays."""
        self._end(kill=False)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._end(kill=True)

    def pause(self) -> None:
        """Has it stand still, with its connections open."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Ends the pause."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    @cached_property
    def admin(self) -> AdminClient:
        """A client that administers the broker."""
        return AdminClient({"bootstrap.servers": self.servers, "logger": _SILENT, "log_level": 0})

    def create(self, topic: str, partitions: int = 1, **settings: str) -> None:
        """Makes a topic."""
        self._wait(self.admin.create_topics([NewTopic(topic, partitions, 1, config=settings)]))

    def delete(self, topic: str) -> None:
        """Removes a topic, and waits until it is gone."""
        admin = self.admin
        self._wait(admin.delete_topics([topic]))
        while topic in admin.list_topics(timeout=10).topics:
            time.sleep(0.1)

    def empty(self) -> None:
        """Removes all topics but Kafka's own."""
        for topic in self.admin.list_topics(timeout=10).topics:
            if not topic.startswith("__"):
                self.delete(topic)

    def allow_scram(self) -> None:
        """Gives the user the same password by SCRAM, at the listener `sasl`."""
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        made = UserScramCredentialUpsertion(USER, how, PASSWORD.encode())
        self._wait(self.admin.alter_user_scram_credentials([made]))

    def allow_to_describe(self, topic: str) -> None:
        """Gives the stranger the right to see a topic, and none to read it."""
        who = f"User:{STRANGER}"
        pattern = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL)
        right = AclBinding(*pattern, who, "*", AclOperation.DESCRIBE, AclPermissionType.ALLOW)
        self._wait(self.admin.create_acls([right]))

    def produce(self, topic: str, records: Iterable[Produced], partition: int = 0, **settings: Any) -> None:
        """Sends records to one partition, in order."""
        producer = Producer({"bootstrap.servers": self.servers, **settings})
        for key, value, *headers in records:
            named = {"headers": list(headers[0].items())} if headers else {}
            producer.produce(topic, value, key, partition=partition, **named)
            producer.poll(0)
        if producer.flush(30):
            raise RuntimeError("the broker did not take all records")

    def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        """Removes a partition's records before an offset, as retention does."""
        from confluent_kafka import TopicPartition

        self._wait(self.admin.delete_records([TopicPartition(topic, partition, before)]))

    def _wait(self, futures: Mapping[Any, Any]) -> None:
        for future in futures.values():
            future.result(30)

    def _end(self, *, kill: bool) -> None:
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            self._process.wait(30)
            self._process = None

    def _run(self, main: str, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [self._java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", self._classes, main]
        with (self.folder / "broker.log").open("a") as log:
            return started(
                [*command, *arguments, str(self.folder / "broker.properties")], cwd=self.folder, stdout=log, stderr=log
            )

    def _properties(self) -> str:
        listeners = f"PLAIN://{self.servers},SASL://{self.sasl},TLS://{self.tls}"
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
        users = {USER: PASSWORD.replace('"', '\\\\"'), STRANGER: STRANGERS_PASSWORD}
        logins = " ".join(f'user_{name}="{password}"' for name, password in users.items())
        return f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{self._controller}
listeners={listeners},CONTROLLER://{self._controller}
advertised.listeners={listeners}
listener.security.protocol.map=PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SASL_SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.sasl.enabled.mechanisms=PLAIN,{SCRAM}
listener.name.sasl.plain.sasl.jaas.config={plain} {logins};
listener.name.sasl.{SCRAM.lower()}.sasl.jaas.config={scram} required;
listener.name.tls.plain.sasl.jaas.config={plain} {logins};
ssl.keystore.type=PEM
ssl.keystore.location={self.folder}/keystore.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{USER}
log.dirs={self.folder}/logs
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


class _Silent:
    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


_SILENT = _Silent()
