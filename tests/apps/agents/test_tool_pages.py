"""Pages of an agent's tools and of connections: adding, choosing, removing, by plain forms."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import FilePayload

from apps.agents import selectors, services
from apps.agents.services import AgentChanges
from apps.agents.specs import AgentTool, HttpTool, RemoteTool, TableTool
from apps.agents.types import AgentInfo, ConnectionKind
from apps.core import guarded
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor, Role
from tests.apps.agents.conftest import text_file
from tests.apps.agents.foreign_servers import SHOP_DOCUMENT, Seen, Stranger, stranger
from tests.chromium import launched, new_context
from tests.wire.foreign_agent import KEY, foreign_agent

pytestmark = pytest.mark.django_db

SALES = "region,units\nNorth,3\nSouth,4\nNorth,5\n"
YAML_DOCUMENT = """
openapi: 3.1.0
info: {title: Clock, version: 2024-01-01}
servers: [{url: /v1}]
paths:
  /time:
    get: {operationId: getTime, summary: The time}
"""
BOMB = "a: &a [x,x]\nb: &b [*a,*a]\npaths: {p: [*b,*b]}\n"


@pytest.fixture(autouse=True)
def _loopback_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "LOOPBACK_IS_REACHED", True)


@pytest.fixture
def bare(actor: Actor) -> AgentInfo:
    """A draft without documents."""
    return services.create_agent_from_template(actor=actor, template_key="tutor", knowledge_base_ids=[])


@pytest.fixture(scope="module")
def documents() -> Iterator[Stranger]:
    """A host of OpenAPI documents, good and bad."""
    pages = {
        "/shop.json": json.dumps(SHOP_DOCUMENT),
        "/clock.yaml": YAML_DOCUMENT,
        "/bomb.yaml": BOMB,
        "/page.html": "<html><body>Hello</body></html>",
        "/nothing.json": '{"openapi": "3.1.0", "paths": {}}',
    }

    def respond(seen: Seen) -> tuple[int, bytes]:
        return (200, pages[seen.path].encode()) if seen.path in pages else (404, b"")

    with stranger(respond) as found:
        yield found


def tools_of(actor: Actor, agent: AgentInfo) -> tuple[Any, ...]:
    return selectors.agent(actor, agent.id).config.tools


def test_a_table_is_uploaded_and_asked(
    actor: Actor, bare: AgentInfo, client_for: Callable[..., Any], runner: object
) -> None:
    client, url = client_for(actor), f"/agents/{bare.id}/tools/"
    answer = client.post(
        url, {"kind": "table", "file": text_file("Sales 2026.csv", SALES), "examples": "How many?\n\n"}
    )
    assert (answer.status_code, answer["Location"]) == (302, url)
    (spec,) = tools_of(actor, bare)
    assert isinstance(spec, TableTool)
    assert (spec.name, spec.examples) == ("sales_2026", ("How many?",))
    page = client.get(url).content.decode()
    assert "3 rows. Columns: region, units. It only reads." in page
    target = selectors.draft_target(actor, bare.id)
    asked = services.answer(actor=actor, target=target, question="How many units are there in the North in total?")
    assert asked.answer.text.endswith("**8**")
    again = client.post(url, {"kind": "table", "table": str(spec.table_id), "examples": ""})
    assert again.status_code == 302
    assert [one.name for one in tools_of(actor, bare)] == ["sales_2026", "sales_2026_2"]


def test_what_is_no_table_is_refused_beside_its_field(
    actor: Actor, bare: AgentInfo, client_for: Callable[..., Any]
) -> None:
    client, url = client_for(actor), f"/agents/{bare.id}/tools/"
    for fields in ({}, {"file": text_file("a.csv", "only,a,head\n")}):
        answer = client.post(url, {"kind": "table", "examples": ""} | fields)
        assert answer.status_code == 422
        assert b"field-error" in answer.content or b"alert-error" in answer.content
    assert tools_of(actor, bare) == ()
    assert client.post(url, {"kind": "magic"}).status_code == 404


def test_calculator_and_agent_are_added_and_removed(
    actor: Actor, bare: AgentInfo, make_agent: Callable[..., AgentInfo], client_for: Callable[..., Any]
) -> None:
    reader = make_agent(actor, "contract-reader")
    services.publish_agent(actor=actor, agent_id=reader.id)
    client, url = client_for(actor), f"/agents/{bare.id}/tools/"
    assert client.post(url, {"kind": "calculator"}).status_code == 302
    assert client.post(url, {"kind": "agent", "slug": reader.slug, "examples": ""}).status_code == 302
    calculator, asked = tools_of(actor, bare)
    assert isinstance(asked, AgentTool)
    assert (calculator.name, asked.name, asked.slug) == ("calculator", "contract_reader", reader.slug)
    client.post(f"{url}remove/", {"name": "calculator"})
    assert tools_of(actor, bare) == (asked,)
    assert client.post(url, {"kind": "agent", "slug": "nobody", "examples": ""}).status_code == 422


def test_a_web_api_is_connected_and_its_operations_chosen(
    actor: Actor, bare: AgentInfo, documents: Stranger, client_for: Callable[..., Any]
) -> None:
    client, url = client_for(actor), f"/agents/{bare.id}/tools/"
    fields = {"kind": "http", "document_url": f"{documents.url}/shop.json", "secret": "sk-7781", "header": "X-API-Key"}
    answer = client.post(url, fields)
    assert answer.status_code == 302, answer.content
    (connection,) = selectors.connections(actor)
    assert answer["Location"] == f"{url}connections/{connection.id}/"
    # The document names a server of another host: the secret goes to the document's own.
    assert (connection.name, connection.url, connection.has_secret) == ("Shop", documents.url, True)
    assert "x-api-key" not in documents.seen[-1].headers
    choose = client.get(answer["Location"]).content.decode()
    assert "Used: it only reads" in choose
    assert "sk-7781" not in choose
    assert client.post(answer["Location"], {"use_0": "never", "use_1": "never", "examples": ""}).status_code == 422
    client.post(answer["Location"], {"use_0": "free", "use_1": "ask", "examples": "How many lamps are left?"})
    (spec,) = tools_of(actor, bare)
    assert isinstance(spec, HttpTool)
    assert (spec.name, spec.operations, spec.harmless) == ("shop", ("getStock", "placeOrder"), ())
    page = client.get(url).content.decode()
    assert "asks first" in page
    assert "Waits until the person who asked allows it:</span> placeOrder" in page
    client.post(answer["Location"], {"use_0": "never", "use_1": "free", "examples": ""})
    (spec,) = tools_of(actor, bare)
    assert isinstance(spec, HttpTool)
    assert (spec.name, spec.operations, spec.harmless) == ("shop", ("placeOrder",), ("placeOrder",))


def test_yaml_is_read_and_its_own_server_taken(
    actor: Actor, bare: AgentInfo, documents: Stranger, client_for: Callable[..., Any]
) -> None:
    fields = {"kind": "http", "document_url": f"{documents.url}/clock.yaml", "header": "Authorization"}
    assert client_for(actor).post(f"/agents/{bare.id}/tools/", fields).status_code == 302
    (connection,) = selectors.connections(actor)
    assert (connection.name, connection.url) == ("Clock", f"{documents.url}/v1")


@pytest.mark.parametrize("path", ["/bomb.yaml", "/page.html", "/nothing.json", "/gone.json"])
def test_what_is_no_openapi_document_is_refused(
    actor: Actor, bare: AgentInfo, documents: Stranger, client_for: Callable[..., Any], path: str
) -> None:
    fields = {"kind": "http", "document_url": f"{documents.url}{path}", "header": "Authorization"}
    answer = client_for(actor).post(f"/agents/{bare.id}/tools/", fields)
    assert answer.status_code == 422
    assert selectors.connections(actor) == []


def test_a_private_address_is_not_fetched(
    actor: Actor, bare: AgentInfo, client_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "LOOPBACK_IS_REACHED", False)
    for address in ("http://127.0.0.1:8000/openapi.json", "http://169.254.169.254/", "file:///etc/passwd"):
        fields = {"kind": "http", "document_url": address, "header": "Authorization"}
        assert client_for(actor).post(f"/agents/{bare.id}/tools/", fields).status_code == 422


def test_a_server_that_is_away_is_said_on_its_page(
    actor: Actor, bare: AgentInfo, client_for: Callable[..., Any]
) -> None:
    client, url = client_for(actor), f"/agents/{bare.id}/tools/"
    answer = client.post(url, {"kind": "mcp", "url": "http://127.0.0.1:9/mcp", "header": "Authorization"})
    assert answer.status_code == 302
    page = client.get(answer["Location"])
    assert page.status_code >= 500
    assert "Try again" in page.content.decode()


def test_connections_are_listed_with_who_uses_them_and_removed(
    actor: Actor, bare: AgentInfo, client_for: Callable[..., Any]
) -> None:
    client = client_for(actor)
    fields = {"kind": "model", "url": "https://models.example/v1", "name": "Own model", "header": "Authorization"}
    assert client.post("/agents/connections/", fields | {"secret": "sk-first"}).status_code == 302
    (made,) = selectors.connections(actor)
    model = {"kind": "endpoint", "connection_id": str(made.id), "name": "big"}
    services.update_agent(actor=actor, agent_id=bare.id, changes=AgentChanges(model=model))
    page = client.get("/agents/connections/").content.decode()
    assert bare.config.name in page
    assert "sk-first" not in page
    assert client.post("/agents/connections/", fields).status_code == 422
    client.post(f"/agents/connections/{made.id}/", {"secret": ""})
    assert not selectors.connection(actor, made.id).has_secret
    client.post(f"/agents/connections/{made.id}/", {"action": "remove"})
    assert selectors.connections(actor) == []


def test_tools_whose_parts_are_gone_say_so(actor: Actor, bare: AgentInfo, client_for: Callable[..., Any]) -> None:
    made = services.create_connection(
        actor=actor, kind=ConnectionKind.HTTP, name="Shop", url="https://shop.example", document=SHOP_DOCUMENT
    )
    tool = {"kind": "http", "name": "shop", "connection_id": str(made.id), "operations": ["getStock"]}
    services.update_agent(actor=actor, agent_id=bare.id, changes=AgentChanges(tools=[tool]))
    services.delete_connection(actor=actor, connection_id=made.id)
    client = client_for(actor)
    for page in (f"/agents/{bare.id}/edit/", f"/agents/{bare.id}/tools/"):
        assert "The connection was removed" in client.get(page).content.decode()
    client.post(f"/agents/{bare.id}/tools/remove/", {"name": "shop"})
    assert tools_of(actor, bare) == ()


def test_a_viewer_sees_the_agent_and_changes_no_tool(
    actor: Actor, bare: AgentInfo, make_actor: Callable[..., Actor], client_for: Callable[..., Any]
) -> None:
    viewer = make_actor(organisation_id=actor.organisation_id, role=Role.VIEWER)
    client = client_for(viewer)
    assert client.post(f"/agents/{bare.id}/tools/", {"kind": "calculator"}).status_code in (302, 403)
    assert client.get("/agents/connections/").status_code == 403
    assert tools_of(actor, bare) == ()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_by_keyboard_a_table_becomes_a_tool_and_answers(
    actor: Actor, client_for: Callable[..., Any], asgi_url: str, runner: object
) -> None:
    with tenant_scope(actor.organisation_id):
        made = services.create_agent_from_template(actor=actor, template_key="tutor", knowledge_base_ids=[])
    session = client_for(actor).cookies["sessionid"].value
    seen: dict[str, Any] = {}
    # Playwright keeps an event loop in its thread, in which Django would refuse its ORM: it gets a thread of its own.
    thread = threading.Thread(target=_drive, args=(asgi_url, session, str(made.id), seen))
    thread.start()
    thread.join(timeout=280)
    assert "error" not in seen, seen
    assert seen["problems"] == []
    assert "3 rows. Columns: region, units." in seen["tools"]
    assert "Calculator" in seen["tools"]
    assert seen["answer"].endswith("8")


def _drive(url: str, session: str, agent_id: str, seen: dict[str, Any]) -> None:
    problems: list[str] = []
    try:
        with launched() as browser:
            context = new_context(browser, base_url=url, viewport={"width": 390, "height": 844})
            context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
            page = context.new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on(
                "console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None
            )
            page.goto(f"/agents/{agent_id}/edit/")
            page.get_by_role("link", name="Add a tool").press("Enter")
            page.get_by_role("button", name="Add the calculator").press("Enter")
            page.get_by_role("button", name="Remove Calculator").wait_for()
            page.locator("summary", has_text="A table").press("Enter")
            file: FilePayload = {"name": "sales.csv", "mimeType": "text/csv", "buffer": SALES.encode()}
            page.get_by_label("Upload a table").set_input_files(files=[file])
            page.get_by_role("button", name="Add the table").press("Enter")
            page.get_by_role("button", name="Remove sales.csv").wait_for()
            seen["tools"] = page.locator("main").inner_text()
            page.get_by_role("link", name="Try it in the chat").press("Enter")
            page.wait_for_selector("agent-chat[data-ready]")
            page.get_by_label("Your question").fill("How many units are there in the North in total?")
            page.keyboard.press("Enter")
            page.wait_for_selector("article[data-turn] .prose")
            seen["answer"] = page.locator("article .prose").inner_text().strip()
    except Exception as error:  # handed to the test's own thread
        seen["error"] = repr(error)
    seen["problems"] = problems


# -- Foreign agents


@pytest.fixture(scope="module")
def station() -> Iterator[str]:
    with foreign_agent() as url:
        yield url


def test_a_foreign_agent_is_shown_with_its_skills_and_added(
    actor: Actor, bare: AgentInfo, client_for: Callable[..., Any], station: str
) -> None:
    client, url = client_for(actor), f"/agents/{bare.id}/tools/"
    card = f"{station}/.well-known/agent-card.json"
    fields = {"kind": "remote", "url": card, "name": "Weather", "secret": KEY, "header": "Authorization"}
    answer = client.post(url, fields)
    assert answer.status_code == 302
    page = client.get(answer["Location"]).content.decode()
    assert "Weather station" in page
    assert "By Strangers Ltd · version 3 · streams its answers" in page
    assert "<strong>Forecast</strong>: By town" in page
    assert "another host" not in page
    chosen = {"purpose": "Tells the weather.", "examples": "Rain in Bonn?\n", "asks_first": "on"}
    assert client.post(answer["Location"], chosen).status_code == 302
    (spec,) = tools_of(actor, bare)
    assert isinstance(spec, RemoteTool)
    assert (spec.name, spec.harmless, spec.examples) == ("weather", False, ("Rain in Bonn?",))
    assert "Waits until the person who asked allows it" in client.get(url).content.decode()
    assert client.post(answer["Location"], {"purpose": "Tells the weather.", "examples": ""}).status_code == 302
    assert [one.harmless for one in tools_of(actor, bare)] == [True]
    client.post(f"/agents/connections/{spec.connection_id}/", {"action": "remove"})
    assert "The connection was removed." in client.get(url).content.decode()


def test_what_is_no_agent_is_said_on_its_page(
    actor: Actor, bare: AgentInfo, client_for: Callable[..., Any], documents: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, url = client_for(actor), f"/agents/{bare.id}/tools/"
    fields = {"kind": "remote", "header": "Authorization"}
    answer = client.post(url, fields | {"url": documents.url, "name": "None"})
    page = client.get(answer["Location"])
    assert page.status_code >= 500
    assert "There is no agent card at this address." in page.content.decode()
    assert client.post(url, fields | {"url": "gopher://agent.example"}).status_code == 422
    monkeypatch.setattr(guarded, "LOOPBACK_IS_REACHED", False)
    assert "private network" in client.get(answer["Location"]).content.decode()


def test_a_foreign_agent_is_a_node_of_a_team(actor: Actor, client_for: Callable[..., Any]) -> None:
    from apps.agents.selectors.teams import team as team_of
    from apps.agents.services import teams

    made = services.create_connection(
        actor=actor, kind=ConnectionKind.AGENT, name="Weather", url="https://weather.example"
    )
    client, team = client_for(actor), teams.create_team(actor=actor, name="Team")
    client.post(f"/teams/{team.id}/nodes/", {"kind": "remote", "name": "Abroad", "after": "input"})
    page = client.get(f"/teams/{team.id}/nodes/abroad/")
    assert page.status_code == 200
    assert "Weather" in page.content.decode()
    fields = {"name": "Abroad", "connection": str(made.id), "prompt": "{input}", "ask_first": "on", "revision": ""}
    answer = client.post(f"/teams/{team.id}/nodes/abroad/", fields | {"revision": team_of(actor, team.id).revision})
    assert answer.status_code == 302
    node = team_of(actor, team.id).graph.node("abroad")
    assert node is not None
    assert (node.connection, node.ask_first) == (str(made.id), True)
