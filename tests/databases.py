"""The run's database: migrated once whatever the number of workers, and clean again for each file of tests.

Append-only tables cannot be truncated, so what transactional tests commit stays. The first worker migrates and keeps
the result as a template, under the fingerprint of the migrations; the others copy it, later runs too.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from sahara_platform.embedded import scratch
from sahara_platform.embedded.process import locked
from tests.parts import PARTS

KEPT = "template_"
#: Files here show one world of people and things, which takes long to make: all of them see what the others left.
SHARED_WORLD = Path(__file__).parent / "browser"


def fingerprint() -> str:
    """A hash of all that a migrated database depends on: the migrations and what they import."""
    apps = scratch.ROOT / "apps"
    sources = [scratch.ROOT / "requirements.txt", scratch.ROOT / "sahara_platform" / "settings.py"]
    for pattern in ("*/migrations/*.py", "*/*types.py", "core/**/*.py"):
        sources += sorted(apps.glob(pattern))
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.relative_to(scratch.ROOT).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


class Databases:
    """What one worker knows of its database: the template, and whether somebody has committed anything since."""

    def __init__(self) -> None:
        self.template = f"{KEPT}{fingerprint()}"
        self.used_in: Path | None = None

    def prepare(self) -> None:
        """Fill the worker's empty database: from the template, which the first worker makes."""
        from django.core.management import call_command

        with locked(scratch.DIRECTORY / ".template.lock"):
            if self.template not in PARTS.server.databases(KEPT):
                call_command("migrate", database="owner", verbosity=0)
                _disconnect()
                PARTS.keep_as(self.template, instead_of=KEPT)
                return
        _disconnect()
        PARTS.reset_to(self.template)

    def enter(self, item: pytest.Item) -> None:
        """Before a test: make the database clean where tests of another file have committed something."""
        here = _place(item)
        if self.used_in is not None and self.used_in != here:
            self.used_in = None
            _disconnect()
            PARTS.reset_to(self.template)
        if _commits(item):
            self.used_in = here


def _place(item: pytest.Item) -> Path:
    return SHARED_WORLD if item.path.is_relative_to(SHARED_WORLD) else item.path


def _commits(item: pytest.Item) -> bool:
    names: Any = getattr(item, "fixturenames", ())
    marker = item.get_closest_marker("django_db")
    return bool(marker is not None and marker.kwargs.get("transaction")) or "transactional_db" in names


def _disconnect() -> None:
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
