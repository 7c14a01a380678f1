"""The whole platform as its users run it: every process real, in a directory of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from sahara import Client
from tests.gpu_runner.runner_fixtures import prepared_models

__all__ = ["prepared_models"]

ROOT = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 300
PASSWORD = "a-long-password-for-flows"
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER")


class Platform:
    """An installation under `directory`, started and stopped like `make run` does."""

    def __init__(self, directory: Path, models: Path) -> None:
        self.directory = directory
        (directory / "models").symlink_to(models, target_is_directory=True)
        self.log = directory / "run.log"
        # Nothing of the test session's own databases and secrets.
        inherited = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.environment = inherited | {"SAHARA_VAR_DIR": str(directory), "PYTHONUNBUFFERED": "1", "PORT": "8765"}
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> dict[str, Any]:
        """What the supervisor has written down."""
        found: dict[str, Any] = json.loads((self.directory / "run" / "state.json").read_text())
        return found

    @property
    def url(self) -> str:
        """Where it answers."""
        return str(self.state["url"])

    def start(self) -> float:
        """Start all parts; the seconds until every one of them was ready."""
        started = time.monotonic()
        with self.log.open("ab") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "sahara_platform.embedded", "run", "--no-demo"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        while not self._is_ready():
            spent = time.monotonic() - started
            if self._supervisor.poll() is not None or spent > READY_TIMEOUT_S:
                pytest.fail(f"not ready after {spent:.0f} s:\n" + self.log.read_text()[-3000:])
            time.sleep(0.3)
        return time.monotonic() - started

    def _is_ready(self) -> bool:
        try:
            if self._supervisor is None or self.state["supervisor"] != self._supervisor.pid:
                return False
            return httpx.get(f"{self.url}/readyz", timeout=10).is_success
        except (httpx.TransportError, OSError, ValueError, KeyError):
            return False

    def kill(self) -> None:
        """`kill -9` of the supervisor."""
        assert self._supervisor is not None
        self._supervisor.kill()
        self._supervisor.wait()

    def stop(self) -> None:
        """Ctrl-C, and wait."""
        if self._supervisor is not None and self._supervisor.poll() is None:
            self._supervisor.send_signal(signal.SIGINT)
            self._supervisor.wait(timeout=120)

    def execute(self, *command: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Run a command with the platform's environment."""
        return subprocess.run(
            [sys.executable, "-m", "sahara_platform.embedded", "exec", "--", sys.executable, *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


@pytest.fixture
def sign_up(platform: Platform) -> Iterator[Callable[[], Client]]:
    """`sign_up()`: a client with the API key of a new account."""
    made: list[Client] = []

    def make() -> Client:
        with Client.sign_up(platform.url, f"{uuid4().hex}@flows.example", PASSWORD) as person:
            made.append(person.with_api_key("flow"))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="session")
def platform(prepared_models: Path) -> Iterator[Platform]:
    """One running platform for all flows; a short path, since PostgreSQL's socket lies in it."""
    directory = Path(tempfile.mkdtemp(prefix="sahara-flow-"))
    made = Platform(directory, prepared_models)
    made.start()
    yield made
    made.stop()
    shutil.rmtree(directory, ignore_errors=True)
