"""What an agent tells others: quotes of a limited length and share, no passages, no canaries; owners see everything."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.agents import selectors, services
from apps.agents.output.copying import SHORT_RUN, Allowance, Copied, CopyLimit, longest_copy, merged
from apps.agents.output.guard import WITHHELD, OutputGuard
from apps.agents.output.secrets import Secrets
from apps.agents.services import AgentChanges
from apps.agents.services.answering import begin_answer, stream_answer
from apps.agents.types import AgentInfo, AnswerMode, ChatDelta, ChatFinished, ChatStarted, FinishReason
from apps.core import outbox
from apps.core.errors import InvalidInput, NotFound, NotPermitted
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge_reads
from apps.knowledge import services as knowledge
from apps.tenancy.types import Actor, Role
from tests.apps.agents.test_access import licence

DOCUMENT = UUID(int=1)
TEXT = (
    "The lighthouse keeper climbs two hundred and fourteen steps every evening before the lamp is lit. "
    "Its lens was ground in a workshop by the river and carried up in nineteen crates. "
    "When fog comes in from the west the horn sounds every forty seconds until the coast is clear again. "
    "The storeroom holds oil for ninety nights, wicks for sixty, and a spare pane for each window of the lantern. "
    "No visitor may enter the lantern room unless the keeper goes first and locks the gallery door behind them."
)
QUESTIONS = (
    "How many steps does the keeper climb?",
    "Where was the lens ground?",
    "How often does the horn sound in fog?",
    "How much oil does the storeroom hold?",
    "May a visitor enter the lantern room?",
)


def limit(longest: int, left: int = 10_000) -> CopyLimit:
    return CopyLimit([Copied(DOCUMENT, 0, TEXT)], longest, {DOCUMENT: Allowance(left)})


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_long_copy_is_cut_however_it_is_streamed(size: int) -> None:
    copying = limit(60)
    said = "".join(copying.feed(TEXT[at : at + size]) for at in range(0, len(TEXT), size))
    assert longest_copy(said, TEXT) <= 60
    assert said.endswith("[…]")


@pytest.mark.parametrize("turn", [str.upper, lambda text: text.replace(" ", "\n> "), lambda text: "-".join(text)])
def test_writing_it_otherwise_does_not_lengthen_a_copy(turn: Callable[[str], str]) -> None:
    assert longest_copy(limit(60).feed(turn(TEXT)), TEXT) <= 60


def test_a_word_put_in_does_not_begin_a_new_copy_but_for_its_first_letters() -> None:
    words = TEXT.split()
    padded = " ".join(f"{word} well" if at % 8 == 7 else word for at, word in enumerate(words))
    assert limit(10_000).feed(padded) == padded
    said = limit(60).feed(padded)
    assert len([word for word in said.split() if word != "well"]) < len(words) * 0.6


def test_a_word_put_in_between_pieces_too_short_by_themselves_does_not_help() -> None:
    padded = " ".join(f"{word} well" if at % 5 == 4 else word for at, word in enumerate(TEXT.split()))
    copying = limit(60)
    said = copying.feed(padded) + copying.close()
    # Behind the first quote only the beginning of each piece comes through.
    pieces = said.replace(" well", "").split("[…]")
    assert [longest_copy(piece, TEXT) < 24 for piece in pieces] == [False] + [True] * (len(pieces) - 1)
    assert longest_copy(pieces[0], TEXT) < 60 + SHORT_RUN


def test_once_the_share_is_spent_no_sentence_is_begun_and_what_only_agrees_by_chance_is_said() -> None:
    copying = limit(200, left=0)
    said = "".join(copying.feed(sign) for sign in TEXT) + copying.close()
    assert longest_copy(said, TEXT) < 12
    for chance in ("Some people own two hundred and fourteen hats.", "He took two hundred and fourteen steps"):
        copying = limit(200, left=0)
        assert copying.feed(chance) + copying.close() == chance


def test_the_readers_share_of_a_document_is_spent_once() -> None:
    copying = limit(200, left=90)
    said = copying.feed(TEXT[:60]) + copying.feed(" And further on: ") + copying.feed(TEXT[200:260])
    told = copying.told[DOCUMENT]
    assert sum(TEXT[at].isalnum() for start, end in told for at in range(start, end)) <= 90 + SHORT_RUN
    again = CopyLimit([Copied(DOCUMENT, 0, TEXT)], 200, {DOCUMENT: Allowance(0, merged(told))})
    assert again.feed(TEXT[:60]) == said[:60], "what was told may be told again"


@given(st.text(max_size=200))
@hypothesis_settings(max_examples=40)
def test_words_that_are_not_the_documents_pass_unchanged(text: str) -> None:
    assert limit(40).feed(text) == text or longest_copy(text, TEXT) >= SHORT_RUN


def test_what_the_instruction_has_in_quotation_marks_may_be_said() -> None:
    instruction = 'Be brief. When asked for the address say "Write to the harbour office at North Quay, number seven".'
    secrets = Secrets(texts=[instruction])
    guard = OutputGuard(secrets)
    said = "Write to the harbour office at North Quay, number seven."
    assert guard.feed(said) + guard.close() == said
    assert not guard.is_withheld


def test_an_escape_in_an_answer_does_not_make_its_quote_a_disguise() -> None:
    guard = OutputGuard(Secrets(copied=[TEXT]))
    said = f"R&amp;D and 100%25 of it: {TEXT[:90]}"
    assert guard.feed(said) + guard.close() == said


def test_a_short_instruction_in_chinese_is_protected_too() -> None:
    secrets = Secrets(texts=["请永远不要告诉客户我们的最低折扣是百分之八"])
    assert secrets.told_in("好的。请永远不要告诉客户我们的最低折扣是百分之八。")
    assert not secrets.told_in("您好。请问有什么可以帮您。我们的产品都在打折。")


# --- the whole product ----------------------------------------------------------------------------------------------


@pytest.fixture
def desk(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    """A published agent that quotes the lighthouse's document."""
    made = make_agent(actor, "contract-reader")
    base = knowledge.create_knowledge_base(actor=actor, name="Lighthouse")
    raw = f"# Lighthouse\n\n{TEXT}".encode()
    knowledge.add_documents(
        actor=actor, knowledge_base_id=base.id, files=[knowledge.Upload("l.md", len(raw), io.BytesIO(raw))]
    )
    changes = AgentChanges(mode=AnswerMode.QUOTE, knowledge_base_ids=[base.id], guard={"min_confidence": 0.0})
    services.update_agent(actor=actor, agent_id=made.id, changes=changes)
    outbox.drain()
    services.publish_agent(actor=actor, agent_id=made.id)
    return selectors.agent(actor, made.id)


def base_of(desk: AgentInfo) -> UUID:
    return desk.config.knowledge_base_ids[0]


def asked(actor: Actor, desk: AgentInfo, question: str, reader_id: UUID | None = None) -> list[Any]:
    with tenant_scope(actor.organisation_id):
        target = selectors.published_target(actor, desk.slug)
        begun = begin_answer(actor=actor, target=target, question=question, history=(), reader_id=reader_id)

        async def collect() -> list[Any]:
            return [event async for event in stream_answer(begun)]

        return async_to_sync(collect)()


def everything(events: list[Any]) -> str:
    """All that a client of any kind could be sent."""
    parts: list[str] = []
    for event in events:
        if isinstance(event, ChatDelta):
            parts.append(event.text)
        if isinstance(event, ChatStarted):
            parts.append(event.quote)
        if isinstance(event, ChatFinished):
            parts.append(event.answer.text)
        sources = event.answer.sources if isinstance(event, ChatFinished) else getattr(event, "sources", ())
        parts += [str(value) for source in sources for value in source.as_json().values()]
    return "\n0\n".join(parts)


@pytest.mark.django_db
def test_others_see_the_quote_and_no_passage_and_owners_see_it_whole(
    actor: Actor, other_actor: Actor, desk: AgentInfo
) -> None:
    licence(actor, desk, other_actor)
    theirs, mine = asked(other_actor, desk, QUESTIONS[0]), asked(actor, desk, QUESTIONS[0])
    assert "two hundred and fourteen" in theirs[-1].answer.text
    assert theirs[-1].answer.text == mine[-1].answer.text
    assert all(source.text == source.quote for source in theirs[-1].answer.sources)
    assert "nineteen crates" not in everything(theirs)
    assert "nineteen crates" in everything(mine)


@pytest.mark.django_db
def test_one_run_and_the_share_of_all_answers_stay_within_the_limits(
    actor: Actor, other_actor: Actor, desk: AgentInfo
) -> None:
    licence(actor, desk, other_actor)
    with tenant_scope(actor.organisation_id):
        knowledge.set_privacy(actor=actor, knowledge_base_id=base_of(desk), longest_quote=50, document_percent=1)
    said = [everything(asked(other_actor, desk, question)) for question in QUESTIONS]
    assert max(longest_copy(text, TEXT) for text in said) <= 50
    whole = "".join(said)
    words = [word for word in dict.fromkeys(TEXT.split()) if len(word) > 5]
    assert sum(word in whole for word in words) <= len(words) * 0.6
    with tenant_scope(actor.organisation_id):
        document = knowledge_reads.documents(actor, base_of(desk))[0].id
        told = knowledge_reads.told_to(actor, other_actor.organisation_id, [document])[document]
    letters = sum(end - start for start, end in told.spans)
    assert 0 < letters <= 3 * 50 * 1.4
    another = everything(asked(actor, desk, QUESTIONS[4], reader_id=uuid4()))
    assert "visitor may enter" in another, "what one reader has spent is not missing to another"
    assert longest_copy(another, TEXT) <= 50


@pytest.mark.django_db
def test_an_agent_may_be_stricter_than_its_knowledge_base(actor: Actor, other_actor: Actor, desk: AgentInfo) -> None:
    licence(actor, desk, other_actor)
    with tenant_scope(actor.organisation_id):
        changes = AgentChanges(guard={"min_confidence": 0.0, "longest_copy": 45})
        services.update_agent(actor=actor, agent_id=desk.id, changes=changes)
        services.publish_agent(actor=actor, agent_id=desk.id)
    assert longest_copy(everything(asked(other_actor, desk, QUESTIONS[3])), TEXT) <= 45


@pytest.mark.django_db
def test_a_canary_is_withheld_from_others_in_every_mode(actor: Actor, other_actor: Actor, desk: AgentInfo) -> None:
    licence(actor, desk, other_actor)
    with tenant_scope(actor.organisation_id):
        knowledge.plant_canary(actor=actor, knowledge_base_id=base_of(desk))
        outbox.drain()
        services.publish_agent(actor=actor, agent_id=desk.id)
        [mark] = knowledge_reads.privacy(actor, base_of(desk)).canaries
    question = "What is the mark of this collection?"
    assert mark in everything(asked(actor, desk, question))
    theirs = asked(other_actor, desk, question)
    assert mark not in everything(theirs)
    assert theirs[-1].answer.text == WITHHELD
    assert theirs[-1].answer.finish is FinishReason.FILTERED
    assert theirs[-1].answer.finish.for_openai == "content_filter"


@pytest.mark.django_db
def test_the_rules_are_set_by_page_and_api_and_only_by_administrators(
    actor: Actor, make_actor: Callable[..., Actor], desk: AgentInfo, client_for: Any, api_for: Any
) -> None:
    page, api = f"/knowledge/{base_of(desk)}/privacy/", f"/api/v1/knowledge-bases/{base_of(desk)}/privacy/"
    assert client_for(actor).post(page, {"longest_quote": "80", "document_percent": "20"}).status_code == 302
    found = api_for(actor).get(api).json()
    assert found == {"longest_quote": 80, "document_percent": 20, "canaries": 0}
    assert client_for(actor).post(page, {"longest_quote": "0x", "document_percent": "20"}).status_code == 422
    wrong = api_for(actor).put(api, {"longest_quote": 7, "document_percent": 101}, format="json")
    assert [error["field"] for error in wrong.json()["errors"]] == ["longest_quote", "document_percent"]
    assert api_for(actor).post(f"{api}canaries/").status_code == 201
    assert "1 planted" in client_for(actor).get(page).content.decode()
    member = make_actor(Role.MEMBER, organisation_id=actor.organisation_id)
    with tenant_scope(actor.organisation_id), pytest.raises(NotPermitted):
        knowledge.set_privacy(actor=member, knowledge_base_id=base_of(desk), longest_quote=80, document_percent=5)


@pytest.mark.django_db
def test_rules_of_others_do_not_exist(other_actor: Actor, desk: AgentInfo) -> None:
    with tenant_scope(other_actor.organisation_id):
        for work in (
            lambda: knowledge_reads.privacy(other_actor, base_of(desk)),
            lambda: knowledge.plant_canary(actor=other_actor, knowledge_base_id=base_of(desk)),
        ):
            with pytest.raises(NotFound):
                work()
        with pytest.raises((NotFound, InvalidInput)):
            knowledge.set_privacy(
                actor=other_actor, knowledge_base_id=base_of(desk), longest_quote=80, document_percent=5
            )
