"""Small training data for tests: two classes that differ clearly, so that a head learns them from few rows."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

GREETINGS = ["Good morning, how are you", "Hello dear friend", "Nice to see you again", "Hi there, how was your day"]
INVOICES = [
    "Your invoice is overdue",
    "Please pay the bill",
    "The payment of the account failed",
    "A refund was issued",
]
PLACES = ["today", "in Paris", "at the office", "on Monday", "this week", "in May"]


def rows() -> list[dict[str, str]]:
    """48 rows, every fourth held out."""
    texts = [(f"{text} {place}", label) for place in PLACES for text, label in _labelled()]
    return [
        {"text": text, "label": label, "split": "test" if number // 2 % 4 == 3 else "train"}
        for number, (text, label) in enumerate(texts)
    ]


def _labelled() -> list[tuple[str, str]]:
    pairs = zip(GREETINGS, INVOICES, strict=True)
    return [item for greeting, invoice in pairs for item in ((greeting, "greeting"), (invoice, "billing"))][::-1]


def job(kind: str, *, job_id: Any = None, data: Any = None, **spec: Any) -> dict[str, Any]:
    """A job request as JSON."""
    return {
        "job_id": str(job_id or uuid4()),
        "spec": {"kind": kind, "seed": 7, **spec},
        "data": data or {"source": "inline", "rows": rows()},
    }
