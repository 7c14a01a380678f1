"""The embedded parts that tests run on: real PostgreSQL with row-level security, real Valkey, real storage.

Loaded by `-p tests.parts` before pytest-django reads the settings, which need the parts' addresses. Tests connect as
the application's role; each run has a database of its own in the shared test cluster.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from sahara_platform.embedded import postgres, valkey

ROOT = Path(__file__).resolve().parent.parent
TEST_DIR = ROOT / "var" / "test"
DATABASE = f"test_{os.getpid()}_{secrets.token_hex(3)}"

TEST_DIR.mkdir(parents=True, exist_ok=True)
POSTGRES = postgres.start(TEST_DIR / "postgres")
VALKEY = valkey.start()
POSTGRES.create_database(DATABASE)
os.environ.update(
    SAHARA_MODE="development",
    SECRET_KEY="only-for-tests-only-for-tests-only-for-tests",
    DATABASE_URL=POSTGRES.app_url(DATABASE),
    DATABASE_OWNER_URL=POSTGRES.owner_url(DATABASE),
    DATABASE_POOL_SIZE="0",
    REDIS_URL=VALKEY.url,
    STORAGE_DIR=tempfile.mkdtemp(prefix="storage-"),
    CHAIN_ADDRESSES_FILE=str(TEST_DIR / f"addresses-{DATABASE}.json"),
    STRIPE_API_KEY="sk_test_only_for_tests",
    STRIPE_WEBHOOK_SECRET="whsec_only_for_tests",
    RUNNER_URL="http://127.0.0.1:9",
    RUNNER_TOKEN="only-for-tests-0123456789",
    EMAIL_URL="console:",
)


def pytest_unconfigure() -> None:
    """Drop the run's database and let go of the servers."""
    from django.db import connections  # settings exist only now

    connections.close_all()
    POSTGRES.drop_database(DATABASE)
    VALKEY.stop()
    POSTGRES.stop()
