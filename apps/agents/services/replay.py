"""Use case: give an old answer again, as it was pinned or as the agent is now, and explain the difference."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.db import transaction

from apps.agents.errors import AgentNotFound
from apps.agents.models import AgentVersion
from apps.agents.replaying import (
    Change,
    Replay,
    StoredAnswer,
    compare_documents,
    compare_settings,
    compare_sources,
    reason_of,
)
from apps.agents.selectors.access import documents_of, published_target, slug_of
from apps.agents.selectors.agents import draft_target, version_info
from apps.agents.selectors.stored import stored_answer
from apps.agents.services.answering import answer
from apps.agents.types import Answer, ChatTarget
from apps.core.tenant import tenant_scope
from apps.knowledge import selectors as knowledge
from apps.tenancy.types import Actor


def replay_answer(*, actor: Actor, message_id: UUID, as_pinned: bool = True) -> Replay:
    """Answer the question of a stored answer again. Nothing is stored; the tokens are metered as any other call.

    Args:
        as_pinned: with the agent version and the knowledge releases that gave it (documents that were removed since are
            gone all the same); else with what is published now. An answer of a draft is always given by the draft.

    Raises:
        NotFound: there is no such answer in the actor's own conversations.
        AgentNotFound, LicenceRequired: the agent may not be used (any more).
        DependencyFailed: the runner does not answer.
    """
    before = stored_answer(actor, message_id)
    target, pinned = _targets(actor, before, as_pinned=as_pinned)
    finished = answer(actor=actor, target=target, question=before.question, history=before.turns)
    return _explained(actor, before, finished.answer, target, pinned)


def _targets(actor: Actor, before: StoredAnswer, *, as_pinned: bool) -> tuple[ChatTarget, ChatTarget | None]:
    """What answers now, and what answered then (None where that was a draft, which is not kept)."""
    if before.agent_version_id is None:
        with tenant_scope(actor.organisation_id), transaction.atomic():
            return draft_target(actor, before.agent_id), None
    with transaction.atomic():
        slug = slug_of(before.agent_id)
        if slug is None:
            raise AgentNotFound(str(before.agent_id))
        now = published_target(actor, slug)
        pinned = _pinned(now, before.agent_version_id)
    return (pinned if as_pinned else now), pinned


def _pinned(now: ChatTarget, version_id: UUID) -> ChatTarget:
    with tenant_scope(now.owner_id):
        version = version_info(AgentVersion.objects.get(id=version_id))
        documents = documents_of(now.owner_id, version)
    return replace(now, config=version.config, version=version, document_ids=documents)


def _explained(
    actor: Actor, before: StoredAnswer, after: Answer, target: ChatTarget, pinned: ChatTarget | None
) -> Replay:
    is_owner = actor.organisation_id == target.owner_id
    with tenant_scope(target.owner_id), transaction.atomic():
        names = knowledge.document_names(
            Actor.system(target.owner_id),
            {source.document_id for source in (*before.sources, *after.sources)}
            | (pinned.document_ids or set() if pinned is not None else set())
            | (target.document_ids or set()),
        )
    changes = _changes(target, pinned, before, names, is_owner=is_owner)
    sources = compare_sources(before.sources, after.sources, names.keys())
    found = Replay(
        message_id=before.message_id,
        question=before.question,
        before=before,
        after=after,
        is_as_pinned=pinned is not None and target.version == pinned.version,
        changes=tuple(changes),
        sources=sources,
        reason="",
    )
    reason = reason_of(is_same=found.is_same, changes=changes, sources=sources, temperature=target.config.temperature)
    return replace(found, reason=reason)


def _changes(
    target: ChatTarget, pinned: ChatTarget | None, before: StoredAnswer, names: dict[UUID, str], *, is_owner: bool
) -> list[Change]:
    """Others learn that the version is another one, not how the owner changed it."""
    if pinned is None or target.version is None:
        same = before.config_hash == target.config.digest()
        return [] if same else [Change("draft", "as it was then", "edited since; earlier drafts are not kept")]
    found: list[Change] = []
    if pinned.version is not None and pinned.version.number != target.version.number:
        found.append(Change("version", str(pinned.version.number), str(target.version.number)))
    if not is_owner:
        return found
    if pinned.config != target.config:
        found += compare_settings(pinned.config.as_json(), target.config.as_json())
    then = {names.get(item, "a removed document") for item in pinned.document_ids or ()}
    now = {names[item] for item in target.document_ids or () if item in names}
    return [*found, *compare_documents(then, now)]
