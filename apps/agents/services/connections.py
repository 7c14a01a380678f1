"""Use cases: connect an organisation's agents to an address outside, with a sealed secret."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import IntegrityError, transaction

from apps.agents.models import Connection
from apps.agents.policies import require
from apps.agents.remote import RemoteCard, address_of
from apps.agents.selectors.parts import connection_info, get_connection
from apps.agents.tools import foreign_agents
from apps.agents.tools.base import ToolFailed
from apps.agents.tools.mcp_servers import server_tools
from apps.agents.tools.openapi import Reach, operations
from apps.agents.tools.toolbox import SECRET_PURPOSE, reach_of
from apps.agents.types import AgentsPermission, ConnectionInfo, ConnectionKind
from apps.core.errors import Conflict, DependencyFailed, FieldProblem, InvalidInput
from apps.core.sealing import seal
from apps.core.turns import away
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

MAX_SECRET_CHARACTERS = 4_000
T = TypeVar("T")


def create_connection(
    *,
    actor: Actor,
    kind: ConnectionKind,
    name: str,
    url: str,
    secret: str = "",
    header: str = "Authorization",
    document: dict[str, Any] | None = None,
) -> ConnectionInfo:
    """Keep an address that agents may call. It is reached through the SSRF-safe client only.

    Args:
        secret: sent as the value of `header` (for Authorization a bare key is sent as a bearer token); kept sealed.
        document: the OpenAPI document, for the kind http.

    Raises:
        InvalidInput: with one line a bad field.
        Conflict: there is a connection of this name.
    """
    require(actor, AgentsPermission.CREATE)
    name = " ".join(name.replace("\x00", "").split())
    url = address_of(url) if kind is ConnectionKind.AGENT else url
    problems = [*_problems_of(name, url, header), *_problems_of_secret(secret)]
    if kind is ConnectionKind.HTTP and document and not operations(document):
        problems.append({"field": "document", "message": "This OpenAPI document names no operation."})
    if problems:
        raise InvalidInput("invalid_connection", "Some fields are not valid.", errors=problems)
    try:
        with transaction.atomic():
            row = Connection.objects.create(
                tenant_id=actor.organisation_id,
                kind=kind,
                name=name,
                url=url,
                header=header,
                sealed_secret=_sealed(actor.organisation_id, secret),
                document=document or {},
            )
            record_audit(
                actor,
                action="agent.connected",
                target_type="connection",
                target_id=row.id,
                detail={"name": name, "kind": str(kind)},
            )
    except IntegrityError:
        raise Conflict("connection_exists", f"There is a connection called {name} already.") from None
    return connection_info(row)


def replace_secret(*, actor: Actor, connection_id: UUID, secret: str) -> ConnectionInfo:
    """Seal another secret in place of the old one; empty removes it. Raises NotFound, InvalidInput."""
    problems = _problems_of_secret(secret)
    if problems:
        raise InvalidInput("invalid_connection", "The secret is not valid.", errors=problems)
    with transaction.atomic():
        row = get_connection(actor, connection_id)
        row.sealed_secret = _sealed(actor.organisation_id, secret)
        row.save(update_fields=["sealed_secret", "updated_at"])
        record_audit(actor, action="agent.secret_replaced", target_type="connection", target_id=row.id)
    return connection_info(row)


def delete_connection(*, actor: Actor, connection_id: UUID) -> None:
    """Remove a connection with its secret: agents that use it can no longer call it. Raises NotFound."""
    with transaction.atomic():
        row = get_connection(actor, connection_id)
        record_audit(actor, action="agent.disconnected", target_type="connection", target_id=row.id)
        row.delete()


def _sealed(tenant_id: UUID, secret: str) -> str:
    return seal(tenant_id, SECRET_PURPOSE, secret.encode()) if secret else ""


def _problems_of(name: str, url: str, header: str) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    if not 1 <= len(name) <= 80:
        problems.append({"field": "name", "message": "Write 1 to 80 characters."})
    if not _is_web_address(url):
        problems.append({"field": "url", "message": "Give an http:// or https:// address without a password in it."})
    if not header.isascii() or not header.replace("-", "").isalnum() or len(header) > 60:
        problems.append({"field": "header", "message": "This is no name of an HTTP header."})
    return problems


def _problems_of_secret(secret: str) -> list[FieldProblem]:
    if len(secret) > MAX_SECRET_CHARACTERS or not secret.isascii() or not (secret.isprintable() or not secret):
        return [{"field": "secret", "message": "A secret is one line of ASCII characters, 4,000 at most."}]
    return []


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and len(url) <= 2_000 and url.isprintable() and "@" not in parts.netloc


def connection_offers(*, actor: Actor, connection_id: UUID) -> list[dict[str, Any]]:
    """What can be chosen of a connection: name, purpose and whether it only reads. Asks the server, so not in a
    transaction.

    Raises:
        NotFound: there is no such connection.
        DependencyFailed: the server does not answer.
    """
    row = get_connection(actor, connection_id)
    if row.kind == ConnectionKind.HTTP:
        return [
            {"name": one.id, "purpose": one.purpose[:300], "only_reads": one.only_reads}
            for one in operations(row.document).values()
        ]
    if row.kind == ConnectionKind.AGENT:
        card = foreign_card(actor=actor, connection_id=connection_id)
        return [{"name": one.name, "purpose": one.description, "only_reads": False} for one in card.skills]
    if row.kind != ConnectionKind.MCP:
        return []
    found = _heard(actor, connection_id, server_tools)
    return [
        {"name": one["name"], "purpose": one["description"][:300], "only_reads": False, "digest": one["digest"]}
        for one in found
    ]


def foreign_card(*, actor: Actor, connection_id: UUID) -> RemoteCard:
    """What the foreign agent at a connection says of itself now: text of a stranger. Not in a transaction.

    Raises:
        NotFound: there is no such connection.
        DependencyFailed: there is no agent there, or it does not answer.
    """
    get_connection(actor, connection_id)
    return _heard(actor, connection_id, foreign_agents.card)


def _heard(actor: Actor, connection_id: UUID, question: Callable[[Reach], Awaitable[T]]) -> T:
    try:
        reach, _ = reach_of(actor.organisation_id, connection_id)
        with away():
            return async_to_sync(question)(reach)
    except ToolFailed as error:
        raise DependencyFailed("connection_failed", error.message) from error


def reading_operations(*, actor: Actor, connection_id: UUID) -> set[str]:
    """The operations of a connection's OpenAPI document that promise to change nothing. Raises NotFound."""
    return {one.id for one in operations(get_connection(actor, connection_id).document).values() if one.only_reads}
