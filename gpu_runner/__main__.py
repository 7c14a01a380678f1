"""`python -m gpu_runner`: the serving process."""

from __future__ import annotations

import logging
import os
import sys

import uvicorn
from pydantic import ValidationError

from gpu_runner.config import RunnerSettings, settings


def main() -> int:
    """Start the service; a bad environment is named and ends the process with status 2."""
    try:
        configuration = settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "RUNNER_" + "_".join(str(part) for part in problem["loc"]).upper()
            sys.stderr.write(f"{name}: {problem['msg']}\n")
        return 2
    _limit_threads(configuration)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    from gpu_runner.server import create_app  # after the thread limits, which libraries read when they are imported

    uvicorn.run(
        create_app(configuration),
        host=configuration.host,
        port=configuration.port,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
    return 0


def _limit_threads(configuration: RunnerSettings) -> None:
    """Idle OpenMP threads must sleep, not spin: spinning starves the other processes of a small machine."""
    os.environ.setdefault("OMP_NUM_THREADS", str(configuration.threads))
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


if __name__ == "__main__":
    raise SystemExit(main())
