"""How much of documents an asker gets who wants all of them: `manage.py evaluate_extraction`.

`python -m benchmarks extraction --documents FILE...`; parts of its own, in a process of its own. The runner is
started with it.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from tests.gpu_runner.runner_fixtures import RunnerProcess

DATA = Path(__file__).resolve().parent.parent / "var" / "bench-runner"


def main() -> None:
    """Start the parts, evaluate, print one JSON line for each document."""
    parser = argparse.ArgumentParser(prog="make bench NAME=extraction", description=__doc__)
    parser.add_argument("--documents", type=Path, nargs="+", required=True)
    options = parser.parse_args()

    from sahara_platform.embedded import scratch  # slow to import, and --help needs no parts

    parts = scratch.start()
    runner = RunnerProcess(DATA).start()
    os.environ.update(RUNNER_URL=runner.url, RUNNER_TOKEN=runner.token)
    try:
        os.environ["DJANGO_SETTINGS_MODULE"] = "sahara_platform.settings"
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", database="owner", verbosity=0)
        call_command("evaluate_extraction", *map(str, options.documents))
        connections.close_all()
    finally:
        runner.stop()
        parts.stop()


if __name__ == "__main__":
    main()
