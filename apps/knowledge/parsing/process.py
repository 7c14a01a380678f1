"""The parent's side of parsing: start the child under limits, read its answer."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from apps.knowledge.errors import UnreadableFile
from apps.knowledge.types import Block, SourceKind

_ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class ParsingLimits:
    """Hard limits of one parsing child."""

    wall_s: float = 90.0
    cpu_s: int = 60
    memory_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True)
class ParsedFile:
    """What a file turned out to be, and its text."""

    kind: SourceKind
    blocks: tuple[Block, ...]

    @property
    def pages(self) -> int | None:
        """The number of the last page with text, where the format has pages."""
        return max((block.page for block in self.blocks if block.page is not None), default=None)


def parse_file(path: Path, limits: ParsingLimits | None = None) -> ParsedFile:
    """Read `path` in a child process.

    Raises:
        UnreadableFile: the file cannot be read, or reading it broke a limit.
    """
    limits = limits or ParsingLimits()

    def apply_limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    try:
        done = subprocess.run(
            [sys.executable, "-m", "apps.knowledge.parsing.child", str(path)],
            cwd=_ROOT,
            env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.wall_s,
            preexec_fn=apply_limits,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnreadableFile("took_too_long", "Reading the file took too long. Split it into smaller files.") from None
    if done.returncode != 0:
        raise UnreadableFile(
            "broken_file",
            "The file could not be read within the limits of memory and time. Split or re-save it.",
        )
    return _parsed(done.stdout)


def _parsed(output: bytes) -> ParsedFile:
    answer = json.loads(output)
    if "error" in answer:
        raise UnreadableFile(answer["error"]["code"], answer["error"]["message"])
    return ParsedFile(
        kind=SourceKind(answer["kind"]), blocks=tuple(Block.from_json(value) for value in answer["blocks"])
    )
