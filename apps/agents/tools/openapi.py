"""Operations of an OpenAPI document as tools. Requests go to the connection's own address, never to the document's
`servers`, through the guarded client."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from apps.agents.specs import HttpTool
from apps.agents.tools.base import MAX_RESULT_BYTES, TOOL_TIMEOUT_S, Offered, ToolFailed
from apps.core.guarded import Refused, guarded_client

METHODS = ("get", "head", "post", "put", "patch", "delete")
READING = {"get", "head"}
MAX_REF_DEPTH = 12
MAX_OPERATIONS = 500
_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Reach:
    """Where a connection leads and what it sends along; `allow_loopback` is for tests with a server of their own."""

    url: str
    headers: Mapping[str, str]
    allow_loopback: bool = False


@dataclass(frozen=True)
class Operation:
    """One operation: `places` says for each argument whether it goes into path, query or header."""

    id: str
    method: str
    path: str
    purpose: str
    schema: dict[str, Any]
    places: Mapping[str, str]

    @property
    def only_reads(self) -> bool:
        """Whether the method promises to change nothing."""
        return self.method in READING


def operations(document: Mapping[str, Any]) -> dict[str, Operation]:
    """The operations of a document by their ids (method and path where there is none); unusable ones are left out."""
    found: dict[str, Operation] = {}
    paths = document.get("paths")
    for path, item in (paths if isinstance(paths, dict) else {}).items():
        for method in METHODS:
            raw = item.get(method) if isinstance(item, dict) else None
            if isinstance(raw, dict) and str(path).startswith("/") and len(found) < MAX_OPERATIONS:
                operation = _operation(document, str(path), method, item, raw)
                found[operation.id] = operation
    return found


def offers(spec: HttpTool, document: Mapping[str, Any], reach: Reach) -> Iterator[Offered]:
    """The chosen operations as tools."""
    known = operations(document)
    for name in spec.operations:
        operation = known.get(name)
        if operation is None:
            continue

        async def call(arguments: dict[str, Any], key: str, *, of: Operation = operation) -> str:
            return await request(of, reach, arguments, key)

        yield Offered(
            name=tool_name(spec.name, operation.id),
            spec_name=spec.name,
            purpose=f"{spec.purpose} {operation.purpose}".strip()[:500],
            schema=operation.schema,
            call=call,
            has_effects=not operation.only_reads and name not in spec.harmless,
            likenesses=(*spec.examples, operation.purpose),
        )


def tool_name(prefix: str, name: str) -> str:
    """A name that models accept."""
    return f"{prefix}_{_NAME.sub('_', name.lower()).strip('_')}"[:64]


async def request(operation: Operation, reach: Reach, arguments: Mapping[str, Any], key: str) -> str:
    """Call the operation; the body of a successful answer.

    Raises:
        ToolFailed: the address is not public, does not answer, answers too much or with an error.
    """
    path, query, headers = operation.path, {}, dict(reach.headers)
    for name, place in operation.places.items():
        if name not in arguments:
            continue
        if place == "path":
            path = path.replace(f"{{{name}}}", quote(_text(arguments[name]), safe=""))
        elif place == "query":
            query[name] = arguments[name] if isinstance(arguments[name], list) else _text(arguments[name])
    if key:
        headers["Idempotency-Key"] = key
    url = f"{reach.url.rstrip('/')}{path}"
    body = arguments.get("body")
    try:
        async with (
            guarded_client(
                max_bytes=MAX_RESULT_BYTES,
                timeout_s=TOOL_TIMEOUT_S,
                headers=headers,
                allow_loopback=reach.allow_loopback,
            ) as client,
            client.stream(operation.method.upper(), url, params=query, json=body) as response,
        ):
            content = await response.aread()
    except Refused as error:
        raise ToolFailed(str(error), is_untouched=not error.was_sent) from None
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol):
        raise ToolFailed("The service cannot be reached.", is_untouched=True) from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ToolFailed(f"The service did not answer properly ({type(error).__name__}).") from None
    if response.status_code >= 300:
        shown = content[:300].decode(errors="replace")
        refused = 400 <= response.status_code < 500 and response.status_code not in (408, 409, 425, 429)
        raise ToolFailed(f"The service answered {response.status_code}: {shown}", is_untouched=refused)
    return content.decode(response.encoding or "utf-8", errors="replace")


def _operation(
    document: Mapping[str, Any], path: str, method: str, item: Mapping[str, Any], raw: Mapping[str, Any]
) -> Operation:
    properties: dict[str, Any] = {}
    required: list[str] = []
    places: dict[str, str] = {}
    for given in [*(item.get("parameters") or []), *(raw.get("parameters") or [])]:
        parameter = _resolved(document, given)
        name, place = str(parameter.get("name", "")), str(parameter.get("in", ""))
        if place not in ("path", "query") or not name:
            continue
        properties[name] = _described(_resolved(document, parameter.get("schema") or {}), parameter)
        places[name] = place
        if place == "path" or parameter.get("required"):
            required.append(name)
    body = _body(document, raw)
    if body is not None:
        properties["body"] = body
        required.append("body")
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(dict.fromkeys(required)),
        "additionalProperties": False,
    }
    purpose = str(raw.get("summary") or raw.get("description") or f"{method.upper()} {path}")
    return Operation(str(raw.get("operationId") or f"{method} {path}")[:120], method, path, purpose, schema, places)


def _body(document: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Any] | None:
    body = _resolved(document, raw.get("requestBody") or {})
    content = body.get("content")
    media = content.get("application/json") if isinstance(content, dict) else None
    return _resolved(document, media.get("schema") or {"type": "object"}) if isinstance(media, dict) else None


def _described(schema: dict[str, Any], parameter: Mapping[str, Any]) -> dict[str, Any]:
    words = parameter.get("description")
    return schema | {"description": str(words)[:200]} if words and "description" not in schema else schema


def _resolved(document: Mapping[str, Any], value: Any, depth: int = 0) -> dict[str, Any]:
    """A value with its local references replaced; what nests deeper than is useful becomes anything."""
    resolved = _inlined(document, value, depth)
    return resolved if isinstance(resolved, dict) else {}


def _inlined(document: Mapping[str, Any], value: Any, depth: int) -> Any:
    if depth > MAX_REF_DEPTH:
        return {}
    if isinstance(value, list):
        return [_inlined(document, one, depth + 1) for one in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str):
        return _inlined(document, _target(document, reference), depth + 1)
    return {name: _inlined(document, one, depth + 1) for name, one in value.items()}


def _target(document: Mapping[str, Any], reference: str) -> Any:
    found: Any = document
    for part in reference.removeprefix("#/").split("/") if reference.startswith("#/") else []:
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return {} if found is document else found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
