"""Keeps processes running without any pause between death and restart: the platform's supervisor would back off."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from sahara_platform.embedded.configuration import BASE_DIR
from sahara_platform.embedded.process import PartFailedError, tail, wrapped

TICK_S = 0.02
#: A process that ends by itself is not started more often than this.
PAUSE_AFTER_EXIT_S = 0.25


@dataclass
class Part:
    """A process to keep: how it is started and how one sees that it works.

    Args:
        ready: asked with what the process has logged since its start.
        children: a kill may also hit one of the process's children instead of itself.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    ready: Callable[[str], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    drop_root: bool = False
    children: bool = False
    kills: int = 0
    exits: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    log_start: int = 0
    started: float = 0.0
    _asked: bool = False

    def logged(self) -> str:
        """What the running process has logged so far."""
        with self.log.open("rb") as log:
            log.seek(self.log_start)
            return log.read(20_000).decode(errors="replace")

    def is_ready(self) -> bool:
        """Whether the process runs and does its work."""
        process = self.process
        return process is not None and process.poll() is None and self.ready(self.logged())


class Keeper(threading.Thread):
    """Starts parts and starts them again at once, whatever ended them.

    One thread makes all the processes: the kernel ties their life to the thread that made them.
    """

    def __init__(self) -> None:
        super().__init__(name="keeper", daemon=True)
        self.parts: dict[str, Part] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def add(self, part: Part, *, wait: bool = True) -> None:
        """Start a part and, unless told not to, wait until it works; PartFailedError with the end of its log."""
        part.log.parent.mkdir(parents=True, exist_ok=True)
        part.log.touch()
        with self._lock:
            self.parts[part.name] = part
        if wait:
            self.until_ready(part)

    def until_ready(self, *parts: Part, timeout_s: float = 60.0) -> None:
        """Wait until these parts work, or all of them; PartFailedError with the end of a log otherwise."""
        deadline = time.monotonic() + timeout_s
        for part in parts or list(self.parts.values()):
            while not part.is_ready():
                if time.monotonic() > deadline:
                    raise PartFailedError(f"{part.name} does not work after {timeout_s:.0f} s:\n{tail(part.log)}")
                time.sleep(0.05)

    def kill(self, name: str, *, child: int | None = None) -> bool:
        """Kill -9 a part, or its `child`-th child (modulo their number); False where there was nothing to kill."""
        with self._lock:
            part = self.parts[name]
            process = part.process
            if process is None or process.poll() is not None:
                return False
            victim = process.pid
            if child is not None and part.children:
                with contextlib.suppress(psutil.Error):
                    found = psutil.Process(process.pid).children()
                    victim = found[child % len(found)].pid if found else victim
            if victim == process.pid:
                part._asked = True
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                part._asked = False
                return False
            part.kills += 1
            return True

    def run(self) -> None:
        """Start what does not run, until stopped."""
        while not self._stopping.is_set():
            with self._lock:
                for part in self.parts.values():
                    self._keep(part)
            time.sleep(TICK_S)

    def stop(self) -> None:
        """End all parts, the newest first."""
        self._stopping.set()
        self.join()
        for part in reversed(self.parts.values()):
            self._end_group(part, part.stop_signal)
            process = part.process
            if process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=10 if part.drop_root else 3)
            self._end_group(part, signal.SIGKILL)
            if process is not None:
                process.wait()

    def _keep(self, part: Part) -> None:
        process = part.process
        if process is not None:
            status = process.poll()
            if status is None:
                return
            if not part._asked:
                part.exits.append(f"status {status} after {time.monotonic() - part.started:.1f} s")
                if time.monotonic() - part.started < PAUSE_AFTER_EXIT_S:
                    time.sleep(PAUSE_AFTER_EXIT_S)
            self._end_group(part, signal.SIGKILL)
        part._asked = False
        part.log_start = part.log.stat().st_size
        part.started = time.monotonic()
        with part.log.open("ab") as output:
            part.process = subprocess.Popen(
                wrapped(part.command, death_signal=part.death_signal, drop_root=part.drop_root),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(part.environment),
                cwd=BASE_DIR,
                start_new_session=True,
            )

    def _end_group(self, part: Part, number: signal.Signals) -> None:
        if part.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(part.process.pid, number)
