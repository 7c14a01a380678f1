"""`python -m benchmarks [NAME …]`: run all benchmarks, or the named ones, on throw-away embedded parts."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import takewhile
from typing import Any

NAMES = (
    *("ledger", "gas", "player", "first_paid_task", "published_agent", "retrieval", "annotation", "citations"),
    "extraction",
)
#: They start parts of their own, in a process of their own, and take options.
APART = {"annotation", "citations", "extraction", "retrieval"}
#: They run when they are named, because they need files.
ON_DEMAND = {"citations", "extraction"}


def main() -> None:
    """Start the parts, run, print one JSON line a benchmark."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all where left out")
    words = sys.argv[1:]
    given = list(takewhile(lambda word: not word.startswith("-"), words))
    options = words[len(given) :]
    if options and not APART & set(given):
        parser.parse_args(words)
    names = given or [name for name in NAMES if name not in ON_DEMAND]
    unknown = set(names) - set(NAMES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")

    if together := [name for name in names if name not in APART]:
        _run_together(together)
    for name in names:
        if name in APART:
            subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=True)


def _run_together(names: Sequence[str]) -> None:
    from sahara_platform.embedded import scratch  # slow to import, and --help needs no parts

    parts = scratch.start()
    try:
        _prepare()
        for name in names:
            run: Callable[[], dict[str, Any]] = import_module(f"benchmarks.{name}").run
            print(json.dumps({"benchmark": name, **run()}))
    finally:
        _close_connections()
        parts.stop()


def _prepare() -> None:
    import os

    import django
    from django.core.management import call_command

    os.environ["DJANGO_SETTINGS_MODULE"] = "sahara_platform.settings"
    django.setup()
    call_command("migrate", database="owner", verbosity=0)


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()


if __name__ == "__main__":
    main()
