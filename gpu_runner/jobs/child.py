"""The child process of one start of a job, as its parent sees it: messages from its standard output, and its end."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from gpu_runner.config import RunnerSettings
from gpu_runner.protocol import ArtifactInfo, ErrorInfo, JobMetrics, TrainingResult

logger = logging.getLogger(__name__)

_LINE_LIMIT = 4 << 20
_GRACE_S = 3.0


class ProgressMessage(BaseModel):
    """A progress line."""

    type: Literal["progress"] = "progress"
    metrics: JobMetrics
    cpu_seconds: float
    tokens: int = 0


class ResultMessage(BaseModel):
    """The last word of a successful child; the files lie in its attempt directory."""

    type: Literal["result"] = "result"
    result: TrainingResult
    artifacts: list[ArtifactInfo]
    cpu_seconds: float


class ErrorMessage(BaseModel):
    """The last word of a child that knows why it failed."""

    type: Literal["error"] = "error"
    error: ErrorInfo
    cpu_seconds: float


ChildMessage = Annotated[ProgressMessage | ResultMessage | ErrorMessage, Field(discriminator="type")]
_messages: TypeAdapter[ChildMessage] = TypeAdapter(ChildMessage)


class Child:
    """A running child."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, directory: Path, attempt: int, settings: RunnerSettings) -> Child:
        """Start `python -m gpu_runner.training` on a job directory."""
        command = [sys.executable, "-m", "gpu_runner.training", str(directory), str(attempt)]
        with (directory / "stderr.log").open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=child_environment(settings),
                limit=_LINE_LIMIT,
                start_new_session=True,
            )
        return cls(process)

    async def messages(self) -> AsyncIterator[ChildMessage]:
        """What the child says until it ends."""
        stdout = self._process.stdout
        if stdout is None:
            return
        async for line in stdout:
            try:
                yield _messages.validate_json(line)
            except ValidationError:
                logger.warning("a training job printed: %s", line[:200])

    async def wait(self) -> int:
        """Exit status; negative for a signal."""
        return await self._process.wait()

    async def end(self) -> None:
        """Stop the child: politely, then for certain."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(_GRACE_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def child_environment(settings: RunnerSettings) -> dict[str, str]:
    """The parent's environment without its token, with the limits that libraries read at import."""
    environment = {name: value for name, value in os.environ.items() if name != "RUNNER_TOKEN"}
    threads = str(settings.threads)
    return environment | {
        "RUNNER_MODELS_DIR": str(settings.models_dir),
        "RUNNER_THREADS": threads,
        "RUNNER_MAX_DATA_MB": str(settings.max_data_mb),
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OMP_WAIT_POLICY": "passive",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
    }
