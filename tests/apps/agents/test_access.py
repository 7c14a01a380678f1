"""Who may use a published agent: its owner and licence holders; others are told where to get a licence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from apps.agents import selectors, services
from apps.agents.errors import AgentNotFound, LicenceRequired
from apps.agents.models import AgentUsage
from apps.agents.types import AgentInfo, Offer, UsageSide
from apps.assets import services as assets
from apps.assets.types import AccessRight
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor
from tests.apps.agents.conftest import offer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def published(actor: Actor, make_agent: Callable[..., AgentInfo]) -> AgentInfo:
    reader = make_agent(actor, "contract-reader")
    services.publish_agent(actor=actor, agent_id=reader.id)
    return selectors.agent(actor, reader.id)


def asset_of(agent: AgentInfo) -> UUID:
    assert agent.asset_id is not None
    return agent.asset_id


def licence(owner: Actor, agent: AgentInfo, buyer: Actor) -> Any:
    with tenant_scope(owner.organisation_id):
        return assets.grant_access(
            actor=owner,
            asset_id=asset_of(agent),
            grantee_id=buyer.organisation_id,
            right=AccessRight.USE,
            source_type="test.licence",
            source_id="1",
        )


def test_an_unlisted_agent_does_not_exist_for_others(other_actor: Actor, published: AgentInfo) -> None:
    with pytest.raises(AgentNotFound):
        selectors.access_to(other_actor, published.slug)
    with pytest.raises(AgentNotFound):
        selectors.access_to(None, published.slug)


def test_a_listed_agent_names_price_and_place(
    other_actor: Actor, published: AgentInfo, offered: dict[UUID, Offer]
) -> None:
    offered[asset_of(published)] = offer_of(asset_of(published))
    with pytest.raises(LicenceRequired) as caught:
        selectors.access_to(other_actor, published.slug)
    assert caught.value.code == "license_required"
    assert caught.value.context["buy_url"].endswith(f"/marketplace/{published.asset_id}/")
    assert caught.value.context["price"] == {"amount_minor": "900", "currency": "USD"}


def test_a_licence_opens_and_its_end_closes(actor: Actor, other_actor: Actor, published: AgentInfo) -> None:
    grant = licence(actor, published, other_actor)
    assert selectors.access_to(other_actor, published.slug).agent_id == published.id
    assert [agent.slug for agent in selectors.usable_agents(other_actor)] == [published.slug]
    with tenant_scope(actor.organisation_id):
        assets.revoke_access(actor=actor, grant_id=grant.id)
    with pytest.raises(AgentNotFound):
        selectors.access_to(other_actor, published.slug)
    assert selectors.usable_agents(other_actor) == []


def test_a_buyer_is_answered_and_both_see_the_call(actor: Actor, other_actor: Actor, published: AgentInfo) -> None:
    licence(actor, published, other_actor)
    with tenant_scope(other_actor.organisation_id):
        target = selectors.published_target(other_actor, published.slug)
        finished = services.answer(actor=other_actor, target=target, question="What is the notice period?")
        assert "three months" in finished.answer.text
        used = selectors.usage(other_actor, published.id, UsageSide.USED)
        assert used.calls == 1
        assert AgentUsage.objects.count() == 1  # the owner's row is not visible here
    served = selectors.usage(actor, published.id, UsageSide.SERVED)
    assert (served.calls, served.callers) == (1, 1)
    assert served.prompt_tokens == used.prompt_tokens > 0


def test_the_buyers_conversation_is_not_the_owners_to_read(
    actor: Actor, other_actor: Actor, published: AgentInfo
) -> None:
    licence(actor, published, other_actor)
    with tenant_scope(other_actor.organisation_id):
        target = selectors.published_target(other_actor, published.slug)
        finished = services.answer(actor=other_actor, target=target, question="What is the notice period?")
        assert finished.conversation_id is not None
        assert len(selectors.messages(other_actor, finished.conversation_id, published.id)) == 2
    from apps.agents.models import Conversation

    assert not Conversation.objects.filter(id=finished.conversation_id).exists()


def test_a_paused_agent_is_gone_for_others_and_comes_back(
    actor: Actor, other_actor: Actor, published: AgentInfo
) -> None:
    licence(actor, published, other_actor)
    services.pause_agent(actor=actor, agent_id=published.id)
    with pytest.raises(AgentNotFound):
        selectors.access_to(other_actor, published.slug)
    assert selectors.access_to(actor, published.slug).is_paused
    services.resume_agent(actor=actor, agent_id=published.id)
    assert selectors.access_to(other_actor, published.slug).agent_id == published.id
