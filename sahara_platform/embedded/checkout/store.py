"""What the stand-in remembers, in one SQLite file: its objects, undelivered webhooks, answers by idempotency key."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, status TEXT NOT NULL, expires_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS object (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, number);
CREATE TABLE IF NOT EXISTS webhook (
    id TEXT PRIMARY KEY, payload TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL, done INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL, made_at REAL NOT NULL
);
"""
# Stripe prunes idempotency keys after a day.
ANSWER_LIFETIME_S = 24 * 3600


@dataclass(frozen=True)
class PendingWebhook:
    """An event that its receiver has not yet acknowledged."""

    id: str
    payload: str
    attempts: int


@dataclass(frozen=True)
class StoredAnswer:
    """The first answer to a request with an idempotency key."""

    fingerprint: str
    status: int
    body: bytes


class Store:
    """All state of the stand-in. Every method is one transaction."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(_SCHEMA)

    def session(self, session_id: str) -> dict[str, Any] | None:
        """The session object, as the API shows it."""
        row = self._db.execute("SELECT body FROM session WHERE id = ?", [session_id]).fetchone()
        body: dict[str, Any] | None = json.loads(row[0]) if row else None
        return body

    def sessions(self) -> list[dict[str, Any]]:
        """All session objects, newest first."""
        rows = self._db.execute("SELECT body FROM session ORDER BY rowid DESC")
        return [json.loads(row[0]) for row in rows]

    def save(self, session: dict[str, Any], event: dict[str, Any] | None = None) -> None:
        """Store a session and, in the same transaction, the event that tells of its change."""
        with self._db:
            self._db.execute(
                "INSERT INTO session (id, body, status, expires_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET body = excluded.body, status = excluded.status",
                [session["id"], json.dumps(session), session["status"], session["expires_at"]],
            )
            self._enqueue([event] if event is not None else [])

    def put(self, *objects: dict[str, Any], events: Sequence[dict[str, Any]] = ()) -> None:
        """Store objects (prices, subscriptions, invoices, refunds, ...) and the events that tell of their change."""
        with self._db:
            for body in objects:
                self._db.execute(
                    "INSERT INTO object (id, kind, body) VALUES (?, ?, ?) "
                    "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                    [body["id"], body["object"], json.dumps(body)],
                )
            self._enqueue(events)

    def get(self, kind: str, object_id: str) -> dict[str, Any] | None:
        """One object by its id, or None."""
        row = self._db.execute("SELECT body FROM object WHERE kind = ? AND id = ?", [kind, object_id]).fetchone()
        body: dict[str, Any] | None = json.loads(row[0]) if row else None
        return body

    def every(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind, newest first."""
        rows = self._db.execute("SELECT body FROM object WHERE kind = ? ORDER BY number DESC", [kind])
        return [json.loads(row[0]) for row in rows]

    def _enqueue(self, events: Sequence[dict[str, Any]]) -> None:
        for event in events:
            self._db.execute(
                "INSERT INTO webhook (id, payload, due_at) VALUES (?, ?, ?)",
                [event["id"], json.dumps(event), time.time()],
            )

    def overdue_sessions(self, now: float) -> list[dict[str, Any]]:
        """Open sessions whose time is up."""
        rows = self._db.execute("SELECT body FROM session WHERE status = 'open' AND expires_at <= ?", [int(now)])
        return [json.loads(row[0]) for row in rows]

    def due_webhooks(self, now: float) -> list[PendingWebhook]:
        """Events to send now, oldest first."""
        rows = self._db.execute(
            "SELECT id, payload, attempts FROM webhook WHERE done = 0 AND due_at <= ? ORDER BY due_at LIMIT 50", [now]
        )
        return [PendingWebhook(*row) for row in rows]

    def acknowledge(self, event_id: str) -> None:
        """The receiver answered 2xx."""
        with self._db:
            self._db.execute("UPDATE webhook SET done = 1 WHERE id = ?", [event_id])

    def postpone(self, event_id: str, due_at: float) -> None:
        """Try again later."""
        with self._db:
            self._db.execute("UPDATE webhook SET attempts = attempts + 1, due_at = ? WHERE id = ?", [due_at, event_id])

    def answer(self, key: str) -> StoredAnswer | None:
        """What was answered to this idempotency key."""
        row = self._db.execute(
            "SELECT fingerprint, status, body FROM answer WHERE key = ? AND made_at > ?",
            [key, time.time() - ANSWER_LIFETIME_S],
        ).fetchone()
        return StoredAnswer(*row) if row else None

    def remember(self, key: str, answer: StoredAnswer) -> None:
        """Keep an answer for repeats of its request."""
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO answer (key, fingerprint, status, body, made_at) VALUES (?, ?, ?, ?, ?)",
                [key, answer.fingerprint, answer.status, answer.body, time.time()],
            )
