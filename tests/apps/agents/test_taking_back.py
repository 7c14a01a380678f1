"""Answers lose the words of documents that are deleted, wherever they are kept, and keep what else they tell."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction

from apps.agents import selectors, services
from apps.agents.models import EvaluationResult, Message, StoredResponse, TeamRun, TeamStep
from apps.agents.replaying import CitationState
from apps.agents.services.evaluations import run_evaluation
from apps.agents.services.taking_back import TAKEN_BACK, as_kept, take_back
from apps.agents.types import AgentInfo
from apps.core import outbox
from apps.core.models import IdempotencyRecord
from apps.core.tenant import all_tenants, tenant_scope
from apps.knowledge import services as knowledge
from apps.knowledge.models import Document
from apps.knowledge.services import Upload
from apps.tenancy.types import Actor

WORDS = ("plindrak", "quorvat")
TEXT = "The caretaker of the lighthouse at the northern cape is Plindrake Quorvath. He lights the lamp at dusk."
QUESTION = "Who is the caretaker of the lighthouse at the northern cape?"


@pytest.fixture
def reader(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """A published agent that only quotes, with one document more."""
    found = make_agent(actor, "contract-reader")
    upload = Upload("cape.txt", len(TEXT), io.BytesIO(TEXT.encode()))
    base_id = found.config.knowledge_base_ids[0]
    knowledge.add_documents(actor=actor, knowledge_base_id=base_id, files=[upload])
    outbox.drain()
    services.publish_agent(actor=actor, agent_id=found.id)
    return found


def cape() -> Document:
    return Document.objects.get(name="cape.txt")


def ask(actor: Actor, agent: AgentInfo, question: str = QUESTION, **options: Any) -> Any:
    target = selectors.published_target(actor, agent.slug)
    return services.answer(actor=actor, target=target, question=question, **options)


def remove(actor: Actor) -> None:
    knowledge.remove_document(actor=actor, document_id=cape().id)
    outbox.drain()
    knowledge.index_due_bases()


def tables_that_tell() -> set[str]:
    """Tables with one of the words in a row, as PostgreSQL prints it; bytes as bytes too."""
    found = set()
    with all_tenants(reason="test"), connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT lower(t::text) FROM {connection.ops.quote_name(table)} t")  # noqa: S608  # a quoted name
            rows = "\n".join(row[0] for row in cursor.fetchall())
            if any(word in rows or word[1:].encode().hex() in rows for word in WORDS):
                found.add(table)
    return found


@pytest.mark.django_db
def test_an_answer_is_taken_back_with_its_document_and_can_be_explained_still(
    actor: Actor, reader: AgentInfo, client_for: Any
) -> None:
    finished = ask(actor, reader)
    later = ask(actor, reader, "When is the lamp lit?", conversation_id=finished.conversation_id)
    row = Message.objects.get(id=finished.message_id)
    assert "Quorvath" in row.text
    assert "agents_message" in tables_that_tell()
    remove(actor)
    assert tables_that_tell() == set()
    row.refresh_from_db()
    assert row.text == TAKEN_BACK
    assert row.sources[0]["document"] == "cape.txt"
    assert row.prompt_tokens == finished.answer.prompt_tokens
    assert Message.objects.get(id=later.message_id).prompt == []
    cited = next(one["number"] for one in row.sources if one["document"] == "cape.txt")
    assert selectors.citation(actor, row.id, cited).state is CitationState.REMOVED
    assert {item.state for item in services.replay_answer(actor=actor, message_id=row.id).sources} >= {"removed"}
    page = client_for(actor).get(f"/messages/{row.id}/trace/")
    assert page.status_code == 200
    assert TAKEN_BACK in page.content.decode()


@pytest.mark.django_db
def test_answers_from_other_documents_stay(actor: Actor, reader: AgentInfo) -> None:
    kept = Message.objects.get(id=ask(actor, reader, "What is the notice period?").message_id)
    steps = [step for step in kept.steps if str(cape().id) in str(step)]
    remove(actor)
    now = Message.objects.get(id=kept.id)
    if steps or any(source["document"] == "cape.txt" for source in kept.sources):
        assert now.text == TAKEN_BACK  # it had words of both
    else:
        assert (now.text, now.sources) == (kept.text, kept.sources)


@pytest.mark.django_db
def test_stored_responses_remembered_calls_and_evaluations_are_taken_back(
    actor: Actor, reader: AgentInfo, api_for: Any
) -> None:
    api = api_for(actor)
    body = {"model": reader.slug, "input": QUESTION}
    answer = api.post("/v1/responses", body, format="json", headers={"Idempotency-Key": "one"})
    assert b"Quorvath" in answer.content
    made = services.save_evaluation_set(actor=actor, name="Cape", cases=[{"question": QUESTION}])
    run = services.start_evaluation(actor=actor, agent_id=reader.id, set_id=made.id)
    run_evaluation(run.id)
    assert {"agents_storedresponse", "core_idempotencyrecord", "agents_evaluationresult"} <= tables_that_tell()
    remove(actor)
    assert tables_that_tell() == set()
    assert StoredResponse.objects.get().text == TAKEN_BACK
    assert EvaluationResult.objects.get(question=QUESTION).answer == TAKEN_BACK
    again = api.post("/v1/responses", body, format="json", headers={"Idempotency-Key": "one"})
    assert (again.status_code, again.json()["code"]) == (404, "answer_taken_back")
    assert IdempotencyRecord.objects.count() == 1


@pytest.mark.django_db
def test_what_another_organisation_was_answered_is_taken_back(
    actor: Actor, other_actor: Actor, reader: AgentInfo
) -> None:
    finished = ask(actor, reader)
    row = Message.objects.get(id=finished.message_id)
    with all_tenants(reason="test"):  # as if the other one had asked
        Message.objects.filter(conversation_id=row.conversation_id).update(tenant_id=other_actor.organisation_id)
    remove(actor)
    with tenant_scope(other_actor.organisation_id):
        assert Message.objects.get(id=row.id).text == TAKEN_BACK


@pytest.mark.django_db
def test_a_run_of_a_team_loses_all_its_words(actor: Actor, reader: AgentInfo) -> None:
    from apps.agents.services import teams
    from apps.agents.teams.types import Edge, Graph, Node, NodeKind

    nodes = (
        Node("in", NodeKind.INPUT, "In"),
        Node("ask", NodeKind.AGENT, "Ask", agent=reader.slug),
        Node("out", NodeKind.OUTPUT, "Out"),
    )
    graph = Graph(nodes, (Edge("in", "ask"), Edge("ask", "out")))
    team = teams.create_team(actor=actor, name="Cape", graph=graph)
    run = teams.start_run(actor=actor, team_id=team.id, question=QUESTION)
    outbox.drain()
    assert "Quorvath" in TeamRun.objects.get(id=run.id).output
    remove(actor)
    assert tables_that_tell() == set()
    assert TeamRun.objects.get(id=run.id).output == TAKEN_BACK
    assert set(TeamStep.objects.filter(run_id=run.id).values_list("output", flat=True)) <= {TAKEN_BACK, ""}


@pytest.mark.django_db
def test_an_answer_that_was_still_written_is_not_stored_with_its_words(actor: Actor, reader: AgentInfo) -> None:
    answer = ask(actor, reader).answer
    assert as_kept(answer, ()) == (answer, ())
    remove(actor)
    late, _ = as_kept(answer, ())
    assert late.text == TAKEN_BACK
    assert not any(source.text or source.quote for source in late.sources)


@pytest.mark.django_db(transaction=True)
def test_a_document_waits_with_its_end_for_an_answer_that_is_being_stored(actor: Actor, runner: object) -> None:
    """So that taking back, which follows the deletion, finds every answer."""
    base = knowledge.create_knowledge_base(actor=actor, name="Cape")
    upload = Upload("cape.txt", len(TEXT), io.BytesIO(TEXT.encode()))
    knowledge.add_documents(actor=actor, knowledge_base_id=base.id, files=[upload])
    outbox.drain()
    document, order = cape(), []

    def delete() -> None:
        with tenant_scope(actor.organisation_id):
            knowledge.remove_document(actor=actor, document_id=document.id)
        order.append("deleted")
        connections.close_all()

    with transaction.atomic():
        assert knowledge.hold_documents([document.id]) == 1
        thread = threading.Thread(target=delete)
        thread.start()
        thread.join(timeout=1)
        order.append("stored")
    thread.join()
    assert order == ["stored", "deleted"]
    assert take_back(knowledge_base_id=base.id, document_ids=[document.id]) == 0
