"""A crawl: every route, every method, with the ids of another organisation, finds nothing and changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection, models
from django.urls import URLPattern, URLResolver, get_resolver

from apps.core.tenant import TenantOwned, all_tenants, tenant_scope
from tests.apps.marketplace.conftest import make_listing  # noqa: F401  # a fixture
from tests.isolation.world import CANARY, furnish

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete")
#: Everything else either finds nothing, or is about the caller and has no id in it.
REFUSED = {401, 402, 403, 404, 405, 409, 415, 422}
#: Ids of one kind that are tried: the views know no difference between the third and the hundredth.
IDS_OF_A_KIND = 2
#: What the crawl must find, or it says nothing.
FURNISHED = (
    "order",
    "task",
    "skill",
    "import",
    "importeditem",
    "quarantinedrow",
    "media",
    "dataset",
    "datasetversion",
    "asset",
    "knowledgebase",
    "document",
    "source",
    "questionset",
    "questionrun",
    "agent",
    "connection",
    "agenttable",
    "abtest",
    "evaluationset",
    "evaluationrun",
    "pendingcall",
    "team",
    "teamrun",
    "teamstep",
    "topup",
    "withdrawal",
    "licence",
    "invitation",
    "membership",
    "auditentry",
    "chainintent",
)
METHOD_NOT_ALLOWED = 405
PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")


def routes(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    """Every route of ours that takes an id, as Django writes it."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        elif isinstance(entry, URLPattern) and PARAMETER.search(route):
            yield route


def ours(route: str) -> bool:
    return not route.startswith(("admin/", "_allauth/", "accounts/", "^static", "^"))


ROUTES = sorted({route for route in routes() if ours(route)})


def ids_by_model(organisation_id: UUID) -> dict[str, list[str]]:
    """Primary keys of what the organisation owns, some of each kind, by model name in lower case."""
    found: dict[str, list[str]] = {}
    with all_tenants(reason="test"):
        for model in apps.get_models():
            if issubclass(model, TenantOwned):
                owned = model._base_manager.filter(tenant_id=organisation_id).order_by("pk")
                keys = owned.values_list("pk", flat=True)[:IDS_OF_A_KIND]
                found.setdefault(model.__name__.lower(), []).extend(str(key) for key in keys)
    return found


def candidates(name: str, kind: str, ids: dict[str, list[str]], slugs: list[str]) -> list[str]:
    """What a parameter is filled with: the owner's ids of that kind, or, where the name does not tell, all of them."""
    if kind == "int":
        return ["1"]
    if kind == "slug":
        return slugs
    return ids.get(name.removesuffix("_id").replace("_", ""), []) or sorted(
        {key for keys in ids.values() for key in keys}
    )


def filled(route: str, ids: dict[str, list[str]], slugs: list[str]) -> Iterator[str]:
    """The route with each of the owner's ids in turn."""
    parameters = [(m["name"], m["kind"] or "str") for m in PARAMETER.finditer(route)]
    first, *rest = parameters
    for value in candidates(*first, ids, slugs):
        path = PARAMETER.sub(value, route, count=1)
        for parameter in rest:
            others = candidates(*parameter, ids, slugs)
            path = PARAMETER.sub(others[0] if others else value, path, count=1)
        yield "/" + path


def fingerprint(organisation_id: UUID) -> dict[str, list[Any]]:
    """Everything that the organisation owns, as PostgreSQL prints it."""
    found = {}
    with all_tenants(reason="test"), connection.cursor() as cursor:
        for model in apps.get_models():
            if issubclass(model, TenantOwned):
                table = connection.ops.quote_name(model._meta.db_table)
                cursor.execute(f"SELECT t::text FROM {table} t WHERE tenant_id = %s ORDER BY 1", [organisation_id])  # noqa: S608  # a quoted name
                found[model._meta.db_table] = cursor.fetchall()
    return found


def tells(body: bytes, path: str) -> bool:
    """Whether an answer carries the canary (other than by repeating what was asked for)."""
    text = body.lower()
    for part in path.lower().strip("/").split("/"):
        text = text.replace(part.encode(), b"") if CANARY in part else text
    return CANARY.encode() in text


@pytest.fixture
def world(actor: Any, make_actor: Any, api_for: Any, make_listing: Any) -> Any:  # noqa: F811  # the fixture
    seller = make_actor(name="Seller")
    listing = make_listing(seller)
    furnish(api_for(actor), actor, seller, listing)
    return actor


def test_another_organisations_ids_find_and_change_nothing(world, other_actor, api_for, client_for):
    ids = ids_by_model(world.organisation_id)
    assert [name for name in FURNISHED if not ids.get(name)] == []
    slugs = _slugs(world.organisation_id)
    before = fingerprint(world.organisation_id)
    api, client = api_for(other_actor), client_for(other_actor)
    tried, holes = 0, []
    with tenant_scope(other_actor.organisation_id):
        for route in ROUTES:
            methods = list(METHODS)
            for path in filled(route, ids, slugs):
                for method in list(methods):
                    caller = api if path.startswith(("/api/", "/v1/")) else client
                    response = getattr(caller, method)(path)
                    body = b"" if response.streaming else response.content
                    tried += 1
                    if response.status_code not in REFUSED or tells(body, path):
                        holes.append((method, path, route, response.status_code))
                    if response.status_code == METHOD_NOT_ALLOWED:
                        methods.remove(method)  # the view has no such method, whatever the id
    assert tried > 300
    assert sorted({(method, route, status) for method, _, route, status in holes}) == []
    assert fingerprint(world.organisation_id) == before


def test_lists_of_another_organisation_show_nothing(world, other_actor, api_for, client_for):
    api, client = api_for(other_actor), client_for(other_actor)
    lists = sorted({route for route in _plain_routes() if ours(route)})
    seen = []
    with tenant_scope(other_actor.organisation_id):
        for route in lists:
            caller = api if route.startswith(("api/", "v1/")) else client
            response = caller.get("/" + route)
            body = b"".join(response.streaming_content) if response.streaming else response.content
            if CANARY.encode() in body.lower():
                seen.append(route)
    assert len(lists) > 40
    assert seen == []


def _plain_routes(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _plain_routes(entry, route)
        elif not PARAMETER.search(route) and not route.startswith("^") and "logout" not in route:
            yield route


def _slugs(organisation_id: UUID) -> list[str]:
    """Slugs of what the organisation owns."""
    found: list[str] = []
    with all_tenants(reason="test"):
        for model in apps.get_models():
            if issubclass(model, TenantOwned) and any(
                isinstance(field, models.Field) and field.name == "slug" for field in model._meta.get_fields()
            ):
                rows: Any = model._base_manager.filter(tenant_id=organisation_id)
                found += rows.values_list("slug", flat=True)
    return found
