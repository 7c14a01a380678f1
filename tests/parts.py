"""Starts the embedded parts that tests run on: real PostgreSQL with row-level security, real Valkey, real storage.

Loaded by `-p tests.parts` before pytest-django reads the settings, which need the parts' addresses. Tests connect as
the application's role; each run has a database of its own in the shared test cluster.
"""

from __future__ import annotations

from sahara_platform.embedded import scratch

PARTS = scratch.start()
POSTGRES, VALKEY, DATABASE = PARTS.server, PARTS.cache, PARTS.database


def pytest_unconfigure() -> None:
    """Drop the run's database and let go of the servers."""
    from django.db import connections  # settings exist only now

    connections.close_all()
    PARTS.stop()
