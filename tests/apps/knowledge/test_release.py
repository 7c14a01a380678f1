"""A release freezes the ready documents as an asset version that proves the content without showing it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from apps.assets import selectors as assets
from apps.core import outbox
from apps.knowledge import selectors, services
from apps.knowledge.errors import NothingToRelease
from apps.knowledge.services import Upload
from apps.onchain.services import keccak_root
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db


def _add(actor: Actor, base: Any, name: str, text: str) -> Any:
    content = text.encode()
    added = services.add_documents(
        actor=actor, knowledge_base_id=base.id, files=[Upload(name, len(content), io.BytesIO(content))]
    )
    outbox.drain()
    return added[0].document


def test_nothing_ready_is_nothing_to_release(actor: Actor) -> None:
    base = services.create_knowledge_base(actor=actor, name="Empty")
    with pytest.raises(NothingToRelease):
        services.release_version(actor=actor, knowledge_base_id=base.id)
    assert selectors.latest_release(actor, base.id) is None


def test_a_release_commits_to_the_documents(actor: Actor, runner: object) -> None:
    base = services.create_knowledge_base(actor=actor, name="Secrets of ours")
    document = _add(actor, base, "private-name.md", "# Plan\n\nWe open a shop in Oslo.")
    release = services.release_version(actor=actor, knowledge_base_id=base.id)
    assert release.number == 1
    assert release.document_ids == (document.id,)
    assert release.content_root == keccak_root([bytes.fromhex(document.sha256)])
    version = assets.version(release.asset_version_id)
    assert version.content_root == release.content_root
    assert version.metadata["documents"] == 1
    assert "private-name" not in json.dumps(version.metadata)
    shares = assets.revenue_shares(release.asset_version_id)
    assert {share.organisation_id for share in shares} == {actor.organisation_id}


def test_the_same_content_is_released_once(actor: Actor, runner: object) -> None:
    base = services.create_knowledge_base(actor=actor, name="Handbook")
    _add(actor, base, "a.md", "# One\n\nText of one.")
    first = services.release_version(actor=actor, knowledge_base_id=base.id)
    assert services.release_version(actor=actor, knowledge_base_id=base.id) == first
    _add(actor, base, "b.md", "# Two\n\nText of two.")
    second = services.release_version(actor=actor, knowledge_base_id=base.id)
    assert second.number == 2
    assert second.content_root != first.content_root
