"""Tools: what they answer, and what a bad one cannot do."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from apps.agents import services
from apps.agents.specs import CalculatorTool, HttpTool, McpTool
from apps.agents.tools import calculator, mcp_servers, openapi, tables
from apps.agents.tools.base import MAX_RESULT_CHARACTERS, Offered, ToolFailed, call_within_limits
from apps.agents.tools.calculator import calculate
from apps.agents.tools.openapi import Reach
from apps.agents.tools.table_queries import Query, checked_sql
from apps.core.errors import InvalidInput, NotFound
from apps.core.ids import uuid7
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor
from tests.apps.agents.foreign_servers import SHOP_DOCUMENT, Seen, Stranger, serving, shop, stranger

SALES = b"region,product,unit_price,units,code\nNorth,Lamp,10.5,3,007\nSouth,Desk,99,4,012\nNorth,Desk,120,5,013\n"


def run(tool: Offered, arguments: dict[str, Any], key: str = "", timeout_s: float = 30.0) -> str:
    return async_to_sync(call_within_limits)(tool, arguments, key, timeout_s)


def open_reach(url: str, **headers: str) -> Reach:
    return Reach(url, headers, allow_loopback=True)


def shop_tools(reach: Reach, **spec: Any) -> dict[str, Offered]:
    chosen = HttpTool(name="shop", connection_id=uuid7(), operations=("getStock", "placeOrder"), **spec)
    return {tool.name: tool for tool in openapi.offers(chosen, SHOP_DOCUMENT, reach)}


# -- Calculator


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("3 + 4 * 2", "11"),
        ("2^10", "1024"),
        ("1,250 / 5", "250"),
        ("15 % of 80", "12"),
        ("0.1 + 0.2", "0.3"),
        ("sqrt(144)", "12"),
        ("7 \u00d7 6 \u2212 2", "40"),
        ("-3 ** 2", "-9"),
        ("round(10 / 3, 2)", "3.33"),
    ],
)
def test_the_calculator_calculates(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9**9",
        "10**900 * 10**900 * 10**900",
        "'a' * 10**9",
        "[0] * 10**9",
        "__import__('os').system('id')",
        "(1).__class__",
        "1/0",
        "1e308 * 10",
        "(lambda: 1)()",
        "pi if True else 1" * 40,
        "(" * 200 + ")" * 200,
        "",
    ],
)
def test_the_calculator_does_nothing_else(expression: str) -> None:
    with pytest.raises(ToolFailed):
        calculate(expression)


# -- Tables


@pytest.mark.django_db
def test_a_table_keeps_its_types_and_answers(actor: Actor) -> None:
    table = services.upload_table(actor=actor, filename="sales.csv", file=io.BytesIO(SALES))
    assert [(one["name"], one["type"]) for one in table.columns] == [
        ("region", "VARCHAR"),
        ("product", "VARCHAR"),
        ("unit_price", "DOUBLE"),
        ("units", "BIGINT"),
        ("code", "VARCHAR"),
    ]
    assert table.columns[0]["values"] == ["North", "South"]  # type: ignore[comparison-overlap]  # JSON


@pytest.mark.django_db
def test_an_excel_sheet_is_a_table_too(actor: Actor) -> None:
    import pandas

    target = io.BytesIO()
    pandas.read_csv(io.BytesIO(SALES)).to_excel(target, index=False)
    target.seek(0)
    table = services.upload_table(actor=actor, filename="sales.xlsx", file=target)
    assert (table.rows, table.columns[3]["type"]) == (3, "BIGINT")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", b""), ("a.xlsx", b"PK\x03\x04 broken"), ("a.csv", b"a,a\n1,2\n"), ("a.csv", b"a,b\n1,2,3\n")],
)
def test_a_bad_table_is_refused(actor: Actor, name: str, content: bytes) -> None:
    with pytest.raises(InvalidInput):
        services.upload_table(actor=actor, filename=name, file=io.BytesIO(content))


@pytest.mark.django_db
def test_another_organisations_table_is_not_found(actor: Actor, other_actor: Actor) -> None:
    table = services.upload_table(actor=actor, filename="sales.csv", file=io.BytesIO(SALES))
    with tenant_scope(other_actor.organisation_id), pytest.raises(NotFound):
        services.delete_table(actor=other_actor, table_id=table.id)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY data TO '/tmp/out.csv'",
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_settings()",
        "SELECT 1; DROP TABLE data",
        "ATTACH 'other.db'",
        "INSERT INTO data VALUES (1)",
        "SELECT * FROM information_schema.tables",
        "SELECT count(*) FROM range(10000000000)",
    ],
)
def test_sql_that_is_not_a_question_to_the_table_is_refused(sql: str) -> None:
    with pytest.raises(ToolFailed):
        checked_sql(sql)


def parquet() -> io.BytesIO:
    import pandas

    target = io.BytesIO()
    pandas.read_csv(io.BytesIO(SALES)).to_parquet(target)
    return io.BytesIO(target.getvalue())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY data TO 'out.csv'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "SELECT repeat('x', 1000000000)",
    ],
)
def test_even_unchecked_sql_reaches_nothing_outside(sql: str) -> None:
    with pytest.raises(ToolFailed):
        async_to_sync(tables.run_child)(parquet, {"sql": sql, "max_rows": 5})


def test_a_query_without_an_end_is_killed() -> None:
    endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"
    with pytest.raises(ToolFailed, match=r"too much memory or time|too long"):
        async_to_sync(tables.ask)(parquet, checked_sql(endless))


def test_a_long_answer_of_a_table_is_cut() -> None:
    many = Query("SELECT a.*, b.* FROM data a, data b, data c, data d, data e")
    assert async_to_sync(tables.ask)(parquet, many).endswith("(the first 50 rows)")


# -- HTTP by OpenAPI


@pytest.fixture(scope="module")
def the_shop() -> Iterator[Stranger]:
    with stranger(shop) as found:
        yield found


def test_an_operation_is_called_at_the_connections_own_address(the_shop: Stranger) -> None:
    tools = shop_tools(open_reach(the_shop.url, Authorization="Bearer key"))
    assert run(tools["shop_getstock"], {"item": "a/../b?x=1"}).endswith('"left": 7}')
    seen = the_shop.seen[-1]
    assert (seen.path, seen.query, seen.headers["authorization"]) == ("/stock/a/../b?x=1", "", "Bearer key")
    assert not tools["shop_getstock"].has_effects
    assert tools["shop_placeorder"].has_effects
    assert not shop_tools(open_reach(""), harmless=("placeOrder",))["shop_placeorder"].has_effects


def test_a_call_with_effects_carries_its_key(the_shop: Stranger) -> None:
    tools = shop_tools(open_reach(the_shop.url))
    run(tools["shop_placeorder"], {"body": {"item": "lamp", "count": 2}}, key="once-1")
    assert the_shop.seen[-1].headers["idempotency-key"] == "once-1"
    assert the_shop.seen[-1].json() == {"item": "lamp", "count": 2}


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "http://localhost:9", "http://169.254.169.254", "http://[::1]:9", "http://10.0.0.1"]
)
def test_a_private_address_is_never_reached(url: str) -> None:
    tools = shop_tools(Reach(url, {}))
    with pytest.raises(ToolFailed, match="private network") as caught:
        run(tools["shop_getstock"], {"item": "a"})
    assert caught.value.is_untouched


def test_megabytes_a_redirect_and_a_hang_are_cut() -> None:
    async def respond(seen: Seen) -> tuple[int, bytes]:
        if seen.path.endswith("hang"):
            await asyncio.sleep(60)
        return (302, b"") if seen.path.endswith("away") else (200, b"x" * 5_000_000)

    with stranger(respond) as server:
        tool = shop_tools(open_reach(server.url))["shop_getstock"]
        with pytest.raises(ToolFailed, match="larger than 2000 kB"):
            run(tool, {"item": "huge"})
        with pytest.raises(ToolFailed, match="302"):
            run(tool, {"item": "away"})
        with pytest.raises(ToolFailed, match="within 1 seconds and was cut off"):
            run(tool, {"item": "hang"}, timeout_s=1.0)


def test_a_long_result_is_clipped(the_shop: Stranger) -> None:
    with stranger(lambda _seen: (200, b"y" * 100_000)) as server:
        result = run(shop_tools(open_reach(server.url))["shop_getstock"], {"item": "a"})
    assert len(result) < MAX_RESULT_CHARACTERS + 100
    assert result.endswith("more characters]")


def test_a_cyclic_or_broken_document_gives_what_is_usable() -> None:
    node = {"type": "object", "properties": {"child": {"$ref": "#/components/schemas/Node"}}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}
    document = {
        "paths": {"/a": {"post": {"operationId": "a", "requestBody": body}, "get": 7}, "b": {"get": {}}, "/c": None},
        "components": {"schemas": {"Node": node}},
    }
    assert list(openapi.operations(document)) == ["a"]
    assert openapi.operations({"paths": [1]}) == {}


# -- MCP


@pytest.fixture(scope="module")
def mcp_url() -> Iterator[str]:
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("notes")

    @server.tool(description="Adds two numbers")
    def add(a: int, b: int) -> str:
        return str(a + b)

    @server.tool(description="Returns far too much")
    def flood() -> str:
        return "z" * 5_000_000

    @server.tool(description="Never returns")
    async def hang() -> str:
        await asyncio.sleep(60)
        return "late"

    with serving(server.streamable_http_app()) as url:
        yield f"{url}/mcp"


def mcp_tools(url: str) -> dict[str, Offered]:
    spec = McpTool(name="notes", connection_id=uuid7(), tools=("add", "flood", "hang", "gone"), harmless=("add",))
    return {tool.name: tool for tool in async_to_sync(mcp_servers.offers)(spec, open_reach(url))[0]}


def test_an_mcp_servers_tools_are_called(mcp_url: str) -> None:
    tools = mcp_tools(mcp_url)
    assert sorted(tools) == ["notes_add", "notes_flood", "notes_hang"]
    assert [tools[name].has_effects for name in sorted(tools)] == [False, True, True]
    assert run(tools["notes_add"], {"a": 2, "b": 3}) == "5"


def test_an_mcp_server_that_floods_or_hangs_is_cut(mcp_url: str) -> None:
    tools = mcp_tools(mcp_url)
    with pytest.raises(ToolFailed):
        run(tools["notes_flood"], {}, timeout_s=20)
    with pytest.raises(ToolFailed, match="cut off"):
        run(tools["notes_hang"], {}, timeout_s=2)


def test_an_mcp_server_that_is_none_is_said_so() -> None:
    spec = McpTool(name="notes", connection_id=uuid7(), tools=("add",))
    for reach in (Reach("http://127.0.0.1:9/mcp", {}), open_reach("http://127.0.0.1:9/mcp")):
        with pytest.raises(ToolFailed):
            async_to_sync(mcp_servers.offers)(spec, reach)


def test_the_calculator_is_offered_with_examples() -> None:
    tool = calculator.offer(CalculatorTool())
    assert run(tool, tool.examples[0].arguments) == "84"
