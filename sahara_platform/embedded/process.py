"""Small facts about processes, ports and files that every embedded part needs."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LOOPBACK = "127.0.0.1"
#: Below what systems give to outgoing connections, which could take a port between our choice and its use.
_PORTS = range(20_000, 32_000)
#: Each process goes its own way through them and offers none twice, so that two that start parts do not meet.
_steps = itertools.count(os.getpid() * 7_417)
_SPAWN = Path(__file__).with_name("spawn.py")


class PartFailedError(RuntimeError):
    """An embedded part did not start or stop; the message says which and where its log is."""


def wrapped(
    command: list[str], *, death_signal: signal.Signals | None = signal.SIGTERM, drop_root: bool = False
) -> list[str]:
    """The command behind the exec wrapper: gets `death_signal` when this process dies, optionally without root."""
    number = str(int(death_signal)) if death_signal is not None else "0"
    privilege = "DROP" if drop_root else "KEEP"
    return [sys.executable, "-I", "-S", str(_SPAWN), str(os.getpid()), number, privilege, *command]


def free_port(preferred: int | None = None) -> int:
    """A loopback port nobody listens on: the preferred one when it is free."""
    others = (_PORTS[next(_steps) % len(_PORTS)] for _ in _PORTS)
    for candidate in itertools.chain([] if preferred is None else [preferred], others):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((LOOPBACK, candidate))
                return int(probe.getsockname()[1])
    raise PartFailedError(f"No free port on {LOOPBACK}.")


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs (a zombie does not)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):
        # Linux: field 3 of stat, after the parenthesised name, is the state.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def wait_until(condition: Callable[[], bool], *, timeout_s: float, what: str, interval_s: float = 0.05) -> None:
    """Probe `condition` until it holds; PartFailedError naming `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise PartFailedError(f"{what} after {timeout_s:.0f} s.")
        time.sleep(interval_s)


def stop_process(pid: int, *, first: signal.Signals = signal.SIGTERM, timeout_s: float = 10) -> None:
    """Ask a process to stop, insist after `timeout_s`, return when it is gone."""
    for number in (first, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            _reap(pid)
            if not is_alive(pid):
                return
            time.sleep(0.02)
    raise PartFailedError(f"Process {pid} does not stop.")


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; it falls with the process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)


def read_if_there(path: Path) -> str:
    """A file's text; empty where there is no file."""
    return path.read_text() if path.exists() else ""


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for error messages."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
