"""`/v1/responses` by OpenAI's client: whole, streamed, continued, in the background, forgotten."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from apps.agents import services
from apps.agents.models import StoredResponse
from apps.agents.types import AgentInfo
from apps.core import outbox
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "What is the notice period?"


def test_a_response_is_kept_and_can_be_forgotten(actor: Actor, published: AgentInfo, openai_of: Any) -> None:
    client = openai_of(actor)
    made = client.responses.create(model=published.slug, input=QUESTION, metadata={"case": "7"})
    assert "three months" in made.output_text
    assert (made.status, made.model, made.metadata) == ("completed", published.slug, {"case": "7"})
    citation = made.output[0].content[0].annotations[0]
    assert (citation.type, citation.filename) == ("file_citation", "Example service-agreement.md")
    assert client.responses.retrieve(made.id).output_text == made.output_text
    items = client.responses.input_items.list(made.id).data
    assert items[0].content[0].text == QUESTION
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_what_shall_not_be_kept_is_not(actor: Actor, published: AgentInfo, openai_of: Any) -> None:
    client = openai_of(actor)
    made = client.responses.create(model=published.slug, input=QUESTION, store=False)
    assert made.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_a_stream_has_the_events_of_a_response(actor: Actor, writer: AgentInfo, openai_of: Any) -> None:
    client = openai_of(actor)
    question = "How long do I have to return an item?"
    with client.responses.stream(model=writer.slug, input=question, max_output_tokens=24) as stream:
        events: list[Any] = list(stream)
    final = events[-1].response
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds.count("response.output_text.delta") > 3
    assert kinds[-1] in ("response.completed", "response.incomplete")
    assert events[0].sequence_number == 0
    assert final.usage.output_tokens > 0
    assert client.responses.retrieve(final.id).output_text == final.output_text


def test_a_response_continues_another(actor: Actor, published: AgentInfo, openai_of: Any) -> None:
    client = openai_of(actor)
    first = client.responses.create(model=published.slug, input=QUESTION, instructions="Be brief.")
    # Too short to be looked up alone: what was asked before is what it means.
    second = client.responses.create(model=published.slug, input="And again?", previous_response_id=first.id)
    assert "three months" in second.output_text
    assert second.previous_response_id == first.id
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=published.slug, input=QUESTION, previous_response_id="resp_nothing")


def test_nobody_reads_the_responses_of_others(
    actor: Actor, other_actor: Actor, published: AgentInfo, openai_of: Any
) -> None:
    made = openai_of(actor).responses.create(model=published.slug, input=QUESTION)
    stranger = openai_of(other_actor)
    for call in (stranger.responses.retrieve, stranger.responses.delete, stranger.responses.cancel):
        with pytest.raises(openai.NotFoundError):
            call(made.id)


def test_a_background_response_is_answered_by_a_worker(actor: Actor, published: AgentInfo, openai_of: Any) -> None:
    client = openai_of(actor)
    queued = client.responses.create(model=published.slug, input=QUESTION, background=True)
    assert queued.status == "queued"
    outbox.drain()
    done = client.responses.retrieve(queued.id)
    assert done.status == "completed"
    assert "three months" in done.output_text
    with pytest.raises(openai.ConflictError):
        client.responses.cancel(queued.id)


def test_a_cancelled_background_response_is_not_answered(actor: Actor, published: AgentInfo, openai_of: Any) -> None:
    client = openai_of(actor)
    queued = client.responses.create(model=published.slug, input=QUESTION, background=True)
    assert client.responses.cancel(queued.id).status == "cancelled"
    outbox.drain()
    left = client.responses.retrieve(queued.id)
    assert (left.status, left.output_text) == ("cancelled", "")


def test_responses_older_than_they_are_kept_are_deleted(actor: Actor, published: AgentInfo, openai_of: Any) -> None:
    from datetime import timedelta

    from apps.core import clock

    made = openai_of(actor).responses.create(model=published.slug, input=QUESTION)
    with tenant_scope(actor.organisation_id):
        StoredResponse.objects.update(created_at=clock.now() - timedelta(days=31))
    with pytest.raises(openai.NotFoundError):
        openai_of(actor).responses.retrieve(made.id)
    assert services.forget_old_responses() >= 1


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"input": []}, "input"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input[0]"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True, "stream": True}, "background"),
    ],
)
def test_what_is_not_understood_is_a_bad_request(
    actor: Actor, published: AgentInfo, openai_of: Any, asked: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openai_of(actor).responses.create(**{"model": published.slug, "input": QUESTION} | asked)
    assert caught.value.param == param
