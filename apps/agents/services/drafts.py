"""Use cases of drafts: what each change was, who is too late, and going back to a version."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.agents.differences import differences
from apps.agents.errors import AgentNotFound, EditConflict
from apps.agents.models import Agent, AgentRevision, AgentVersion
from apps.agents.policies import require
from apps.agents.selectors.agents import agent_info, config_of, get_agent
from apps.agents.selectors.drafts import changes_since
from apps.agents.selectors.parts import require_usable
from apps.agents.types import AgentConfig, AgentInfo, AgentsPermission
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

KEPT_REVISIONS = 200


def restore_version(*, actor: Actor, agent_id: UUID, number: int, revision: int | None = None) -> AgentInfo:
    """Make the draft what that version is. What is published stays until it is published again.

    Raises:
        AgentNotFound: the agent is not the actor's or has no such version.
        EditConflict: somebody changed the draft after `revision`.
    """
    with transaction.atomic():
        get_agent(actor, agent_id, AgentsPermission.EDIT)
        row = Agent.objects.select_for_update(of=("self",)).get(id=agent_id)
        require(actor, AgentsPermission.EDIT, row)
        require_revision(row, revision)
        version = AgentVersion.objects.filter(agent=row, number=number).first()
        if version is None:
            raise AgentNotFound(f"{agent_id} v{number}")
        before = config_of(row)
        for field in AgentConfig.__dataclass_fields__:
            setattr(row, field, getattr(version, field))
        require_usable(actor, config_of(row))
        note_revision(actor, row, before)
        row.save()
        record_audit(actor, action="agent.restored", target_type="agent", target_id=row.id, detail={"number": number})
    return agent_info(row)


def require_revision(row: Agent, revision: int | None) -> None:
    """Refuse a change that was made from an older draft.

    Raises:
        EditConflict: with the newest revision and what was changed since.
    """
    if revision is None or revision == row.revision:
        return
    changes = changes_since(row, revision)
    names = ", ".join(dict.fromkeys(change["field"].partition(".")[0] for change in changes)) or "the draft"
    raise EditConflict(
        "agent_edited_meanwhile",
        f"Somebody else changed {names} meanwhile. Look at it, then save again.",
        revision=row.revision,
        changes=changes,
    )


def note_revision(actor: Actor, row: Agent, before: AgentConfig) -> None:
    """Count the change of a locked draft and keep what it looks like now; without a change nothing is noted."""
    changed = differences(before.as_json(), config_of(row).as_json())
    if not changed:
        return
    common = {"tenant_id": row.tenant_id, "agent": row}
    AgentRevision.objects.get_or_create(number=row.revision, defaults={"config": before.as_json()}, **common)
    row.revision += 1
    AgentRevision.objects.create(
        number=row.revision,
        config=config_of(row).as_json(),
        fields=[change.field for change in changed],
        user_id=actor.user_id,
        **common,
    )
    AgentRevision.objects.filter(agent=row, number__lte=row.revision - KEPT_REVISIONS).delete()
