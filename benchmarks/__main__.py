"""`python -m benchmarks [NAME …]`: run all benchmarks, or the named ones, on throw-away embedded parts."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

NAMES = ("ledger", "gas")


def main() -> None:
    """Start the parts, run, print one JSON line a benchmark."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all where left out")
    names = parser.parse_args().names or NAMES
    unknown = set(names) - set(NAMES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")

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
