"""Processes of a benchmark: started together, ended together, their processor time read from /proc."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sahara_platform.embedded.process import wrapped

_TICKS = os.sysconf("SC_CLK_TCK")
#: A server that used less than this share of a processor in the last second has nothing left to do.
_IDLE_SHARE = 0.1


@dataclass
class Processes:
    """Servers by name. Each name may have several processes; children count with their parent."""

    directory: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _stops: dict[str, signal.Signals] = field(default_factory=dict)

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: Path | None = None,
        drop_root: bool = False,
        stop: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Start a server; it gets `stop` too when this process dies. Its output goes to NAME.log."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / f"{name}.log").open("ab") as output:
            self._running[name] = subprocess.Popen(
                wrapped(list(command), death_signal=stop, drop_root=drop_root),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                cwd=cwd,
                start_new_session=True,
            )
        self._stops[name] = stop

    def require_alive(self) -> None:
        """Raise RuntimeError with the end of the log of a server that ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                end = (self.directory / f"{name}.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{name} ended with status {process.returncode}:\n{end}")

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds so far by server, with all of its children, also those that ended."""
        times, children = _table()
        return {
            name: sum(_tree(process.pid, times, children)) / _TICKS
            for name, process in self._running.items()
            if process.pid in times
        }

    def wait_until_idle(self, *, most_s: float) -> None:
        """Wait until the servers have caught up with what they were given."""
        deadline = time.monotonic() + most_s
        before = sum(self.cpu_s().values())
        while time.monotonic() < deadline:
            time.sleep(1)
            now = sum(self.cpu_s().values())
            if now - before < _IDLE_SHARE:
                return
            before = now

    def stop(self) -> None:
        """End all, the last started first."""
        for name, process in reversed(self._running.items()):
            process.send_signal(self._stops[name])
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()


def others_share(began: float, ours_s: float, ended: float, everything_s: float) -> float:
    """The share of the machine's processors that neither these servers nor this process used."""
    wall = (ended - began) * (os.cpu_count() or 1)
    return max(0.0, round((everything_s - ours_s) / wall, 2))


def machine_cpu_s() -> float:
    """Processor seconds that anything on this machine has used."""
    values = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq = values[:7]
    return (user + nice + system + irq + softirq) / _TICKS


def _table() -> tuple[dict[int, int], dict[int, list[int]]]:
    times: dict[int, int] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        # utime, stime, and those of the children that ended and were waited for
        times[int(entry.name)] = sum(int(value) for value in fields[11:15])
        children[int(fields[1])].append(int(entry.name))
    return times, children


def _tree(pid: int, times: Mapping[int, int], children: Mapping[int, list[int]]) -> list[int]:
    found = [times.get(pid, 0)]
    for child in children.get(pid, []):
        found += _tree(child, times, children)
    return found
