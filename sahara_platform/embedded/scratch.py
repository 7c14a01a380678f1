"""A throw-away platform database and cache for tests and benchmarks: the same parts, nothing kept."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sahara_platform.embedded import postgres, valkey

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / "var" / "test"


@dataclass
class Scratch:
    """Running parts of one process; `stop` drops what was made."""

    database: str
    server: postgres.PostgresHandle
    cache: valkey.ValkeyHandle
    storage: Path

    def keep_as(self, template: str, *, instead_of: str) -> None:
        """Keep a copy of the database as it is now, in place of all copies whose names begin with `instead_of`."""
        for outdated in self.server.databases(instead_of):
            self.server.drop_database(outdated)
        # A copy that was cut short must not be taken for a whole one.
        draft = f"draft_{self.database}"
        self.server.copy_database(self.database, draft)
        self.server.rename_database(draft, template)

    def reset_to(self, template: str) -> None:
        """Bring the database to the state that was kept under this name, ending all connections to it."""
        self.server.drop_database(self.database)
        self.server.copy_database(template, self.database)

    def stop(self) -> None:
        """Drop the database, remove the files and let go of the servers."""
        self.server.drop_database(self.database)
        shutil.rmtree(self.storage, ignore_errors=True)
        self.cache.stop()
        self.server.stop()


def start() -> Scratch:
    """Start the parts and point the environment at them; call it before Django reads its settings.

    The PostgreSQL cluster is shared among processes (without fsync), the database is this process's own.
    """
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    server = postgres.start(DIRECTORY / "postgres")
    cache = valkey.start()
    database = f"test_{os.getpid()}_{secrets.token_hex(3)}"
    server.create_database(database)
    storage = Path(tempfile.mkdtemp(prefix="storage-"))
    os.environ.update(
        SAHARA_MODE="development",
        SECRET_KEY=secrets.token_hex(32),
        DATABASE_URL=server.app_url(database),
        DATABASE_OWNER_URL=server.owner_url(database),
        DATABASE_POOL_SIZE="0",
        REDIS_URL=cache.url,
        STORAGE_DIR=str(storage),
        CHAIN_ADDRESSES_FILE=str(storage / "addresses.json"),
        STRIPE_API_KEY="sk_test_scratch",
        STRIPE_WEBHOOK_SECRET=f"whsec_{secrets.token_hex(16)}",
        RUNNER_URL="http://127.0.0.1:9",
        RUNNER_TOKEN=secrets.token_hex(16),
        EMAIL_URL="console:",
        # All tests of a run share the platform's day.
        PAYOUTS_DAILY_LIMIT_MINOR=str(10**12),
        WALLET_CHANGE_WAIT="0",
    )
    return Scratch(database, server, cache, storage)
