"""A PostgreSQL server of a test's own: in a temporary folder, on a free port, ended and removed with the test."""

import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from local.engine.startup import free_port
from servers.certificates import self_signed
from servers.processes import started

OLDEST = 13
"""The oldest version that the readers are written for."""
START_SECONDS = 60


class Postgres:
    """A server with logical decoding. The user `postgres` is its superuser, and every user may log in from here.

    `synced`: writes reach the disk, which only tests need that the machine itself may fail in; a killed process loses
    nothing of what the operating system has. `options` are lines of postgresql.conf.
    """

    user = "postgres"
    host = "127.0.0.1"

    def __init__(self, *, synced: bool = False, options: Mapping[str, object] | None = None) -> None:
        self.bin = programs()
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._as = _unprivileged()
        if self._as:
            found = pwd.getpwnam(self._as["user"])
            os.chown(self.folder, found.pw_uid, found.pw_gid)
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", self.user, "-E", "UTF8", "--no-locale", "--no-sync")
        chosen = {
            "port": self.port,
            "listen_addresses": self.host,
            "unix_socket_directories": "",
            "wal_level": "logical",
            "max_wal_senders": 8,
            "max_replication_slots": 8,
            "shared_buffers": "32MB",
            "fsync": "on" if synced else "off",
        } | dict(options or {})
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in chosen.items())

    def start(self) -> "Postgres":
        """Starts the server, and waits until it accepts connections."""
        with self.log.open("ab") as log:
            command = [str(self.bin / "postgres"), "-D", str(self.data)]
            # The signal ends it in order: killed, it would leave shared memory behind.
            self._process = started(
                command, signal.SIGINT, cwd="/", stdout=log, stderr=log, start_new_session=True, **self._as
            )
        end = time.monotonic() + START_SECONDS
        ready = [self.bin / "pg_isready", "-q", "-h", self.host, "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode:  # the port opens before the server accepts
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"PostgreSQL doesn't start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """Ends the server in order: connections are cut, and nothing has to be recovered."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(START_SECONDS)

    def kill(self) -> None:
        """Kills the server and all processes of its own at once: it recovers from its log at the next start."""
        assert self._process
        children = self._children()
        self._process.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._process.wait()
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # its number may be another process's by the next start

    def restart(self) -> None:
        """Ends the server in order, and starts it again."""
        self.stop()
        self.start()

    def require_tls(self, user: str, password: str) -> str:
        """Makes a user who may log in by TLS and a SCRAM password alone; the PEM text of the server's authority."""
        authority, key = self_signed()
        for name, text in (("server.crt", authority), ("server.key", key)):
            file = self.data / name
            file.write_text(text)
            file.chmod(0o600)
            os.chown(file, self.data.stat().st_uid, -1)
        lines = self.data / "pg_hba.conf"
        own = f"hostssl all {user} all scram-sha-256\nhost all {user} all reject\n"
        lines.write_text(own + lines.read_text())
        self.execute(
            "SET password_encryption = 'scram-sha-256'",
            f"CREATE ROLE {user} LOGIN REPLICATION PASSWORD '{password}'",
            "ALTER SYSTEM SET ssl = on",
            "SELECT pg_reload_conf()",
        )
        while self.execute("SHOW ssl") != [("on",)]:
            time.sleep(0.02)
        return authority

    def empty(self) -> None:
        """Removes what tests made: databases, tables, slots and roles."""
        others = (
            "FROM pg_stat_activity WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()"
        )
        while self.execute(f"SELECT pg_terminate_backend(pid) {others}"):  # a test that failed may hold locks
            time.sleep(0.02)
        self.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
        made = self.execute("SELECT datname FROM pg_database WHERE datname <> 'postgres' AND NOT datistemplate")
        self.execute(*(f'DROP DATABASE "{name}" WITH (FORCE)' for (name,) in made))
        self.execute(
            "DO $$ DECLARE p text; BEGIN FOR p IN SELECT pubname FROM pg_publication LOOP "
            "EXECUTE format('DROP PUBLICATION %I', p); END LOOP; END $$",
            "DROP SCHEMA public CASCADE",
            "CREATE SCHEMA public",
        )
        roles = self.execute("SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg_%' AND rolname <> current_user")
        self.execute(*(f'DROP ROLE "{name}"' for (name,) in roles))

    def remove(self) -> None:
        """Ends the server and removes all that it has."""
        if self._process and self._process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, database: str = "postgres", user: str | None = None, **options: Any) -> Any:
        """A connection of psycopg in autocommit."""
        import psycopg

        return psycopg.connect(
            host=self.host, port=self.port, dbname=database, user=user or self.user, autocommit=True, **options
        )

    def execute(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Runs statements, each in a transaction of its own, and gives the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        with self.connect(database) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
                rows = [] if cursor.description is None else cursor.fetchall()
        return rows

    def connection(self, database: str = "postgres", user: str | None = None) -> dict[str, Any]:
        """The server as an entry of a source's `connections`."""
        return {
            "kind": "postgres",
            "host": self.host,
            "port": self.port,
            "database": database,
            "user": user or self.user,
            "tls": "disable",
        }

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self.bin / program), *map(str, arguments)]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **self._as)
        assert done.returncode == 0, f"{program} failed:\n{done.stderr}"

    def _children(self) -> list[int]:
        import psutil

        assert self._process
        return [child.pid for child in psutil.Process(self._process.pid).children(recursive=True)]


def programs() -> Path:
    """The folder with PostgreSQL's programs: the newest of Debian's, or that of the first `postgres` on PATH."""
    found = [(int(match[1]), Path(path).parent) for path in glob.glob("/usr/lib/postgresql/*/bin/postgres")
             if (match := re.search(r"/(\d+)/bin/", path))]  # fmt: skip
    if on_path := shutil.which("postgres"):
        folder = Path(on_path).resolve().parent
        version = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=True).stdout
        found.append((int(re.findall(r"\d+", version)[0]), folder))
    usable = [one for one in found if one[0] >= OLDEST and (one[1] / "initdb").exists()]
    if not usable:
        raise AssertionError(
            f"these tests need PostgreSQL {OLDEST} or newer, with initdb and postgres in /usr/lib/postgresql or on "
            "PATH: install the package postgresql (apt-get install postgresql, brew install postgresql)"
        )
    return max(usable)[1]


def _unprivileged() -> dict[str, Any]:
    """Who runs the server: this user, but for root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name for entry in pwd.getpwall()}
    name = next(name for name in ("postgres", "nobody") if name in known)
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
