"""An old answer can be given again, and what is different is explained; its citations lead to the exact words."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.agents import selectors, services
from apps.agents.models import Message
from apps.agents.quoting import UNKNOWN
from apps.agents.replaying import CitationState
from apps.agents.services import AgentChanges
from apps.agents.types import AgentInfo, FinishReason
from apps.core import outbox
from apps.core.errors import NotFound
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge
from apps.knowledge import services as knowledge_services
from apps.knowledge.services import Upload
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db

QUESTION = "What is the notice period?"
NEW_TEXT = b"The notice period is six months to the end of a year. Nothing else was agreed."


@pytest.fixture
def reader(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """A published agent that only quotes."""
    found = make_agent(actor, "contract-reader")
    services.publish_agent(actor=actor, agent_id=found.id)
    return found


def _asked(actor: Actor, agent: AgentInfo, question: str = QUESTION) -> Message:
    target = selectors.published_target(actor, agent.slug)
    finished = services.answer(actor=actor, target=target, question=question)
    assert finished.message_id is not None
    return Message.objects.get(id=finished.message_id)


def _replace_documents(actor: Actor, agent: AgentInfo) -> None:
    base_id = agent.config.knowledge_base_ids[0]
    for document in knowledge.documents(actor, base_id):
        knowledge_services.remove_document(actor=actor, document_id=document.id)
    upload = Upload("new.txt", len(NEW_TEXT), io.BytesIO(NEW_TEXT))
    knowledge_services.add_documents(actor=actor, knowledge_base_id=base_id, files=[upload])
    outbox.drain()


def test_the_same_version_gives_the_same_answer(actor: Actor, reader: AgentInfo) -> None:
    row = _asked(actor, reader)
    assert row.agent_version_id is not None
    assert row.knowledge
    replay = services.replay_answer(actor=actor, message_id=row.id)
    assert replay.is_same
    assert replay.is_as_pinned
    assert (replay.changes, replay.reason) == ((), "The answer is the same.")
    assert {item.state for item in replay.sources} == {"kept"}
    assert Message.objects.filter(conversation_id=row.conversation_id).count() == 2


def test_what_changed_since_explains_another_answer(actor: Actor, reader: AgentInfo) -> None:
    row = _asked(actor, reader)
    _replace_documents(actor, reader)
    services.update_agent(actor=actor, agent_id=reader.id, changes=AgentChanges(instruction="Quote the new contract."))
    services.publish_agent(actor=actor, agent_id=reader.id)
    replay = services.replay_answer(actor=actor, message_id=row.id, as_pinned=False)
    assert "six months" in replay.after.text
    assert not replay.is_same
    assert {"version", "instruction", "documents"} <= {change.what for change in replay.changes}
    assert {item.state for item in replay.sources} == {"removed", "new"}
    assert replay.reason.startswith("The words differ because")


def test_an_answer_of_others_cannot_be_replayed(
    actor: Actor, other_actor: Actor, reader: AgentInfo, make_actor: Callable[..., Actor]
) -> None:
    row = _asked(actor, reader)
    colleague = make_actor(organisation_id=actor.organisation_id)
    for stranger in (other_actor, colleague):
        with tenant_scope(stranger.organisation_id), pytest.raises(NotFound):
            services.replay_answer(actor=stranger, message_id=row.id)


def test_a_citation_opens_its_document_at_the_quoted_words(
    actor: Actor, reader: AgentInfo, client_for: Callable[[Actor], Client]
) -> None:
    row = _asked(actor, reader)
    client = client_for(actor)
    response = client.get(f"/agents/answers/{row.id}/sources/1/")
    assert response.status_code == 302
    page = client.get(response["Location"].split("#")[0]).content.decode()
    quote = row.sources[0]["quote"]
    assert f"<mark>{quote}</mark>" in page
    assert page.count('id="cited"') == 1


def test_a_citation_of_a_removed_document_says_so_and_shows_no_words_of_it(
    actor: Actor, reader: AgentInfo, client_for: Callable[[Actor], Client]
) -> None:
    row = _asked(actor, reader)
    _replace_documents(actor, reader)
    assert selectors.citation(actor, row.id, 1).state is CitationState.REMOVED
    page = client_for(actor).get(f"/agents/answers/{row.id}/sources/1/").content.decode()
    assert "was removed since" in page
    assert "deleted with it" in page
    assert row.sources[0]["quote"]
    assert row.sources[0]["quote"] not in page


def test_the_page_of_an_answer_replays_it(
    actor: Actor, reader: AgentInfo, client_for: Callable[[Actor], Client]
) -> None:
    row = _asked(actor, reader)
    client = client_for(actor)
    assert QUESTION in client.get(f"/agents/answers/{row.id}/").content.decode()
    page = client.post(f"/agents/answers/{row.id}/replay/", {"with": "then"}).content.decode()
    assert "The answer is the same." in page
    body: Any = client.post(f"/api/v1/answers/{row.id}/replay/", {}, content_type="application/json").json()
    assert body["is_same"]
    assert body["reason"] == "The answer is the same."


def test_not_knowing_says_what_was_looked_for_and_shows_the_nearest(actor: Actor, reader: AgentInfo) -> None:
    row = _asked(actor, reader, "Who won the football world cup in 1998?")
    assert row.finish == FinishReason.ABSTAINED
    assert row.text.startswith(UNKNOWN)
    assert "football" in row.text
    assert "[1]" in row.text


def test_the_agents_own_threshold_decides(actor: Actor, reader: AgentInfo) -> None:
    services.update_agent(actor=actor, agent_id=reader.id, changes=AgentChanges(guard={"min_confidence": 1.0}))
    target = selectors.draft_target(actor, reader.id)
    finished = services.answer(actor=actor, target=target, question=QUESTION)
    assert finished.answer.finish is FinishReason.ABSTAINED
