"""Use case: connect a web API by the address of its OpenAPI document, in JSON or YAML."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import urljoin, urlsplit

import yaml

from apps.agents.policies import require
from apps.agents.services.connections import create_connection
from apps.agents.types import AgentsPermission, ConnectionInfo, ConnectionKind
from apps.core import fetching, guarded
from apps.core.errors import InvalidInput
from apps.tenancy.types import Actor

MAX_DOCUMENT_BYTES = 4_000_000


class _PlainLoader(yaml.SafeLoader):
    """YAML without references: a few of them could unfold to gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("references are not read")
        return super().compose_node(parent, index)


def connect_api(
    *, actor: Actor, name: str, document_url: str, url: str = "", secret: str = "", header: str = "Authorization"
) -> ConnectionInfo:
    """Fetch an OpenAPI document and keep the address it describes as a connection. Not within a transaction.

    Args:
        document_url: where the document is; it is fetched without the secret.
        url: where requests go. Left out, the document's first server, if that is on the document's own host: a
            stranger's document shall not say where the secret is sent.

    Raises:
        InvalidInput: the address gives no OpenAPI document with operations, or another field is bad.
        Conflict: there is a connection of this name.
    """
    require(actor, AgentsPermission.CREATE)
    document = _fetched(document_url)
    return create_connection(
        actor=actor,
        kind=ConnectionKind.HTTP,
        name=name or _title(document) or (urlsplit(document_url).hostname or ""),
        url=url or _address(document, document_url),
        secret=secret,
        header=header,
        document=document,
    )


def _fetched(url: str) -> dict[str, Any]:
    target = io.BytesIO()
    try:
        with fetching.session(allow_loopback=guarded.LOOPBACK_IS_REACHED) as opened:
            fetching.fetch(opened, url, target, max_bytes=MAX_DOCUMENT_BYTES, max_seconds=30)
    except InvalidInput as error:
        raise _refused(error.message) from None
    raw = target.getvalue()
    try:
        # Back and forth through JSON: dates and other objects of YAML do not fit a JSON column.
        found = json.loads(raw) if raw.lstrip()[:1] == b"{" else json.loads(json.dumps(_yaml(raw), default=str))
    except (ValueError, yaml.YAMLError, RecursionError):
        raise _refused("This address gives no OpenAPI document in JSON or YAML.") from None
    if not isinstance(found, dict) or not isinstance(found.get("paths"), dict):
        raise _refused("This address gives no OpenAPI document: it has no “paths”.")
    if "\\u0000" in json.dumps(found):
        raise _refused("This document holds signs that cannot be kept.")
    return found


def _yaml(raw: bytes) -> Any:
    return yaml.load(raw, Loader=_PlainLoader)  # noqa: S506  # a SafeLoader without references


def _address(document: dict[str, Any], document_url: str) -> str:
    """The first server where it is on the document's own host, else that host itself."""
    here = urlsplit(document_url)
    servers = document.get("servers")
    first = servers[0].get("url") if isinstance(servers, list) and servers and isinstance(servers[0], dict) else None
    if isinstance(first, str) and "{" not in first:
        found = urljoin(document_url, first)
        if urlsplit(found)[:2] == here[:2]:
            return found.rstrip("/")
    return f"{here.scheme}://{here.netloc}"


def _title(document: dict[str, Any]) -> str:
    info = document.get("info")
    title = info.get("title") if isinstance(info, dict) else ""
    return " ".join(title.split())[:80] if isinstance(title, str) else ""


def _refused(message: str) -> InvalidInput:
    return InvalidInput("no_api_document", message, errors=[{"field": "document_url", "message": message}])
