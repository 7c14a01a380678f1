"""The parent's side of parsing: start the child under limits, watch it, read its answer."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.types import Block, FileKind

_ROOT = Path(__file__).resolve().parents[3]
_WATCH_S = 0.02
_MEGABYTE = 1024 * 1024
_MAX_ANSWER_BYTES = 128 * _MEGABYTE
_TOO_SLOW = "Reading the file took too long. Split it into smaller files, or print it to a new PDF."
_TOO_LARGE = "Reading the file needs more memory than is allowed. Split it into smaller files."


@dataclass(frozen=True)
class ParsingLimits:
    """Hard limits of one parsing child."""

    wall_s: float = 120.0
    cpu_s: int = 60
    memory_bytes: int = 1024 * _MEGABYTE

    @classmethod
    def for_size(cls, size_bytes: int) -> ParsingLimits:
        """A small file that takes long is hostile, a large one may only be large."""
        cpu_s = min(60, 6 + 5 * (size_bytes // _MEGABYTE))
        return cls(wall_s=cpu_s * 2.0, cpu_s=cpu_s)


@dataclass(frozen=True)
class ParsedFile:
    """What a file turned out to be, and its text; `notes` say what was left out, `peak_bytes` what reading it took."""

    kind: FileKind
    blocks: tuple[Block, ...]
    title: str = ""
    notes: tuple[str, ...] = ()
    pages: int | None = None
    peak_bytes: int = 0


def parse_file(path: Path, limits: ParsingLimits | None = None, *, name: str = "", password: str = "") -> ParsedFile:
    """Read `path` in a child process.

    Args:
        name: what the user calls the file; tells kinds of text apart.
        password: opens it where it is encrypted.

    Raises:
        UnreadableFile: the file cannot be read, or reading it broke a limit; `context` has the child's `peak_bytes`.
    """
    limits = limits or ParsingLimits.for_size(path.stat().st_size)
    with tempfile.TemporaryFile() as answer:
        child = _start(path, limits, answer)
        peak = 0
        try:
            _tell(child, {"name": name, "password": password})
            peak, is_late = _watch(child, limits.wall_s)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
        if is_late:
            raise UnreadableFile("took_too_long", _TOO_SLOW, peak_bytes=peak)
        if child.returncode != 0:
            raise _death(child.returncode, peak)
        answer.seek(0)
        return _parsed(answer.read(_MAX_ANSWER_BYTES), peak)


def _start(path: Path, limits: ParsingLimits, answer: IO[bytes]) -> subprocess.Popen[bytes]:
    def apply_limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_ANSWER_BYTES, _MAX_ANSWER_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return subprocess.Popen(
        [sys.executable, "-m", "apps.knowledge.parsing.child", str(path)],
        cwd=_ROOT,
        # What it unpacks lies beside the file, and goes with it also where the child is killed.
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            "LANG": "C.UTF-8",
            "TMPDIR": str(path.parent),
        },
        stdin=subprocess.PIPE,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        preexec_fn=apply_limits,
    )


def _tell(child: subprocess.Popen[bytes], hints: dict[str, str]) -> None:
    if child.stdin is not None:
        with suppress(BrokenPipeError), child.stdin:  # it may have ended already; its end says why
            child.stdin.write(json.dumps(hints).encode())


def _watch(child: subprocess.Popen[bytes], wall_s: float) -> tuple[int, bool]:
    """Wait for the child's end; its peak memory in bytes, and whether it took longer than it may."""
    deadline = time.monotonic() + wall_s
    peak = 0
    while child.poll() is None:
        peak = max(peak, _peak_bytes(child.pid))
        if time.monotonic() > deadline:
            return peak, True
        time.sleep(_WATCH_S)
    return peak, False


def _peak_bytes(process_id: int) -> int:
    """The most memory that a process has held; the kernel keeps count, so looking now and then is enough."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "")
    return int(line.split()[1]) * 1024 if line else 0


def _death(code: int, peak: int) -> UnreadableFile:
    if -code in (signal.SIGXCPU, signal.SIGKILL):
        return UnreadableFile("took_too_long", _TOO_SLOW, peak_bytes=peak)
    return UnreadableFile("too_large_unpacked", _TOO_LARGE, peak_bytes=peak)


def _parsed(output: bytes, peak: int) -> ParsedFile:
    answer = json.loads(output)
    if "error" in answer:
        raise UnreadableFile(answer["error"]["code"], answer["error"]["message"], peak_bytes=peak)
    return ParsedFile(
        kind=FileKind(answer["kind"]),
        blocks=tuple(Block.from_json(value) for value in answer["blocks"]),
        title=answer["title"],
        notes=tuple(answer["notes"]),
        pages=answer["pages"],
        peak_bytes=peak,
    )
