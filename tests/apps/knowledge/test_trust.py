"""How far similarity is trusted is measured on the knowledge base itself, and weighs its side of a search."""

from __future__ import annotations

import io
import json

import pytest

from apps.core import outbox
from apps.knowledge import services
from apps.knowledge.models import KnowledgeBase
from apps.knowledge.ranking import Evidence, fuse
from apps.knowledge.selectors.words import UNLEARNT_TRUST, trust_in
from apps.knowledge.services import trust
from apps.knowledge.services.sources import add_records
from apps.tenancy.types import Actor
from tests.apps.knowledge.test_segments import _document, _fill

pytestmark = pytest.mark.django_db

SUBJECTS = ("heron", "baker", "glacier", "lawyer", "violin", "volcano", "tailor", "comet", "orchard", "ferry", "miner")
PLACES = ("at the harbour", "in the mountains", "behind the church", "near the market")


def _base(actor: Actor) -> KnowledgeBase:
    info = services.create_knowledge_base(actor=actor, name="Trust")
    return KnowledgeBase.objects.get(id=info.id)


def test_english_is_trusted_once_it_was_measured(actor: Actor, runner: object) -> None:
    base = _base(actor)
    rows = [
        {
            "_id": f"{subject}{place}",
            "text": f"The {subject} was seen {where} today. Everybody spoke about the {subject} for hours. "
            f"Nothing like that {subject} had been there before. Later it rained {where}.",
        }
        for subject in SUBJECTS
        for place, where in enumerate(PLACES)
    ]
    content = "\n".join(map(json.dumps, rows)).encode()
    _ingest(actor, base, content)
    assert trust_in(base, "en") == 1.0
    assert trust_in(base, "ar") == UNLEARNT_TRUST
    trust.measure_trust(base.id)
    base.refresh_from_db()
    assert trust_in(base, "en") > 0.6
    assert base.trust_number == base.next_number


def _ingest(actor: Actor, base: KnowledgeBase, content: bytes) -> None:
    add_records(
        actor=actor, knowledge_base_id=base.id, file=services.Upload("rows.jsonl", len(content), io.BytesIO(content))
    )
    outbox.drain()
    base.refresh_from_db()


def test_too_little_text_measures_nothing(actor: Actor, runner: object) -> None:
    base = _base(actor)
    _fill(_document(actor, base, "short"), ["Only one sentence stands here, and nothing else at all."])
    trust.measure_trust(base.id)
    base.refresh_from_db()
    assert base.trust == {}


def test_a_side_that_is_not_trusted_cannot_overturn_the_other() -> None:
    def evidence(trust: float) -> dict[str, Evidence]:
        return {
            "words": Evidence(0.1, 9.0, 1.0, trust=trust),
            "both": Evidence(0.2, 6.0, 0.5, trust=trust),
            "dense": Evidence(0.9, 0.0, 0.0, trust=trust),
        }

    assert [key for key, _ in fuse(evidence(0.1))] == ["words", "both", "dense"]
    assert next(iter(fuse(evidence(2.0))))[0] == "dense"


def test_the_document_lifts_a_passage_where_words_stand_apart() -> None:
    alike = {"in": Evidence(0.5, 5.0, 1.0, 9.0), "out": Evidence(0.5, 5.0, 1.0, 2.0)}
    assert [key for key, _ in fuse(alike)] == ["in", "out"]
    alone = {
        "best": Evidence(0.2, 5.0, 1.0, 7.0),
        "near": Evidence(0.3, 1.0, 1.0, 7.0),
        "far": Evidence(0.1, 0.0, 0.0, 7.0),
    }
    assert [key for key, _ in fuse(alone)] == ["best", "near", "far"]
