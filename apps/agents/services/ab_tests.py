"""Use cases: let versions share an agent's visitors, change the shares, end that, and put the better one live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from apps.agents.errors import AgentNotFound, NotReadyToPublish
from apps.agents.models import AbTest, AbTestArm, Agent, AgentVersion
from apps.agents.selectors.ab_tests import ab_test_info, get_ab_test
from apps.agents.selectors.agents import config_of
from apps.agents.selectors.evaluations import gate_problems
from apps.agents.services.publish import freeze_draft, go_back_to_version, lock_agent, require_ready
from apps.agents.types import AbTestInfo, AbTestState, AgentsPermission, AgentState
from apps.core import clock
from apps.core.errors import Conflict, InvalidInput
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor

DRAFT = 0
"""Stands for the draft where versions are named by their numbers."""
MOST_VERSIONS = 4
ALL = 100


def start_ab_test(*, actor: Actor, agent_id: UUID, shares: Mapping[int, int]) -> AbTestInfo:
    """Let versions of a published agent share its visitors. The live version stays the live one.

    Args:
        shares: per cent of the visitors by number of the version, together 100. 0 stands for the draft, which becomes
            the next version without going live.

    Raises:
        AgentNotFound: the agent is not the actor's, or it has no such version.
        InvalidInput: fewer than two versions or more than four, or shares that do not come to 100.
        Conflict: the agent was never published, or a test is running.
        NotReadyToPublish: a version falls short of what publishing it would ask for; `missing` says of what.
    """
    _require_shares(shares)
    if DRAFT in shares:
        require_ready(actor, agent_id)
    with transaction.atomic():
        row = lock_agent(actor, agent_id, AgentsPermission.PUBLISH)
        if row.state == AgentState.DRAFT:
            raise Conflict("agent_not_published", "Publish the agent first: a test shares the visitors it has.")
        if AbTest.objects.filter(agent=row, state=AbTestState.RUNNING).exists():
            raise Conflict("ab_test_running", "A test is running. End it first.")
        versions = {_version(actor, row, number): share for number, share in shares.items()}
        if len(versions) < len(shares):
            message = "The draft is the same as one of the versions. Change it first, or choose another version."
            raise InvalidInput("same_version", message, errors=[{"field": "arms", "message": message}])
        _require_gates(row, versions)
        test = AbTest.objects.create(tenant_id=row.tenant_id, agent=row, user_id=actor.user_id)
        AbTestArm.objects.bulk_create(
            AbTestArm(tenant_id=row.tenant_id, ab_test=test, version=version, share=share)
            for version, share in versions.items()
        )
        told = {str(version.number): share for version, share in versions.items()}
        record_audit(actor, action="agent.ab_test_started", target_type="agent", target_id=row.id, detail=told)
        return ab_test_info(test)


def change_shares(*, actor: Actor, agent_id: UUID, ab_test_id: UUID, shares: Mapping[int, int]) -> AbTestInfo:
    """Give the versions of a running test other shares of the visitors; 0 gives a version no new ones.

    Conversations that have begun stay with their version, unless that is given 0.

    Raises:
        AgentNotFound, NotFound: there is no such test.
        InvalidInput: not the test's versions, or shares that do not come to 100.
        Conflict: the test has ended.
    """
    with transaction.atomic():
        test = _running(actor, agent_id, ab_test_id)
        arms = list(AbTestArm.objects.filter(ab_test=test).select_related("version"))
        if {arm.version.number for arm in arms} != set(shares):
            raise _refused("Give a share to each version of the test, and to no other.")
        _require_sum(shares)
        for arm in arms:
            arm.share = shares[arm.version.number]
        AbTestArm.objects.bulk_update(arms, ["share"])
        test.shares_changed_at = clock.now()
        test.save(update_fields=["shares_changed_at", "updated_at"])
        told = {str(number): share for number, share in shares.items()}
        record_audit(actor, action="agent.ab_test_changed", target_type="agent", target_id=agent_id, detail=told)
        return ab_test_info(test)


def stop_ab_test(*, actor: Actor, agent_id: UUID, ab_test_id: UUID) -> AbTestInfo:
    """End a test; the live version answers everybody again. One that has ended stays as it is.

    Raises:
        AgentNotFound, NotFound: there is no such test.
    """
    with transaction.atomic():
        lock_agent(actor, agent_id, AgentsPermission.PUBLISH)
        test = get_ab_test(actor, agent_id, ab_test_id, AgentsPermission.PUBLISH)
        if test.state == AbTestState.RUNNING:
            _end(actor, test, None)
        return ab_test_info(test)


def choose_version(*, actor: Actor, agent_id: UUID, ab_test_id: UUID, number: int) -> AbTestInfo:
    """End a running test and have one of its versions answer everybody; the draft becomes the same.

    Raises:
        AgentNotFound, NotFound: there is no such test.
        InvalidInput: the version is not in the test.
        Conflict: the test has ended.
    """
    with transaction.atomic():
        test = _running(actor, agent_id, ab_test_id)
        arm = AbTestArm.objects.filter(ab_test=test, version__number=number).select_related("version").first()
        if arm is None:
            raise _refused(f"Version {number} is not in this test.")
        _end(actor, test, arm.version)
        if test.agent.current_version_id != arm.version_id:
            go_back_to_version(actor=actor, agent_id=agent_id, number=number)
    return ab_test_info(get_ab_test(actor, agent_id, ab_test_id, AgentsPermission.VIEW))


def _running(actor: Actor, agent_id: UUID, ab_test_id: UUID) -> AbTest:
    lock_agent(actor, agent_id, AgentsPermission.PUBLISH)
    test = get_ab_test(actor, agent_id, ab_test_id, AgentsPermission.PUBLISH)
    if test.state != AbTestState.RUNNING:
        raise Conflict("ab_test_ended", "This test has ended. Start a new one.")
    return test


def _end(actor: Actor, test: AbTest, chosen: AgentVersion | None) -> None:
    test.state, test.ended_at, test.chosen = AbTestState.ENDED, clock.now(), chosen
    test.save(update_fields=["state", "ended_at", "chosen", "updated_at"])
    told = {"chosen": chosen.number} if chosen is not None else {}
    record_audit(actor, action="agent.ab_test_ended", target_type="agent", target_id=test.agent_id, detail=told)


def _version(actor: Actor, row: Agent, number: int) -> AgentVersion:
    if number == DRAFT:
        return freeze_draft(actor, row, {})
    version = AgentVersion.objects.filter(agent=row, number=number).first()
    if version is None:
        raise AgentNotFound(f"{row.id} version {number}")
    return version


def _require_gates(row: Agent, versions: Mapping[AgentVersion, int]) -> None:
    """Each version must reach what its checks ask for, or what the draft's ask for now where those must hold."""
    now = config_of(row).checks
    missing = []
    for version in versions:
        config = config_of(version)
        asked = now if now.required and now.evaluation_set_id is not None else config.checks
        problems = gate_problems(row, replace(config, checks=asked))
        missing += [
            {"code": "evaluation", "message": f"Version {version.number}: {problem}", "version": version.number}
            for problem in problems
        ]
    if missing:
        raise NotReadyToPublish("version_not_ready", str(missing[0]["message"]), missing=missing)


def _require_shares(shares: Mapping[int, int]) -> None:
    if not 2 <= len(shares) <= MOST_VERSIONS:
        raise _refused(f"Choose 2 to {MOST_VERSIONS} versions.")
    if any(share < 1 for share in shares.values()):
        raise _refused("Give each version at least 1 %.")
    _require_sum(shares)


def _require_sum(shares: Mapping[int, int]) -> None:
    if any(not 0 <= share <= ALL for share in shares.values()) or sum(shares.values()) != ALL:
        raise _refused(f"The shares are whole per cents and together {ALL}; these are {sum(shares.values())}.")


def _refused(message: str) -> InvalidInput:
    return InvalidInput("invalid_shares", message, errors=[{"field": "arms", "message": message}])
