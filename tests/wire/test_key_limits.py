"""Keys with limits: what they may not do is refused, also when everybody calls at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import openai
import pytest

from apps.agents.types import AgentInfo
from apps.core import clock
from apps.core.tenant import tenant_scope
from apps.tenancy.models import ApiKey, ApiKeyWindow
from apps.tenancy.types import Actor, KeyScope

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION: Any = [{"role": "user", "content": "What is the notice period?"}]
AT_ONCE = 12


def ask(client: openai.OpenAI, slug: str) -> str:
    try:
        client.chat.completions.create(model=slug, messages=QUESTION)
    except openai.RateLimitError as error:
        return str(error.code) if int(error.response.headers["retry-after"]) >= 1 else "no time"
    return "answered"


def outcomes(client: openai.OpenAI, slug: str) -> dict[str, int]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = list(threads.map(lambda _: ask(client, slug), range(AT_ONCE)))
    return {name: found.count(name) for name in set(found)}


def test_a_key_makes_no_more_calls_than_it_may_however_many_come_at_once(
    actor: Actor, published: AgentInfo, openai_of: Any
) -> None:
    found = outcomes(openai_of(actor, requests_per_day=5), published.slug)
    assert found == {"answered": 5, "rate_limit_exceeded": AT_ONCE - 5}


def test_the_calls_of_a_minute_are_counted_by_themselves(actor: Actor, published: AgentInfo, openai_of: Any) -> None:
    client = openai_of(actor, requests_per_minute=1)
    answers = [ask(client, published.slug) for _ in range(3)]
    # The minute may turn between two calls, not between all three.
    assert answers[0] == "answered"
    assert "rate_limit_exceeded" in answers
    with pytest.raises(openai.RateLimitError) as caught:  # noqa: PT012  # the minute may turn, once
        for _ in range(3):
            client.models.list()
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 61


def test_a_key_spends_no_more_tokens_than_its_cap_however_many_ask_at_once(
    actor: Actor, published: AgentInfo, openai_of: Any
) -> None:
    cost = openai_of(actor).chat.completions.create(model=published.slug, messages=QUESTION).usage.total_tokens
    found = outcomes(openai_of(actor, tokens_per_month=cost * 4), published.slug)
    assert found == {"answered": 4, "insufficient_quota": AT_ONCE - 4}
    with tenant_scope(actor.organisation_id):
        capped = ApiKey.objects.get(organisation_id=actor.organisation_id, tokens_per_month=cost * 4)
        assert ApiKeyWindow.objects.get(key=capped, period="month").tokens == cost * 4


def test_what_is_not_used_of_the_tokens_set_aside_comes_back(actor: Actor, writer: AgentInfo, openai_of: Any) -> None:
    client = openai_of(actor, tokens_per_month=2500)
    for _ in range(2):
        usage = client.chat.completions.create(
            model=writer.slug, messages=[{"role": "user", "content": "What about returns?"}], max_tokens=8
        ).usage
        assert usage.total_tokens < 1000
    with tenant_scope(actor.organisation_id):
        assert ApiKeyWindow.objects.get(period="month", key__tokens_per_month=2500).tokens < 2000


def test_a_key_for_one_agent_knows_no_other(
    actor: Actor, published: AgentInfo, writer: AgentInfo, openai_of: Any
) -> None:
    client = openai_of(actor, agent_ids=(published.id,))
    assert [model.id for model in client.models.list().data] == [published.slug]
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=writer.slug, messages=QUESTION)


def test_a_key_that_manages_does_not_ask_and_the_other_way_round(
    actor: Actor, published: AgentInfo, openai_of: Any, key_of: Any, client: Any
) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        openai_of(actor, scopes=(KeyScope.MANAGE,)).models.list()
    assert caught.value.code == "key_scope"

    def status(path: str, **limits: Any) -> int:
        return int(client.get(path, HTTP_AUTHORIZATION=f"Bearer {key_of(actor, **limits)}").status_code)

    assert status("/api/v1/agents/", scopes=(KeyScope.CHAT,)) == 403
    assert status("/api/v1/me/", scopes=(KeyScope.CHAT,)) == 200
    assert status("/api/v1/agents/", scopes=(KeyScope.MANAGE,)) == 200
    assert status("/api/v1/datasets/", agent_ids=(published.id,)) == 403
    assert status(f"/api/v1/agents/{published.id}/", agent_ids=(published.id,)) == 200


def test_a_key_ends_when_it_should(actor: Actor, published: AgentInfo, openai_of: Any) -> None:
    client = openai_of(actor, expires_at=clock.now() + timedelta(hours=1), tokens_per_month=77)
    assert client.models.list().data
    ApiKey.objects.filter(tokens_per_month=77).update(expiry_date=clock.now() - timedelta(seconds=1))
    with pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_a_limited_key_makes_no_keys(actor: Actor, key_of: Any, client: Any) -> None:
    headers = {"HTTP_AUTHORIZATION": f"Bearer {key_of(actor, scopes=(KeyScope.MANAGE,))}"}
    made = client.post("/api/v1/api-keys/", {"name": "more"}, content_type="application/json", **headers)
    assert (made.status_code, made.json()["code"]) == (403, "key_scope")


def test_a_key_is_made_changed_and_watched_by_the_api(
    actor: Actor, published: AgentInfo, api_for: Any, client: Any
) -> None:
    api = api_for(actor)
    limits = {"name": "shop", "scopes": ["chat"], "agent_ids": [str(published.id)], "requests_per_day": 3}
    made = api.post("/api/v1/api-keys/", limits, format="json").json()
    headers = {"HTTP_AUTHORIZATION": f"Bearer {made['secret']}"}
    assert client.get("/v1/models", **headers).status_code == 200
    url = f"/api/v1/api-keys/{made['id']}/"
    usage = api.get(f"{url}usage/").json()
    assert (usage["requests_today"], usage["days"][0]["requests"]) == (1, 1)
    changed = api.patch(url, {"requests_per_day": 1}, format="json").json()
    assert (changed["requests_per_day"], changed["scopes"]) == (1, ["chat"])
    assert changed["last_used_at"] is not None
    assert client.get("/v1/models", **headers).status_code == 429
    refused = api.patch(url, {"agent_ids": [str(actor.organisation_id)]}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "agent_ids")


def test_a_key_is_limited_on_its_page(actor: Actor, published: AgentInfo, client_for: Any) -> None:
    browser = client_for(actor)
    form = {"name": "Shop", "scopes": ["chat"], "agents": [str(published.id)], "tokens_per_month": "5000"}
    assert "sk_" in browser.post("/organisation/keys/", form).content.decode()
    key = ApiKey.objects.get(organisation_id=actor.organisation_id, name="Shop")
    assert (key.scopes, key.agent_ids, key.tokens_per_month) == (["chat"], [published.id], 5000)
    page = browser.get(f"/organisation/keys/{key.pk}/").content.decode()
    assert "5,000" in page
    assert browser.post(f"/organisation/keys/{key.pk}/", form | {"tokens_per_month": ""}).status_code == 302
    key.refresh_from_db()
    assert key.tokens_per_month is None
    assert browser.post(f"/organisation/keys/{key.pk}/", form | {"requests_per_day": "0"}).status_code == 422
