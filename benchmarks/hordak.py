"""django-hordak 2.0.0 on the same PostgreSQL, in a process and a virtual environment of its own.

Its newest release and ours need not agree on versions of Django, and its tables are not ours; so nothing of it is in
the platform's requirements. `python -m benchmarks ledger` makes the environment once, in var/bench/.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / "var" / "bench" / "hordak"
PACKAGES = ("django-hordak==2.0.0", "django>=5.2,<5.3", "psycopg[binary]>=3.2,<4")


@dataclass
class Peer:
    """The other process; `why_not` says what keeps it from running."""

    process: subprocess.Popen[str] | None = None
    why_not: str | None = None

    def block(self, count: int) -> None:
        """Have it make transfers, and wait until they are committed."""
        if self.process is None or self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError(self.why_not or "not started")
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        _answer(self.process.stdout)


@contextmanager
def started() -> Iterator[Peer]:
    """The peer with its tables in a database of its own beside the platform's, or the reason why there is none."""
    try:
        python = _environment()
        process = _start(python)
    except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
        yield Peer(why_not=f"not measured: {error}")
        return
    try:
        yield Peer(process)
    finally:
        process.terminate()
        process.wait()


def _environment() -> Path:
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / "ready").exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        subprocess.run(install, check=True, capture_output=True, text=True)
        (ENVIRONMENT / "ready").touch()
    return python


def _start(python: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [str(python), str(ROOT / "benchmarks" / "peers" / "django_hordak.py")],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": os.environ["DATABASE_OWNER_URL"], "SCHEMA": "hordak"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
    )
    if process.stdout is None:
        raise RuntimeError("no pipe")
    _answer(process.stdout)
    return process


def _answer(stdout: IO[str]) -> None:
    line = stdout.readline()
    if not line:
        raise RuntimeError("django-hordak's process ended")
    problem = json.loads(line).get("problem")
    if problem:
        raise RuntimeError(problem)
