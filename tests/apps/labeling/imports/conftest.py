"""Files to import, and imports that have run."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from apps.core import outbox
from apps.labeling import services
from apps.labeling.import_models import Import

RIGHTS: dict[str, Any] = {
    "licence": "CC-BY-4.0",
    "source": "Our shop's reviews",
    "consent": True,
    "consent_text": "Agreed in the shop's terms.",
}


@pytest.fixture
def start(actor: Any) -> Callable[..., Import]:
    """`start(b"…", "name.csv", **options)`: a queued import of the actor's team."""

    def run(content: bytes, filename: str = "items.csv", **options: Any) -> Import:
        file = io.BytesIO(content)
        return services.create_import(actor=actor, file=file, filename=filename, **(RIGHTS | options))

    return run


@pytest.fixture
def imported(start: Callable[..., Import]) -> Callable[..., Import]:
    """The same, read to its end by a worker."""

    def run(content: bytes, filename: str = "items.csv", **options: Any) -> Import:
        batch = start(content, filename, **options)
        outbox.drain()
        batch.refresh_from_db()
        return batch

    return run
