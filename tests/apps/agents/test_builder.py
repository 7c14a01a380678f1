"""From a template to a published version with its provenance."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from apps.agents import selectors, services
from apps.agents.catalogue import TEMPLATES
from apps.agents.errors import NotReadyToPublish
from apps.agents.models import AgentVersion, PublishedAgent
from apps.agents.services import AgentChanges
from apps.agents.types import AgentInfo, AgentState
from apps.assets import selectors as assets
from apps.core import outbox
from apps.core.errors import InvalidInput, NotFound, NotPermitted
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge
from apps.knowledge.services import Upload
from apps.tenancy.types import Actor, Role

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_every_template_is_complete(template: Any) -> None:
    assert len(template.starters) == 3
    assert all(len(template.content(document)) > 200 for document in template.documents)
    assert template.instruction
    assert template.job
    cases = template.cases()
    assert len(cases) >= 8
    told = " ".join(" ".join(template.content(document).decode().split()) for document in template.documents).lower()
    for case in cases:
        assert case.answerable == bool(case.expected)
        for words in case.expected:
            assert words.lower() in told, f"{words} is not in the documents of {template.key}"


def test_a_template_makes_a_draft_that_has_something_to_answer_from(actor: Actor, agent: AgentInfo) -> None:
    assert agent.state is AgentState.DRAFT
    base = knowledge.knowledge_base(actor, agent.config.knowledge_base_ids[0])
    assert base.ready == 1
    assert selectors.missing_for_publishing(actor, agent.id) == []


def test_own_documents_replace_the_example(actor: Actor, agent: AgentInfo) -> None:
    content = b"# Ours\n\nWe open at nine."
    services.add_agent_documents(
        actor=actor, agent_id=agent.id, files=[Upload("ours.md", len(content), io.BytesIO(content))]
    )
    documents = knowledge.documents(actor, agent.config.knowledge_base_ids[0])
    assert [document.name for document in documents] == ["ours.md"]


def test_bad_fields_are_named_and_nothing_changes(actor: Actor, agent: AgentInfo) -> None:
    changes = AgentChanges(name="", tone="rude", temperature=9.0, job="A new job.")
    with pytest.raises(InvalidInput) as caught:
        services.update_agent(actor=actor, agent_id=agent.id, changes=changes)
    assert {problem["field"] for problem in caught.value.errors} == {"name", "tone", "temperature"}
    assert selectors.agent(actor, agent.id).config == agent.config


def test_publishing_registers_the_agent_with_its_knowledge(actor: Actor, agent: AgentInfo) -> None:
    version = services.publish_agent(actor=actor, agent_id=agent.id)
    assert version.number == 1
    lineage = assets.lineage(version.asset_version_id)
    pin = version.knowledge[0]
    assert [(edge.parent_id, edge.weight_bps) for edge in lineage.edges] == [(pin.asset_version_id, 2000)]
    public = selectors.public_agent(agent.slug)
    assert (public.name, public.number, public.version_id) == ("Support desk", 1, version.id)
    assert not selectors.agent(actor, agent.id).has_unpublished_changes


def test_publishing_the_same_again_makes_no_version(actor: Actor, agent: AgentInfo) -> None:
    first = services.publish_agent(actor=actor, agent_id=agent.id)
    assert services.publish_agent(actor=actor, agent_id=agent.id).id == first.id
    services.update_agent(actor=actor, agent_id=agent.id, changes=AgentChanges(tone="formal"))
    assert selectors.agent(actor, agent.id).has_unpublished_changes
    assert services.publish_agent(actor=actor, agent_id=agent.id).number == 2
    assert [version.number for version in selectors.versions(actor, agent.id)] == [2, 1]


def test_a_published_version_cannot_be_changed(actor: Actor, agent: AgentInfo) -> None:
    version = services.publish_agent(actor=actor, agent_id=agent.id)
    with pytest.raises(DatabaseError), transaction.atomic():
        AgentVersion.objects.filter(id=version.id).update(instruction="Lie.")


def test_weights_are_chosen_by_knowledge_base(actor: Actor, agent: AgentInfo) -> None:
    base_id = agent.config.knowledge_base_ids[0]
    version = services.publish_agent(actor=actor, agent_id=agent.id, parent_weights_bps={base_id: 3500})
    assert assets.lineage(version.asset_version_id).edges[0].weight_bps == 3500


def test_impossible_weights_leave_nothing_behind(actor: Actor, agent: AgentInfo) -> None:
    base_id = agent.config.knowledge_base_ids[0]
    with pytest.raises(InvalidInput):
        services.publish_agent(actor=actor, agent_id=agent.id, parent_weights_bps={base_id: 9500})
    assert selectors.versions(actor, agent.id) == []
    assert not PublishedAgent.objects.filter(agent_id=agent.id).exists()
    assert knowledge.latest_release(actor, base_id) is None


def test_what_is_missing_is_listed_with_links(actor: Actor, make_agent: Callable[..., AgentInfo]) -> None:
    triage = make_agent(actor, "message-triage")
    with pytest.raises(NotReadyToPublish) as caught:
        services.publish_agent(actor=actor, agent_id=triage.id)
    missing = caught.value.context["missing"]
    assert [item["code"] for item in missing] == ["classifier"]
    assert missing[0]["url"].startswith(f"/agents/{triage.id}/edit/")


def test_documents_on_their_way_keep_an_agent_back(actor: Actor, settings: Any) -> None:
    agent = services.create_agent_from_template(actor=actor, template_key="tutor")
    codes = [item.code for item in selectors.missing_for_publishing(actor, agent.id)]
    assert codes == ["documents_processing"]


def test_a_viewer_may_look_but_not_make(actor: Actor, agent: AgentInfo, make_actor: Callable[..., Actor]) -> None:
    viewer = make_actor(Role.VIEWER, organisation_id=actor.organisation_id)
    with tenant_scope(actor.organisation_id):
        assert selectors.agent(viewer, agent.id).id == agent.id
        for attempt in (
            lambda: services.create_agent_from_template(actor=viewer, template_key="tutor"),
            lambda: services.publish_agent(actor=viewer, agent_id=agent.id),
            lambda: services.update_agent(actor=viewer, agent_id=agent.id, changes=AgentChanges(tone="formal")),
        ):
            with pytest.raises(NotPermitted):
                attempt()


def test_another_organisation_finds_nothing(actor: Actor, other_actor: Actor, agent: AgentInfo) -> None:
    with tenant_scope(other_actor.organisation_id):
        for attempt in (
            lambda: selectors.agent(other_actor, agent.id),
            lambda: selectors.versions(other_actor, agent.id),
            lambda: selectors.draft_target(other_actor, agent.id),
            lambda: services.publish_agent(actor=other_actor, agent_id=agent.id),
            lambda: services.update_agent(actor=other_actor, agent_id=agent.id, changes=AgentChanges(tone="formal")),
            lambda: services.create_agent_from_template(
                actor=other_actor, template_key="tutor", knowledge_base_ids=agent.config.knowledge_base_ids
            ),
        ):
            with pytest.raises(NotFound):
                attempt()


def test_an_unknown_template_or_base_is_named(actor: Actor) -> None:
    with pytest.raises(NotFound) as caught:
        services.create_agent_from_template(actor=actor, template_key="butler")
    assert caught.value.code == "template_not_found"
    with pytest.raises(NotFound):
        services.create_agent_from_template(actor=actor, template_key="tutor", knowledge_base_ids=[uuid4()])


def test_a_new_document_makes_publishing_release_the_knowledge_again(actor: Actor, agent: AgentInfo) -> None:
    first = services.publish_agent(actor=actor, agent_id=agent.id)
    content = b"# Ours\n\nWe open at nine."
    services.add_agent_documents(
        actor=actor, agent_id=agent.id, files=[Upload("ours.md", len(content), io.BytesIO(content))]
    )
    outbox.drain()
    second = services.publish_agent(actor=actor, agent_id=agent.id)
    assert (second.number, second.knowledge[0].number) == (2, 2)
    assert second.knowledge[0].asset_version_id != first.knowledge[0].asset_version_id
