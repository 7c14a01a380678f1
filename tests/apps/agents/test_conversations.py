"""Conversations: branches by editing and asking again, attachments, ratings, titles, export, trace."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.agents import selectors, services
from apps.agents.models import AgentFeedback, Attachment, Conversation, Message
from apps.agents.selectors import Branch
from apps.agents.types import AgentInfo
from apps.core import outbox
from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge
from apps.knowledge.models import Document
from apps.knowledge.services import Upload
from apps.tenancy.types import Actor, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """An agent that quotes: its answers cost no model."""
    return make_agent(actor, "contract-reader")


def ask(actor: Actor, agent: AgentInfo, question: str, **options: Any) -> Any:
    return services.answer(actor=actor, target=selectors.draft_target(actor, agent.id), question=question, **options)


def texts(actor: Actor, agent: AgentInfo, conversation_id: Any, leaf: Any = None) -> list[str]:
    return [
        message.text for message in selectors.messages(actor, conversation_id, agent.id, leaf) if message.role == "user"
    ]


def test_an_edited_question_begins_a_branch_and_the_old_one_stays(actor: Actor, reader: AgentInfo) -> None:
    first = ask(actor, reader, "What is the notice period?")
    where = first.conversation_id
    ask(actor, reader, "Who owns the results?", conversation_id=where)
    second = selectors.messages(actor, where, reader.id)[2]
    ask(actor, reader, "When are invoices due?", conversation_id=where, branch=Branch(edit=second.id))
    assert texts(actor, reader, where) == ["What is the notice period?", "When are invoices due?"]
    changed = selectors.messages(actor, where, reader.id)[2]
    assert changed.variants == (second.id, changed.id)
    assert changed.place == 2
    assert texts(actor, reader, where, second.id) == ["What is the notice period?", "Who owns the results?"]


def test_an_answer_can_be_asked_for_again(actor: Actor, reader: AgentInfo) -> None:
    first = ask(actor, reader, "What is the notice period?")
    again = ask(actor, reader, "ignored", conversation_id=first.conversation_id, branch=Branch(retry=first.message_id))
    shown = selectors.messages(actor, first.conversation_id, reader.id)
    assert [message.role for message in shown] == ["user", "assistant"]
    assert shown[1].id == again.message_id
    assert shown[1].variants == (first.message_id, again.message_id)


def test_two_tabs_that_ask_after_the_same_answer_lose_nothing(actor: Actor, reader: AgentInfo) -> None:
    first = ask(actor, reader, "What is the notice period?")
    where, seen = first.conversation_id, first.message_id
    ask(actor, reader, "Who owns the results?", conversation_id=where, branch=Branch(after=seen))
    ask(actor, reader, "When are invoices due?", conversation_id=where, branch=Branch(after=seen))
    assert Message.objects.filter(conversation_id=where, role="user").count() == 3
    shown = selectors.messages(actor, where, reader.id)
    assert len(shown[2].variants) == 2


def test_branches_name_messages_of_their_own_conversation(actor: Actor, reader: AgentInfo) -> None:
    first, other = ask(actor, reader, "What is the notice period?"), ask(actor, reader, "Who owns the results?")
    with pytest.raises(NotFound):
        ask(actor, reader, "x", conversation_id=first.conversation_id, branch=Branch(edit=other.message_id))
    with pytest.raises(InvalidInput):
        ask(actor, reader, "x", conversation_id=first.conversation_id, branch=Branch(edit=first.message_id))


def test_a_document_of_one_conversation_answers_there_only(actor: Actor, reader: AgentInfo) -> None:
    content = b"# Side letter\n\nThe parking space costs 41 euros a month."
    target = selectors.draft_target(actor, reader.id)
    where, item = services.attach_document(
        actor=actor, target=target, conversation_id=None, file=Upload("side.md", len(content), io.BytesIO(content))
    )
    outbox.drain()
    assert [found.state for found in selectors.attachments(actor, where)] == ["ready"]
    question = "What does the parking space cost a month?"
    assert "41 euros" in ask(actor, reader, question, conversation_id=where).answer.text
    assert "41 euros" not in ask(actor, reader, question).answer.text
    assert "Attachments" not in [base.name for base in knowledge.knowledge_bases(actor)]
    with pytest.raises(NotFound):
        knowledge.document(actor, item.document_id)
    services.delete_conversation(actor=actor, conversation_id=where)
    assert not Document.objects.filter(id=item.document_id).exists()
    assert not Conversation.objects.filter(id=where).exists()


def test_attachments_are_bounded(actor: Actor, reader: AgentInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.agents.services.attaching.MAX_ATTACHMENTS", 1)
    target = selectors.draft_target(actor, reader.id)
    with pytest.raises(InvalidInput):
        services.attach_document(
            actor=actor, target=target, conversation_id=None, file=Upload("big.md", 99_000_000, io.BytesIO(b"x"))
        )
    first = Upload("a.md", 8, io.BytesIO(b"# One, a"))
    where, item = services.attach_document(actor=actor, target=target, conversation_id=None, file=first)
    second = Upload("b.md", 8, io.BytesIO(b"# Two, b"))
    with pytest.raises(Conflict):
        services.attach_document(actor=actor, target=target, conversation_id=where, file=second)
    services.detach_document(actor=actor, conversation_id=where, attachment_id=item.id)
    assert not Attachment.objects.filter(conversation_id=where).exists()


def test_the_owner_sees_thumbs_and_reasons_and_nothing_said(
    actor: Actor, reader: AgentInfo, make_actor: Callable[..., Actor], client_for: Callable[..., Any]
) -> None:
    colleague = make_actor(organisation_id=actor.organisation_id, role=Role.VIEWER)
    said = ask(colleague, reader, "What is the notice period?")
    services.rate_answer(
        actor=colleague, message_id=said.message_id, rating=-1, reason="incomplete", comment="From when?"
    )
    found = selectors.feedback(actor, reader.id)
    assert (found.good, found.bad, found.reasons, found.comments) == (0, 1, {"incomplete": 1}, ("From when?",))
    with pytest.raises(NotFound):
        services.rate_answer(actor=actor, message_id=said.message_id, rating=1)
    page = client_for(actor).get(f"/agents/{reader.id}/").content.decode()
    assert "Something is missing: 1" in page
    services.rate_answer(actor=colleague, message_id=said.message_id, rating=0)
    assert not AgentFeedback.objects.filter(agent_id=reader.id).exists()
    for rating, reason in ((7, ""), (-1, "boring")):
        with pytest.raises(InvalidInput):
            services.rate_answer(actor=colleague, message_id=said.message_id, rating=rating, reason=reason)


def test_conversations_are_listed_renamed_exported_and_traced(
    actor: Actor, other_actor: Actor, reader: AgentInfo, client_for: Callable[..., Any]
) -> None:
    said = ask(actor, reader, "What is the notice period?")
    client, stranger = client_for(actor), client_for(other_actor)
    client.post(f"/conversations/{said.conversation_id}/rename/", {"title": "Notice"})
    listed = client.get("/conversations/?q=notice").content.decode()
    assert "Notice" in listed
    assert f"/agents/{reader.id}/edit/?conversation={said.conversation_id}" in listed
    text = client.get(f"/conversations/{said.conversation_id}/export.md").content.decode()
    assert text.startswith("# Notice")
    assert "three months" in text
    body = json.loads(client.get(f"/conversations/{said.conversation_id}/export.json").content)
    assert [message["role"] for message in body["messages"]] == ["user", "assistant"]
    trace = client.get(f"/messages/{said.message_id}/trace/")
    assert trace.status_code == 200
    assert "Look up" in trace.content.decode()
    for path in (f"/conversations/{said.conversation_id}/export.md", f"/messages/{said.message_id}/trace/"):
        assert stranger.get(path).status_code == 404
    where = f"/conversations/{said.conversation_id}"
    for path in (f"{where}/delete/", f"{where}/rename/", f"/messages/{said.message_id}/rating/"):
        assert stranger.post(path, {"rating": "1", "title": "Mine"}).status_code == 404
    assert client.post(f"/conversations/{said.conversation_id}/delete/").status_code == 302
    assert "Notice" not in client.get("/conversations/").content.decode()


def test_another_organisations_prompt_is_not_kept_with_the_asker(
    actor: Actor, other_actor: Actor, make_agent: Callable[..., AgentInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_agent(actor)
    services.update_agent(actor=actor, agent_id=desk.id, changes=services.AgentChanges(max_answer_tokens=16))
    services.publish_agent(actor=actor, agent_id=desk.id)
    monkeypatch.setattr("apps.agents.selectors.access.may_use", lambda organisation_id, found: True)
    with tenant_scope(other_actor.organisation_id):
        target = selectors.published_target(other_actor, desk.slug)
        said = services.answer(actor=other_actor, target=target, question="Which countries do you ship to?")
        assert said.message_id is not None
        trace = selectors.trace(other_actor, said.message_id)
    assert trace.prompt == ()
    assert trace.agent_version_number == 1


def test_going_back_puts_the_old_version_live_with_its_documents(actor: Actor, reader: AgentInfo) -> None:
    first = services.publish_agent(actor=actor, agent_id=reader.id)
    services.update_agent(actor=actor, agent_id=reader.id, changes=services.AgentChanges(job="Another job."))
    services.publish_agent(actor=actor, agent_id=reader.id)
    assert selectors.public_agent(reader.slug).number == 2
    services.go_back_to_version(actor=actor, agent_id=reader.id, number=1)
    public = selectors.public_agent(reader.slug)
    assert (public.number, public.version_id) == (1, first.id)
    assert not selectors.agent(actor, reader.id).has_unpublished_changes


def test_a_late_editor_is_told_who_changed_what_and_keeps_the_form(
    actor: Actor, reader: AgentInfo, make_actor: Callable[..., Actor], client_for: Callable[..., Any]
) -> None:
    ana = make_actor(organisation_id=actor.organisation_id, role=Role.MEMBER, name="Ana")
    services.update_agent(actor=ana, agent_id=reader.id, changes=services.AgentChanges(job="Ana's job."))
    config = reader.config
    form = {
        "name": config.name,
        "job": "My job.",
        "tone": config.tone,
        "mode": config.mode,
        "instruction": config.instruction,
        "knowledge": [str(base_id) for base_id in config.knowledge_base_ids],
        "revision": reader.revision,
    }
    client = client_for(actor)
    autosave = client.post(f"/agents/{reader.id}/edit/", form, headers={"X-Autosave": "1"})
    assert (autosave.status_code, autosave.json()["revision"]) == (409, reader.revision + 1)
    assert autosave.json()["detail"].startswith("Ana changed job after you had opened it.")
    page = client.post(f"/agents/{reader.id}/edit/", form)
    assert page.status_code == 409
    assert "My job." in page.content.decode()
    assert selectors.agent(actor, reader.id).config.job == "Ana's job."
    saved = client.post(
        f"/agents/{reader.id}/edit/", form | {"revision": reader.revision + 1}, headers={"X-Autosave": "1"}
    )
    assert (saved.status_code, saved["X-Revision"]) == (204, str(reader.revision + 2))
