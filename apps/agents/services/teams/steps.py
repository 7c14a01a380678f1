"""One step, begun by a worker under the outbox's lease and perhaps not for the first time.

The claim, the work and the result are three parts. The claim and the result are transactions on the locked run; the
work between them calls the model and others outside of any. A worker that dies in between loses nothing: the delivery
is handed out again and the step begun anew, and what changes things outside goes through `effects.once`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.agents.errors import ApprovalNeeded, EffectUncertain
from apps.agents.models import TeamRun, TeamStep
from apps.agents.models_in_use import classifier_in_use
from apps.agents.selectors.teams import step_target
from apps.agents.services.answering import answer
from apps.agents.services.taking_back import TAKEN_BACK, are_there, bare_source
from apps.agents.services.teams.advance import Advance, fail, give_back, spend
from apps.agents.services.teams.outside import ask_foreign_agent, send
from apps.agents.services.teams.work import Claimed, Outcome
from apps.agents.specs import TeamModel
from apps.agents.teams.flow import joined, way_by_label, way_by_scores
from apps.agents.teams.grants import Grant
from apps.agents.teams.types import MAX_STEPS, Graph, NodeKind, RouteBy, RunState, StepState
from apps.agents.types import MAX_QUESTION_TOKENS, FinishReason, Turn
from apps.compute import runner
from apps.core import clock, live
from apps.core.errors import DomainError, InvalidInput
from apps.core.tenant import tenant_scope
from apps.knowledge.chunking import estimate_tokens

MAX_ATTEMPTS = 5
"""A step that a worker began so often without an end is given up."""
LEAST_LIKENESS = 0.25
"""A router by meaning takes the way for everything else where no description is closer than this (cosine)."""


def run_step(step_id: UUID, ticket: int) -> None:
    """Work on a queued step, or take up one whose worker died. Must not be called inside a transaction.

    Raises:
        DomainError: retryable; the delivery is tried again after a pause.
    """
    claimed = _claim(step_id, ticket)
    if claimed is None:
        return
    try:
        outcome = _work(claimed)
    except EffectUncertain as error:
        _store_problem(claimed, error, StepState.UNCERTAIN)
    except ApprovalNeeded as error:
        _store_problem(claimed, error, StepState.WAITING)
    except DomainError as error:
        if error.retryable and claimed.attempt < MAX_ATTEMPTS:
            raise
        _store_problem(claimed, error, StepState.FAILED)
    else:
        _store(claimed, outcome)


def _claim(step_id: UUID, ticket: int) -> Claimed | None:
    with transaction.atomic():
        run, step = lock(step_id)
        if step.ticket != ticket or step.state not in (StepState.QUEUED, StepState.RUNNING):
            return None
        if not RunState(run.state).is_open:
            return None  # the step stays queued: a run that failed elsewhere can be tried again
        step.attempt += 1
        if step.attempt > MAX_ATTEMPTS:
            _fail(run, step, "gave_up", f"It was begun {MAX_ATTEMPTS} times and no worker came to its end.")
            return None
        step.state, step.begun_at = StepState.RUNNING, clock.now()
        step.save()
        live.notify(f"team-run:{run.id}", {"step": str(step.id)})
        graph = Graph.from_json(run.graph)
        node = graph.node(step.node)
        if node is None:
            return None
        gathered = step.children.filter(state=StepState.SUCCEEDED).order_by("id").values_list("name", "output")
        return Claimed(
            step_id=step.id,
            ticket=step.ticket,
            attempt=step.attempt,
            organisation_id=run.tenant_id,
            user_id=run.user_id,
            node=node,
            ways=graph.out(node.key),
            agent=step.agent,
            text=step.input,
            label=step.label,
            question=run.question,
            grant=Grant.from_json(step.grant),
            agents=run.agents,
            gathered=tuple((name, text) for name, text in gathered),
            is_worker=step.parent_id is not None,
            reader_id=run.reader_id,
            history=tuple(Turn(role, text) for role, text in run.asked.get("history", ())),
            is_part=bool(run.asked),
        )


def lock(step_id: UUID) -> tuple[TeamRun, TeamStep]:
    """The run and then the step, both locked."""
    run_id = TeamStep.objects.values_list("run_id", flat=True).get(id=step_id)
    run = TeamRun.objects.select_for_update().get(id=run_id)
    return run, TeamStep.objects.select_for_update(of=("self",)).select_related("parent").get(id=step_id)


def _work(claimed: Claimed) -> Outcome:
    claimed.grant.require_alive(clock.now())
    node = claimed.node
    if node.kind is NodeKind.ROUTER:
        return _route(claimed)
    if node.kind is NodeKind.SEND:
        return send(claimed)
    if node.kind is NodeKind.REMOTE:
        return ask_foreign_agent(claimed)
    if node.kind is NodeKind.SUPERVISOR and not claimed.is_worker and not claimed.gathered:
        return Outcome(workers=_chosen_workers(claimed))
    return _ask(claimed)


def _ask(claimed: Claimed) -> Outcome:
    """An agent answers, within the step's grant; the call is metered like any other."""
    text = "\n\n".join([claimed.text, *([joined(claimed.gathered)] if claimed.gathered else [])])
    target = step_target(claimed.actor, claimed.agent, claimed.agents)
    if isinstance(target.config.model, TeamModel):
        raise InvalidInput("team_in_team", f"{target.config.name} is a team itself; a team calls agents.")
    target = replace(target.narrowed(claimed.grant, claimed.scope), is_part=claimed.is_part)
    finished = answer(
        actor=claimed.actor,
        target=target,
        question=_shortened(text),
        history=claimed.history,
        reader_id=claimed.reader_id,
    ).answer
    if finished.finish is FinishReason.FAILED:
        raise InvalidInput("answer_failed", finished.problem or "The agent gave no answer.")
    return Outcome(
        text=finished.text,
        label=finished.label.label if finished.label is not None else "",
        sources=tuple(source.as_json() for source in finished.sources),
        prompt_tokens=finished.prompt_tokens,
        completion_tokens=finished.completion_tokens,
        seconds=finished.seconds,
    )


def _route(claimed: Claimed) -> Outcome:
    node = claimed.node
    if node.by is RouteBy.CLASSIFIER:
        with tenant_scope(claimed.organisation_id):
            model = classifier_in_use(claimed.organisation_id, UUID(node.classifier))
        if model is None or model.ref is None:
            raise InvalidInput("classifier_missing", "The classifier of this router is not there any more.")
        label = runner.classify(model.ref, [claimed.text])[0].label
        return Outcome(text=claimed.text, label=label, way=way_by_label(claimed.ways, label))
    described = [edge.when for edge in claimed.ways if edge.when]
    scores = _likeness(claimed.text, described)
    return Outcome(
        text=claimed.text, label=claimed.label, way=way_by_scores(claimed.ways, scores, LEAST_LIKENESS), notes=scores
    )


def _chosen_workers(claimed: Claimed) -> tuple[str, ...]:
    """The workers whose job is closest in meaning to the text."""
    slugs = claimed.node.workers
    if len(slugs) <= claimed.node.most:
        return slugs
    jobs = {slug: step_target(claimed.actor, slug, claimed.agents).config for slug in slugs}
    texts = {slug: f"{config.name}. {config.job}" for slug, config in jobs.items()}
    scores = _likeness(claimed.text, list(texts.values()))
    best = sorted(slugs, key=lambda slug: -scores[texts[slug]])[: claimed.node.most]
    return tuple(slug for slug in slugs if slug in best)


def _likeness(text: str, others: Sequence[str]) -> dict[str, float]:
    """Cosine similarity of a text and each of the others."""
    first, *rest = runner.embed([text, *others])
    return {
        other: sum(a * b for a, b in zip(first, vector, strict=True))
        for other, vector in zip(others, rest, strict=True)
    }


def _shortened(text: str) -> str:
    """As much of a text as an agent reads."""
    tokens = estimate_tokens(text)
    while tokens > MAX_QUESTION_TOKENS:
        text = text[: max(1, len(text) * (MAX_QUESTION_TOKENS - 20) // tokens)]
        tokens = estimate_tokens(text)
    return text


def _store(claimed: Claimed, outcome: Outcome) -> None:
    """The result, what it cost and what follows, together."""
    with transaction.atomic():
        run, step = lock(claimed.step_id)
        if not _is_mine(step, claimed):
            return
        spend(run, step, prompt_tokens=outcome.prompt_tokens, completion_tokens=outcome.completion_tokens)
        step.seconds += outcome.seconds
        advance = Advance(run)
        if outcome.workers:
            _call_workers(advance, step, outcome.workers)
            return
        give_back(run, step)
        outcome = _as_kept(outcome)
        step.output, step.label, step.sources = outcome.text, outcome.label, list(outcome.sources)
        step.choice = "" if outcome.way is None else outcome.way.when or "otherwise"
        if outcome.notes:
            step.approval = {**(step.approval or {}), "notes": outcome.notes}
        step.state, step.ended_at = StepState.SUCCEEDED, clock.now()
        step.save()
        _go_on(advance, step, outcome)


def _as_kept(outcome: Outcome) -> Outcome:
    """The result without words of documents that were deleted while it was made."""
    if are_there({UUID(source["document_id"]) for source in outcome.sources}):
        return outcome
    return replace(outcome, text=TAKEN_BACK, sources=tuple(bare_source(source) for source in outcome.sources))


def _go_on(advance: Advance, step: TeamStep, outcome: Outcome) -> None:
    if step.parent is not None:
        parent = step.parent
        if not parent.children.exclude(state=StepState.SUCCEEDED).exists():
            advance.ask_for_worker(parent, Grant.from_json(parent.grant).narrow(Grant(tokens=parent.reserved_tokens)))
        advance.conclude()
        return
    try:
        with transaction.atomic():
            if NodeKind(step.kind) is NodeKind.ROUTER:
                advance.follow(step, [outcome.way] if outcome.way is not None else [])
            else:
                advance.follow(step)
    except DomainError as error:
        run = TeamRun.objects.get(id=advance.run.id)
        run.spent_tokens, run.reserved_tokens = advance.run.spent_tokens, advance.run.reserved_tokens
        run.state, run.problem = RunState.FAILED, error.message
        Advance(run).conclude()


def _call_workers(advance: Advance, step: TeamStep, slugs: Sequence[str]) -> None:
    """A supervisor's workers, each with a part of what the supervisor may do."""
    room = MAX_STEPS - TeamStep.objects.filter(run=advance.run).count()
    slugs = slugs[: max(1, room)]
    mine = Grant.from_json(step.grant)
    part = step.reserved_tokens // (len(slugs) + 1)
    step.state = StepState.GATHERING
    step.save()
    for slug in slugs:
        child = TeamStep(
            tenant_id=step.tenant_id,
            run=advance.run,
            parent=step,
            node=step.node,
            kind=NodeKind.AGENT,
            name=slug,
            agent=slug,
            input=step.input,
        )
        child.save(force_insert=True)
        advance.ask_for_worker(child, mine.delegate(Grant(tokens=part)))
    advance.conclude()


def _store_problem(claimed: Claimed, error: DomainError, state: StepState) -> None:
    with transaction.atomic():
        run, step = lock(claimed.step_id)
        if not _is_mine(step, claimed):
            return
        if isinstance(error, (ApprovalNeeded, EffectUncertain)):
            step.state, step.problem_code, step.problem = state, error.code, error.message
            step.approval = {**(step.approval or {}), **_asked(error)}
            step.save()
            Advance(run).conclude()
            return
        _fail(run, step, error.code, error.message)


def _asked(error: ApprovalNeeded | EffectUncertain) -> dict[str, Any]:
    """What a person has to decide."""
    if isinstance(error, EffectUncertain):
        return {"effect": error.context["effect_id"], "effect_owner": str(error.organisation_id)}
    return {
        "call": error.context["approval_id"],
        "tool": error.context["tool"],
        "arguments": error.context["arguments"],
    }


def _fail(run: TeamRun, step: TeamStep, code: str, message: str) -> None:
    give_back(run, step)
    fail(step, code, message)
    run.state, run.problem = RunState.FAILED, f"{step.name}: {message}"
    Advance(run).conclude()


def _is_mine(step: TeamStep, claimed: Claimed) -> bool:
    """Whether this worker's result still counts: nobody has cancelled the step, or begun it anew after this one."""
    return step.state == StepState.RUNNING and (step.ticket, step.attempt) == (claimed.ticket, claimed.attempt)
