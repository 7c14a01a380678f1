"""An agent's published versions: what differs, and going back to one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import actor_required
from apps.agents import selectors, services
from apps.agents.errors import AgentNotFound
from apps.agents.types import AgentInfo, AgentVersionInfo, KnowledgePin
from apps.knowledge import selectors as knowledge
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

DRAFT = "draft"
LABELS = {
    "mode": "How it answers",
    "language_model_version_id": "Language model",
    "classifier_version_id": "Classifier",
    "knowledge_base_ids": "Knowledge bases",
    "starters": "Example questions",
    "max_answer_tokens": "Longest answer, tokens",
}
_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")
Part = tuple[str, str]
"""`("same" | "gone" | "new", text)`"""


@dataclass(frozen=True)
class ShownDifference:
    """One setting that differs, with the words that went and came."""

    label: str
    before: tuple[Part, ...]
    after: tuple[Part, ...]


@require_safe
@actor_required
def agent_version(request: HttpRequest, agent_id: UUID, number: int) -> HttpResponse:
    """One version beside another one or beside the draft."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    versions = {version.number: version for version in selectors.versions(actor, agent_id)}
    version = versions.get(number)
    if version is None:
        raise AgentNotFound(f"{agent_id} version {number}")
    others = {str(other): f"version {other}" for other in versions if other != number} | {DRAFT: "the draft"}
    earlier = max((other for other in versions if other < number), default=None)
    against = request.GET.get("against", str(earlier) if earlier is not None else DRAFT)
    against = against if against in others else DRAFT
    is_live = agent.current_version == number
    context = {
        "agent": agent,
        "version": version,
        "title": f"Version {number}",
        "lead": f"Published {version.created_at:%d %B %Y %H:%M}." + (" Visitors talk to this version." * is_live),
        "is_live": is_live,
        "choices": list(others.items()),
        "against": against,
        "against_label": others[against],
        "differences": _differences(actor, agent, versions, version, against),
    }
    return render(request, "agents/version.html", context)


@require_POST
@actor_required
def agent_restore(request: HttpRequest, agent_id: UUID, number: int) -> HttpResponse:
    """Put the version live again."""
    services.go_back_to_version(actor=actor_of(request), agent_id=agent_id, number=number)
    messages.success(request, f"Version {number} is live again, and the draft is the same.")
    return redirect("agent", agent_id=agent_id)


def _differences(
    actor: Actor, agent: AgentInfo, versions: dict[int, AgentVersionInfo], version: AgentVersionInfo, against: str
) -> list[ShownDifference]:
    names = {str(base.id): base.name for base in knowledge.knowledge_bases(actor)}
    options = [*selectors.classifier_options(actor), *selectors.language_model_options(actor)]
    names |= {str(option.asset_version_id): option.name for option in options}
    number = 0 if against == DRAFT else int(against)
    found = [
        _shown(item.field, _text(item.before, names), _text(item.after, names))
        for item in selectors.version_differences(actor, agent.id, number, version.number)
    ]
    if against != DRAFT:
        old, new = (_pins(one.knowledge, names) for one in (versions[number], version))
        if old != new:
            found.append(_shown("knowledge releases", old, new))
    return found


def _pins(pins: tuple[KnowledgePin, ...], names: Mapping[str, str]) -> str:
    return "\n".join(f"{names.get(str(pin.knowledge_base_id), 'Knowledge base')} version {pin.number}" for pin in pins)


def _shown(field: str, before: str, after: str) -> ShownDifference:
    """Both texts cut where they part, so that the words that went and came stand out."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    left: list[Part] = []
    right: list[Part] = []
    for action, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if i2 > i1:
            left.append(("same" if action == "equal" else "gone", "".join(old[i1:i2])))
        if j2 > j1:
            right.append(("same" if action == "equal" else "new", "".join(new[j1:j2])))
    label = LABELS.get(field, field.replace("_", " ").replace(".", ": ").capitalize())
    return ShownDifference(label, tuple(left), tuple(right))


def _text(value: Any, names: Mapping[str, str]) -> str:
    if value is None or value == "" or value == []:
        return "none"
    if isinstance(value, list | tuple):
        return "\n".join(_text(item, names) for item in value)
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_text(item, names)}" for key, item in value.items())
    return names.get(str(value), str(value))
