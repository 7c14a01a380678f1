"""`python -m gpu_runner.training JOB_DIRECTORY ATTEMPT`: one start of one job."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from pydantic import TypeAdapter

from gpu_runner.config import TrainingSettings
from gpu_runner.errors import OutOfMemory, RunnerError, TrainingFailed
from gpu_runner.jobs.child import ErrorMessage, ResultMessage
from gpu_runner.jobs.store import REQUEST, ROWS
from gpu_runner.protocol import RowsUrl, TrainHeadSpec, TrainingSpec
from gpu_runner.training.job import TrainingJob
from gpu_runner.training.progress import Progress, cpu_seconds, say
from gpu_runner.training.rows import download_rows, read_rows

_PR_SET_PDEATHSIG = 1
_specs: TypeAdapter[TrainingSpec] = TypeAdapter(TrainingSpec)


def main(arguments: list[str]) -> int:
    """Run the job; its last message says how it ended."""
    _end_with_parent()
    directory, attempt = Path(arguments[0]), int(arguments[1])
    try:
        _run(directory, attempt)
    except RunnerError as error:
        say(ErrorMessage(error=error.body().error, cpu_seconds=cpu_seconds()))
        return 1
    except MemoryError:
        failure = OutOfMemory("There is not enough memory to train this.")
        say(ErrorMessage(error=failure.body().error, cpu_seconds=cpu_seconds()))
        return 1
    except (RuntimeError, OSError, ValueError) as error:
        sys.excepthook(*sys.exc_info())
        failure_text = str(error)[:300]
        kind = OutOfMemory if "allocate memory" in failure_text else TrainingFailed
        say(ErrorMessage(error=kind(f"Training failed: {failure_text}").body().error, cpu_seconds=cpu_seconds()))
        return 1
    return 0


def _run(directory: Path, attempt: int) -> None:
    stored = json.loads((directory / REQUEST).read_bytes())
    spec = _specs.validate_python(stored["spec"])
    output = directory / f"attempt-{attempt}"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    settings = TrainingSettings()
    progress = Progress()
    rows_path = directory / ROWS
    if stored["data"] is not None and not rows_path.is_file():
        progress.report("downloading", 0.0)
        download_rows(RowsUrl.model_validate(stored["data"]), rows_path, settings.max_data_mb << 20)
    progress.report("reading", 0.01)
    rows = read_rows(rows_path)
    job = TrainingJob(rows, output, progress, threads=settings.threads)
    if isinstance(spec, TrainHeadSpec):
        from gpu_runner.training.head import train_head

        result, artifacts = train_head(spec, job)
    else:
        from gpu_runner.training.lora import train_lora

        result, artifacts = train_lora(spec, job)
    say(ResultMessage(result=result, artifacts=artifacts, cpu_seconds=cpu_seconds()))


def _end_with_parent() -> None:
    """A child whose runner was killed must not go on: its job will be started again."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(3)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
