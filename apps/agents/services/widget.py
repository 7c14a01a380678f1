"""Use cases of the widget: let an agent answer on pages of other origins, on its owner's account and within limits."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction

from apps.agents.errors import AgentNotFound
from apps.agents.models import AgentWidget
from apps.agents.selectors.agents import get_agent
from apps.agents.selectors.widget import widget_of
from apps.agents.types import AgentsPermission, AgentState
from apps.agents.wishes import bad_value
from apps.core.errors import Conflict
from apps.tenancy import services as tenancy
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor, KeyScope, KeyWishes

MAX_ORIGINS = 20
MAX_ORIGIN_CHARACTERS = 200
REQUESTS_PER_MINUTE = 30
REQUESTS_PER_DAY = 1000
TOKENS_PER_MONTH = 500_000


def set_widget(*, actor: Actor, agent_id: UUID, origins: Sequence[str]) -> AgentWidget:
    """Let a published agent be embedded in pages of these origins.

    The first time makes a key for the visitors' questions; its limits are on the page of API keys.

    Raises:
        AgentNotFound: it is not the actor's.
        Conflict: it is not published.
        InvalidInput: an origin is none.
    """
    agent = get_agent(actor, agent_id, AgentsPermission.PUBLISH)
    if agent.state == AgentState.DRAFT:
        raise Conflict("agent_not_published", "Publish the agent first.")
    wanted = checked_origins(origins)
    with transaction.atomic():
        widget = AgentWidget.objects.select_for_update().filter(agent=agent).first()
        if widget is None or widget.key.revoked:
            wishes = KeyWishes(
                name=f"Widget: {agent.name}"[:50],
                scopes=(KeyScope.CHAT,),
                agent_ids=(agent.id,),
                requests_per_minute=REQUESTS_PER_MINUTE,
                requests_per_day=REQUESTS_PER_DAY,
                tokens_per_month=TOKENS_PER_MONTH,
            )
            key_id = tenancy.issue_api_key(actor=actor, name=wishes.name, wishes=wishes).id
            widget, _ = AgentWidget.objects.update_or_create(
                agent=agent, defaults={"key_id": key_id, "origins": wanted}
            )
        else:
            widget.origins = wanted
            widget.save(update_fields=["origins", "updated_at"])
        record_audit(
            actor, action="agent.widget_set", target_type="agent", target_id=agent.id, detail={"origins": wanted}
        )
    return widget


def remove_widget(*, actor: Actor, agent_id: UUID) -> None:
    """End the widget and its key. Pages that have the tag show nothing any more."""
    get_agent(actor, agent_id, AgentsPermission.PUBLISH)
    with transaction.atomic():
        widget = widget_of(actor, agent_id)
        if widget is None:
            raise AgentNotFound(str(agent_id))
        key_id = str(widget.key_id)
        widget.delete()
        tenancy.revoke_api_key(actor=actor, key_id=key_id)
        record_audit(actor, action="agent.widget_removed", target_type="agent", target_id=agent_id)


def checked_origins(origins: Sequence[str]) -> list[str]:
    """The origins in one spelling: scheme and host, with the port where it is not the usual one.

    Raises:
        InvalidInput: naming the line that is no origin.
    """
    found: list[str] = []
    for index, raw in enumerate(origins):
        origin = _origin(raw.strip())
        if origin is None:
            raise bad_value(f"origins[{index}]", f"“{raw}” is no origin like https://www.example.org.")
        if origin not in found:
            found.append(origin)
    if not 1 <= len(found) <= MAX_ORIGINS:
        raise bad_value("origins", f"1 to {MAX_ORIGINS} origins are needed.")
    return found


def _origin(raw: str) -> str | None:
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").encode("idna").decode() if (parts.hostname or "").isprintable() else ""
    plain = parts.scheme in ("http", "https") and host and not (parts.query or parts.fragment or parts.username)
    # What goes into a header is letters, digits, dots and hyphens.
    if not plain or parts.path not in ("", "/") or not all(sign.isalnum() or sign in ".-" for sign in host):
        return None
    usual = {"http": 80, "https": 443}[parts.scheme]
    origin = f"{parts.scheme}://{host}" + ("" if port in (None, usual) else f":{port}")
    return origin if len(origin) <= MAX_ORIGIN_CHARACTERS else None
