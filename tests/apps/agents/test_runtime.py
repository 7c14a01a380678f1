"""Answers with the real model: sources first, words cited, "I don't know" where nothing fits."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from apps.agents import selectors, services
from apps.agents.errors import PromptTooLong
from apps.agents.models import AgentUsage, Conversation, Message
from apps.agents.quoting import UNKNOWN
from apps.agents.services import AgentChanges
from apps.agents.types import AgentInfo, FinishReason, Turn
from apps.core import outbox
from apps.core.errors import DependencyFailed, InvalidInput, NotFound
from apps.core.tenant import tenant_scope
from apps.knowledge import services as knowledge
from apps.knowledge.services import Upload
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db

DOWN = {"url": "http://127.0.0.1:9", "token": "nobody-listens-there"}


def ask(actor: Actor, agent: AgentInfo, question: str, **options: Any) -> Any:
    target = selectors.draft_target(actor, agent.id)
    return services.answer(actor=actor, target=target, question=question, **options)


def test_an_answer_brings_its_sources_and_its_cost(actor: Actor, agent: AgentInfo) -> None:
    finished = ask(actor, agent, "How long do I have to return an item?")
    answer = finished.answer
    assert answer.sources[0].quote == "You have 30 days from delivery to return an item."
    assert answer.text
    assert "[1]" in answer.text
    assert answer.finish in (FinishReason.STOP, FinishReason.LENGTH)
    assert answer.prompt_tokens > 50
    assert answer.completion_tokens > 0
    stored = Message.objects.filter(conversation_id=finished.conversation_id).order_by("id")
    assert [message.role for message in stored] == ["user", "assistant"]
    reply = stored[1]
    assert reply.text == answer.text
    assert reply.sources[0]["quote"] == answer.sources[0].quote
    assert reply.config_hash == agent.config.digest()
    assert reply.language_model


def test_what_the_documents_do_not_say_is_not_known(actor: Actor, agent: AgentInfo) -> None:
    answer = ask(actor, agent, "Who won the football world cup in 1998?").answer
    assert answer.text.startswith(UNKNOWN)
    assert answer.finish is FinishReason.ABSTAINED
    assert answer.completion_tokens == 0


def test_a_contract_reader_only_quotes(actor: Actor, make_agent: Callable[..., AgentInfo]) -> None:
    reader = make_agent(actor, "contract-reader")
    answer = ask(actor, reader, "What is the notice period?").answer
    assert answer.text.startswith("> The notice period is three months to the end of the term")
    assert answer.text.rstrip().endswith("]")
    assert answer.completion_tokens == 0


def test_a_follow_up_goes_on_with_the_conversation(actor: Actor, make_agent: Callable[..., AgentInfo]) -> None:
    reader = make_agent(actor, "contract-reader")
    first = ask(actor, reader, "When do invoices have to be paid?")
    second = ask(actor, reader, "And the fee?", conversation_id=first.conversation_id)
    assert second.conversation_id == first.conversation_id
    messages = selectors.messages(actor, first.conversation_id, reader.id)
    assert [message.role for message in messages] == ["user", "assistant", "user", "assistant"]


def test_an_agent_without_documents_answers_from_its_model(actor: Actor, agent: AgentInfo) -> None:
    services.update_agent(
        actor=actor, agent_id=agent.id, changes=AgentChanges(knowledge_base_ids=[], max_answer_tokens=24)
    )
    answer = ask(actor, agent, "Say hello.").answer
    assert answer.sources == ()
    assert answer.text
    assert answer.completion_tokens <= 24


def test_triage_without_a_classifier_says_what_to_do(actor: Actor, make_agent: Callable[..., AgentInfo]) -> None:
    triage = make_agent(actor, "message-triage")
    with pytest.raises(InvalidInput) as caught:
        ask(actor, triage, "You won a prize!")
    assert caught.value.code == "classifier_missing"


@pytest.mark.parametrize("question", ["", " \x00 \n"])
def test_an_empty_question_is_refused(actor: Actor, agent: AgentInfo, question: str) -> None:
    with pytest.raises(InvalidInput):
        ask(actor, agent, question)
    assert not Conversation.objects.exists()


def test_a_message_longer_than_the_context_is_refused(actor: Actor, agent: AgentInfo) -> None:
    with pytest.raises(PromptTooLong):
        ask(actor, agent, "word " * 3000)


def test_a_runner_that_is_down_is_said_plainly(actor: Actor, agent: AgentInfo, settings: Any) -> None:
    settings.RUNNER = DOWN
    with pytest.raises(DependencyFailed) as caught:
        ask(actor, agent, "How long do I have to return an item?")
    assert "does not answer" in caught.value.message
    assert not Message.objects.exists()


def test_somebody_elses_conversation_is_not_found(
    actor: Actor, other_actor: Actor, agent: AgentInfo, make_actor: Callable[..., Actor]
) -> None:
    theirs = ask(actor, agent, "Which countries do you ship to?").conversation_id
    colleague = make_actor(organisation_id=actor.organisation_id)
    with tenant_scope(actor.organisation_id), pytest.raises(NotFound):
        selectors.messages(colleague, theirs, agent.id)
    with tenant_scope(other_actor.organisation_id), pytest.raises(NotFound):
        selectors.messages(other_actor, theirs, agent.id)


def test_a_caller_who_keeps_the_history_leaves_no_text_but_is_metered(
    actor: Actor, make_agent: Callable[..., AgentInfo]
) -> None:
    reader = make_agent(actor, "contract-reader")
    services.publish_agent(actor=actor, agent_id=reader.id)
    target = selectors.published_target(actor, reader.slug)
    finished = services.answer(
        actor=actor,
        target=target,
        question="What is the notice period?",
        history=[Turn("user", "Hi"), Turn("assistant", "Hi")],
    )
    assert finished.conversation_id is None
    assert not Message.objects.exists()
    row = AgentUsage.objects.get()
    assert (row.side, row.version_number, row.caller_id) == ("served", 1, actor.organisation_id)


def test_a_published_agent_answers_from_the_documents_it_was_published_with(
    actor: Actor, make_agent: Callable[..., AgentInfo]
) -> None:
    reader = make_agent(actor, "contract-reader")
    services.publish_agent(actor=actor, agent_id=reader.id)
    late = b"# Amendment\n\nThe notice period is nine years."
    knowledge.add_documents(
        actor=actor,
        knowledge_base_id=reader.config.knowledge_base_ids[0],
        files=[Upload("late.md", len(late), io.BytesIO(late))],
    )
    outbox.drain()
    question = "What is the notice period?"
    published = selectors.published_target(actor, reader.slug)
    assert "nine years" not in services.answer(actor=actor, target=published, question=question).answer.text
    assert "nine years" in ask(actor, reader, question).answer.text
