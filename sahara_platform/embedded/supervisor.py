"""Keeps processes running: start, readiness, restart with backoff, orderly stop.

All processes are spawned from the main thread: the kernel's parent-death signal is tied to the thread that forked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sahara_platform.embedded.console import say
from sahara_platform.embedded.process import PartFailedError, tail, wrapped

PROBE_INTERVAL_S = 0.1
FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 30.0
# A process that ran this long before it crashed starts again without delay.
STEADY_AFTER_S = 60.0
CRASHES_ALLOWED_AT_START = 3
LONGEST_SHOWN_LINE = 160
LARGEST_LOG_BYTES = 10_000_000

Probe = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Service:
    """A long-running process and how to tell that it is ready."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    ready: Probe | None = None
    ready_timeout_s: float = 90.0
    stop_signal: signal.Signals = signal.SIGTERM
    # Sent by the kernel when the supervisor dies without stopping its parts.
    death_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0
    drop_root: bool = False


class RunningService:
    """One service under supervision."""

    def __init__(self, service: Service, changed: Callable[[], None] = lambda: None) -> None:
        self.service = service
        self.restarts = 0
        self.state = "starting"
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start the process and return when its probe answers; PartFailedError with the end of its log otherwise."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep_running(), name=f"keep {self.service.name}")
        deadline = time.monotonic() + self.service.ready_timeout_s
        while not await self.is_ready():
            if self.restarts >= CRASHES_ALLOWED_AT_START:
                raise PartFailedError(f"{self.service.name} keeps crashing. {self._end_of_log()}")
            if time.monotonic() > deadline:
                raise PartFailedError(
                    f"{self.service.name} is not ready after {self.service.ready_timeout_s:.0f} s. {self._end_of_log()}"
                )
            await asyncio.sleep(PROBE_INTERVAL_S)
        self._set_state("running")

    async def is_ready(self) -> bool:
        """Whether the process runs and its probe, if it has one, says yes."""
        if self.pid is None:
            return False
        return self.service.ready is None or await self.service.ready()

    async def stop(self) -> None:
        """Ask the process to stop; end its whole group after the grace period."""
        self._stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.service.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), self.service.grace_s)
        except TimeoutError:
            say(self.service.name, f"did not stop within {self.service.grace_s:.0f} s and is killed", "warn")
        # Also after an orderly exit: helpers that the process left behind are in its group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        self._set_state("stopped")

    async def _spawn(self) -> None:
        log = self.service.log
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
            log.replace(log.with_name(f"{log.name}.1"))
        with log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *wrapped(
                    self.service.command, death_signal=self.service.death_signal, drop_root=self.service.drop_root
                ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(self.service.environment),
                start_new_session=True,
            )
        self._changed()

    async def _keep_running(self) -> None:
        backoff_s = FIRST_BACKOFF_S
        while True:
            process = self._process
            if process is None:
                return
            spawned = time.monotonic()
            status = await process.wait()
            if self._stopping:
                return
            if time.monotonic() - spawned > STEADY_AFTER_S:
                backoff_s = FIRST_BACKOFF_S
            self.restarts += 1
            self._set_state("restarting")
            say(
                self.service.name,
                f"{_exit_words(status)}; starts again in {backoff_s:.0f} s. {self._end_of_log(5)}",
                "bad",
            )
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)
            await self._spawn()
            self._set_state("running")

    def _set_state(self, state: str) -> None:
        self.state = state
        self._changed()

    def _end_of_log(self, lines: int = 15) -> str:
        return f"The end of {self.service.log}:\n{tail(self.service.log, lines)}"


async def run_once(name: str, command: list[str], environment: Mapping[str, str], log: Path) -> None:
    """Run a start-up job to its end, showing its output; PartFailedError with the end of its log if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *wrapped(command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
        start_new_session=True,
        limit=1_000_000,
    )
    try:
        if process.stdout is not None:
            with log.open("ab") as output:
                async for line in process.stdout:
                    output.write(line)
                    output.flush()
                    # A progress bar redraws its line with carriage returns: its last state is enough.
                    say(name, line.decode(errors="replace").rstrip().rpartition("\r")[2][:LONGEST_SHOWN_LINE], "dim")
        status = await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if status != 0:
        raise PartFailedError(f"{name} failed ({_exit_words(status)}). The end of {log}:\n{tail(log)}")


def _exit_words(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"exited with status {status}"
