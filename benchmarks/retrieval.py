"""Search in a large knowledge base: starts a database and a runner, and measures there (`benchmarks.large_base`)."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sahara_platform.embedded import scratch
from tests.gpu_runner.runner_fixtures import RunnerProcess

DATA = Path(__file__).resolve().parent.parent / "var" / "bench-runner"


def main() -> None:
    """Measure, and print one JSON line."""
    parts = scratch.start()
    runner = RunnerProcess(DATA, environment={"OMP_NUM_THREADS": str(os.cpu_count())}).start()
    os.environ.update(RUNNER_URL=runner.url, RUNNER_TOKEN=runner.token)
    try:
        os.environ["DJANGO_SETTINGS_MODULE"] = "sahara_platform.settings"
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connections

        from benchmarks import large_base

        call_command("migrate", database="owner", verbosity=0)
        print(json.dumps({"benchmark": "retrieval", **large_base.run()}))
        connections.close_all()
    finally:
        runner.stop()
        parts.stop()


if __name__ == "__main__":
    main()
