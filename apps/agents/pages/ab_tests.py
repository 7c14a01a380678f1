"""A/B tests of an agent's versions: start one, watch it, end it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.access import actor_required
from apps.agents import selectors, services
from apps.agents.ab_tests.comparing import Rate
from apps.agents.errors import NotReadyToPublish
from apps.agents.prices import dollars
from apps.agents.types import AbTestInfo, AgentInfo, ArmInfo
from apps.core.errors import DomainError, InvalidInput
from apps.tenancy.actors import actor_of
from apps.tenancy.types import Actor

UNPROCESSABLE = 422
OFFERED = 8
"""So many of the newest versions are offered for a test."""
FIELD = "share-"


@dataclass(frozen=True)
class ShownRate:
    """A rate in words: what was seen, and between which per cents the true one is."""

    text: str
    range: str


@dataclass(frozen=True)
class ShownArm:
    """A version of a test for people."""

    arm: ArmInfo
    good: ShownRate
    abstained: ShownRate
    cost: str
    first_words: str
    entered: str | None


@dataclass(frozen=True)
class OfferedVersion:
    """A version, or the draft (0), with the share that the form gives it."""

    number: int
    label: str
    share: str


@require_http_methods(["GET", "HEAD", "POST"])
@actor_required
def agent_ab_tests(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """The tests of an agent; POST starts one."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    if request.method != "POST":
        return _page(request, actor, agent)
    try:
        begun = services.start_ab_test(actor=actor, agent_id=agent_id, shares=_posted(request))
    except NotReadyToPublish as error:
        return _page(request, actor, agent, missing=error.context["missing"])
    except DomainError as error:
        return _page(request, actor, agent, problem=error.message)
    messages.success(request, "The test runs. New conversations get one of the versions.")
    return redirect("agent-ab-test", agent_id=agent_id, ab_test_id=begun.id)


@require_http_methods(["GET", "HEAD", "POST"])
@actor_required
def agent_ab_test(request: HttpRequest, agent_id: UUID, ab_test_id: UUID) -> HttpResponse:
    """One test with what came of it; POST changes the shares."""
    actor = actor_of(request)
    agent = selectors.agent(actor, agent_id)
    test = selectors.ab_test(actor, agent_id, ab_test_id)
    problem = ""
    if request.method == "POST":
        try:
            services.change_shares(actor=actor, agent_id=agent_id, ab_test_id=ab_test_id, shares=_posted(request))
        except DomainError as error:
            problem = error.message
        else:
            messages.success(request, "Changed. Conversations that have begun stay with their version.")
            return redirect("agent-ab-test", agent_id=agent_id, ab_test_id=ab_test_id)
    entered = _entered(request)
    context = {
        "agent": agent,
        "test": test,
        "arms": [_shown(arm, entered.get(arm.number)) for arm in test.arms],
        "verdicts": _verdicts(test),
        "problem": problem,
    }
    return render(request, "agents/ab_test.html", context, status=UNPROCESSABLE if problem else 200)


@require_POST
@actor_required
def agent_ab_test_stop(request: HttpRequest, agent_id: UUID, ab_test_id: UUID) -> HttpResponse:
    """End a test."""
    services.stop_ab_test(actor=actor_of(request), agent_id=agent_id, ab_test_id=ab_test_id)
    messages.success(request, "The test has ended. The live version answers everybody.")
    return redirect("agent-ab-test", agent_id=agent_id, ab_test_id=ab_test_id)


@require_POST
@actor_required
def agent_ab_test_choose(request: HttpRequest, agent_id: UUID, ab_test_id: UUID, number: int) -> HttpResponse:
    """End a test and have one version answer everybody."""
    actor = actor_of(request)
    selectors.ab_test(actor, agent_id, ab_test_id)
    try:
        services.choose_version(actor=actor, agent_id=agent_id, ab_test_id=ab_test_id, number=number)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"Version {number} answers everybody now, and the draft is the same.")
    return redirect("agent-ab-test", agent_id=agent_id, ab_test_id=ab_test_id)


def _page(
    request: HttpRequest,
    actor: Actor,
    agent: AgentInfo,
    *,
    problem: str = "",
    missing: Iterable[Mapping[str, Any]] = (),
) -> HttpResponse:
    tests = selectors.ab_tests(actor, agent.id)
    context = {
        "agent": agent,
        "running": next((test for test in tests if test.is_running), None),
        "ended": [test for test in tests if not test.is_running],
        "offered": _offered(request, actor, agent),
        "problem": problem,
        "missing": list(missing),
    }
    status = UNPROCESSABLE if problem or missing else 200
    return render(request, "agents/ab_tests.html", context, status=status)


def _offered(request: HttpRequest, actor: Actor, agent: AgentInfo) -> list[OfferedVersion]:
    """The live version against what is newest beside it, half and half, unless the form says otherwise."""
    versions = selectors.versions(actor, agent.id)[:OFFERED]
    numbers = [version.number for version in versions]
    if agent.current_version is not None and agent.current_version not in numbers:
        numbers.append(agent.current_version)
    if agent.has_unpublished_changes:
        numbers.insert(0, services.DRAFT)
    other = next((number for number in numbers if number != agent.current_version), None)
    given = {agent.current_version: "50", other: "50"} if other is not None else {}
    given = _entered(request) or given
    return [OfferedVersion(number, _label(number, agent), given.get(number, "")) for number in numbers]


def _label(number: int, agent: AgentInfo) -> str:
    if number == services.DRAFT:
        return "The draft"
    return f"Version {number}" + (", live" if number == agent.current_version else "")


def _entered(request: HttpRequest) -> dict[int | None, str]:
    fields = request.POST.items()
    return {int(name.removeprefix(FIELD)): str(text) for name, text in fields if _is_share(name)}


def _is_share(name: str) -> bool:
    return name.startswith(FIELD) and name.removeprefix(FIELD).isdecimal()


def _posted(request: HttpRequest) -> dict[int, int]:
    """The shares of the form by version; what is left empty is not in the test."""
    found: dict[int, int] = {}
    for number, text in _entered(request).items():
        plain = text.strip().removesuffix("%").strip()
        if not plain:
            continue
        if number is None or not plain.isdecimal():
            raise InvalidInput("invalid_shares", "Write whole numbers from 0 to 100.")
        found[number] = int(plain)
    return found


def _shown(arm: ArmInfo, entered: str | None) -> ShownArm:
    first = "no words yet"
    if arm.first_token_p50_s is not None and arm.first_token_p95_s is not None:
        first = f"{arm.first_token_p50_s:.2f} s ({arm.first_token_p95_s:.2f} s for the slowest 5 %)"
    cost = "prices not known" if arm.mean_micro_usd is None else dollars(arm.mean_micro_usd)
    return ShownArm(arm, _rate(arm.good, "rated"), _rate(arm.abstained, "answers"), cost, first, entered)


def _rate(rate: Rate, what: str) -> ShownRate:
    if rate.share is None:
        return ShownRate(f"no {what} yet", "")
    text = f"{100 * rate.share:.0f} %, {rate.hits} of {rate.of} {what}"
    return ShownRate(text, f"between {100 * rate.low:.0f} and {100 * rate.high:.0f} %")


def _verdicts(test: AbTestInfo) -> list[str]:
    rated = "Not enough answers yet to tell which version people like better."
    if test.better is not None:
        rated = f"People like version {test.better} better: its range lies above all others."
    known = "Not enough answers yet to tell which version says “I don't know” less often."
    if test.answers_more is not None:
        known = f"Version {test.answers_more} says “I don't know” less often: its range lies below all others."
    return [rated, known]
