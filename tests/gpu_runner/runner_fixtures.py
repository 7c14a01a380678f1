"""A real runner process for tests: own port, own data directory, the repository's prepared models.

`runner` (session) is shared and never killed; `start_runner` gives a test its own processes to kill and restart.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from sahara_platform.embedded.process import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
MODELS_DIR = Path(os.environ.get("RUNNER_MODELS_DIR", ROOT / "var" / "models"))
START_TIMEOUT_S = 180.0


@dataclass
class RunnerProcess:
    """`python -m gpu_runner` as a child of the test run."""

    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address without a path."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> RunnerProcess:
        """Start the process and wait until it answers (models may still be loading)."""
        environment = os.environ | {
            "RUNNER_TOKEN": self.token,
            "RUNNER_PORT": str(self.port),
            "RUNNER_DATA_DIR": str(self.data_dir),
            "RUNNER_MODELS_DIR": str(MODELS_DIR),
            "RUNNER_PRELOAD": "false",
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "passive",
            **self.environment,
        }
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / "runner.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gpu_runner"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the runner ended: {(self.data_dir / 'runner.log').read_text()[-2000:]}")
            try:
                if httpx.get(f"{self.url}/healthz", timeout=2).is_success:
                    return self
            except httpx.HTTPError:
                time.sleep(0.1)
        raise RuntimeError("the runner did not start in time")

    def kill(self) -> None:
        """`kill -9`."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """An orderly end."""
        self._end(signal.SIGTERM)

    def _end(self, sent: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(sent)
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client with the token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False, **options)


@pytest.fixture(scope="session")
def prepared_models() -> Path:
    """The models directory; converted on the first use of a clone (about half a minute)."""
    command = [sys.executable, "-m", "gpu_runner.prepare", "--models-dir", str(MODELS_DIR)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    return MODELS_DIR


@pytest.fixture(scope="session")
def runner(prepared_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The shared runner; the platform's settings point to it for the rest of the session."""
    from django.conf import settings

    process = RunnerProcess(tmp_path_factory.mktemp("runner")).start()
    before = settings.RUNNER
    settings.RUNNER = {"url": process.url, "token": process.token}
    yield process
    settings.RUNNER = before
    process.stop()


@pytest.fixture
def start_runner(prepared_models: Path, tmp_path: Path) -> Iterator[Callable[..., RunnerProcess]]:
    """`start_runner(**environment)`: a process of the test's own, ended with the test."""
    started: list[RunnerProcess] = []

    def start(**environment: str) -> RunnerProcess:
        process = RunnerProcess(tmp_path / f"runner-{len(started)}", environment=environment).start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
