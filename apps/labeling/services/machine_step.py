"""One step of an order's machine, as a plan of what to write. It computes and writes nothing.

The statistics of audits are those of `apps.labeling.machine.acceptance`; here they are applied to a live order, where
answers come in any order, items are taken out, and labels may change as more answers come.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apps.labeling.machine.acceptance import FIRST_STAGE, TOLERANCE, Proposal, bounds, decide, risk_of
from apps.labeling.machine.pool import Learnable
from apps.labeling.machine.selection import first_items
from apps.labeling.machine.steps import (
    BATCH_SHARE,
    LEAST_BATCH,
    LEAST_FIRST,
    batch,
    is_calibration_due,
    make_proposal,
)
from apps.labeling.machine_types import AuditState, MachineSettings, MachineState, Reason
from apps.labeling.services.machine_facts import Facts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

#: Items that are open for each annotator at work, so that nobody waits for the next step.
OPEN_FOR_EACH = 4
#: Items that are open while the machine cannot choose any.
OPEN_WITHOUT = 50
SEED = 0


@dataclass(frozen=True)
class Asked:
    """A place that people are to be asked about; the class number and confidence that the machine has before."""

    place: int
    reason: Reason
    label: int | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Offered:
    """A place that the machine offers to label: its place in the audit's random order, its class, how sure."""

    place: int
    at: int
    label: int
    confidence: float


@dataclass
class Plan:
    """What a step writes."""

    state: MachineState
    audits: list[dict[str, Any]]
    fitted_at: int
    calibrated_at: int
    ask: list[Asked] = field(default_factory=list)
    offer: list[Offered] = field(default_factory=list)
    accept: list[int] = field(default_factory=list)
    reopen: list[int] = field(default_factory=list)


def plan_step(facts: Facts, settings: MachineSettings, pool: Callable[[], Learnable]) -> Plan:
    """What the machine does now.

    Args:
        pool: called where the items themselves are needed, which most steps can do without.
    """
    run = facts.run
    plan = Plan(MachineState.LEARNING, [dict(one) for one in run.audits], run.fitted_at, run.calibrated_at)
    _follow_passed(facts, settings, plan)
    if plan.state == MachineState.STOPPED:
        return plan
    _follow_open(facts, settings, plan)
    is_open = any(one["state"] == AuditState.OPEN for one in plan.audits)
    labelled = len(facts.known.places)
    room = _room(facts, labelled)
    wanted = room - facts.waiting - len(plan.ask)
    taken = {one.place for one in plan.ask} | set(plan.accept)
    may_offer = not is_open and not plan.accept and is_calibration_due(labelled, plan.calibrated_at)
    # Choosing costs a fit: it waits until half of what is open was answered.
    if len(facts.free) and (wanted * 2 >= room or may_offer):
        _choose(facts, settings, plan, pool(), wanted, taken, may_offer=may_offer)
    if any(one["state"] == AuditState.OPEN for one in plan.audits):
        plan.state = MachineState.AUDITING
    return plan


def plan_without(facts: Facts) -> list[Asked]:
    """Whom to ask about while the machine cannot say: anything, in the order of work, which is random."""
    free = [place for place in facts.free.tolist() if place not in _offered_now(facts)]
    room = max(OPEN_WITHOUT, OPEN_FOR_EACH * facts.working) - facts.waiting
    return [Asked(place, Reason.CHANCE) for place in free[: max(0, room)]]


def _room(facts: Facts, labelled: int) -> int:
    return max(LEAST_BATCH, labelled // BATCH_SHARE, OPEN_FOR_EACH * facts.working)


def _offered_now(facts: Facts) -> set[int]:
    """Places that wait for their audit."""
    numbers = [one["number"] for one in facts.run.audits if one["state"] == AuditState.OPEN]
    return {place for number in numbers for place in facts.audits.get(number, [])}


def _follow_passed(facts: Facts, settings: MachineSettings, plan: Plan) -> None:
    """Measure accepted labels again with all the answers there are; stop where they fall below the promise."""
    for audit in plan.audits:
        if audit["state"] != AuditState.PASSED:
            continue
        _measure(facts, audit)
        if audit["size"] >= FIRST_STAGE and audit["right"] / audit["size"] < settings.precision - TOLERANCE:
            audit["state"] = AuditState.REVOKED
            plan.state = MachineState.STOPPED
            plan.reopen += [place for place in facts.population(audit["number"]) if place not in facts.decided]
    if plan.state == MachineState.STOPPED:
        for audit in plan.audits:
            if audit["state"] == AuditState.OPEN:
                audit["state"] = AuditState.DROPPED


def _measure(facts: Facts, audit: dict[str, Any]) -> list[bool]:
    import numpy as np

    _, right = facts.prefix(audit["number"])
    population = len(facts.population(audit["number"]))
    low, high = bounds(np.array(right, dtype=np.bool_), population, risk_of(audit["number"])) if right else (0.0, 1.0)
    audit |= {"size": len(right), "right": sum(right), "proposed": population, "low": low, "high": high}
    return right


def _follow_open(facts: Facts, settings: MachineSettings, plan: Plan) -> None:
    """Decide the open audit where it is clear, else ask for more of its sample."""
    import numpy as np

    for audit in plan.audits:
        if audit["state"] != AuditState.OPEN:
            continue
        right = _measure(facts, audit)
        places = np.array(facts.population(audit["number"]), dtype=np.int64)
        proposal = Proposal(places, places, audit["expected"])
        # Answers come in one by one; a handful says nothing, so nothing is given up before the first stage is in.
        is_clear = len(right) >= min(FIRST_STAGE, proposal.most_audited)
        so_far = np.array(right, dtype=np.bool_)
        found = decide(proposal, so_far, promised=settings.precision, number=audit["number"]) if is_clear else None
        if found is None:
            _ask_sample(facts, plan, proposal.sample[: len(right)].tolist() + proposal.stage(len(right)).tolist())
            continue
        audit["state"] = AuditState.PASSED if found.passed else AuditState.FAILED
        plan.calibrated_at = len(facts.known.places)
        if found.passed:
            share = max(len(right), math.ceil(settings.audit * len(places)))
            _ask_sample(facts, plan, places[:share].tolist())
            free = set(facts.free.tolist())
            plan.accept += [place for place in places[share:].tolist() if place in free]


def _ask_sample(facts: Facts, plan: Plan, places: list[int]) -> None:
    free = set(facts.free.tolist())
    plan.ask += [Asked(place, Reason.AUDIT, *facts.offered[place]) for place in places if place in free]


def _choose(
    facts: Facts,
    settings: MachineSettings,
    plan: Plan,
    pool: Learnable,
    wanted: int,
    taken: set[int],
    *,
    may_offer: bool,
) -> None:
    """Offer labels if that is due and worth it; ask for what teaches most."""
    import numpy as np

    known, classes = facts.known, len(facts.classes)
    free = np.setdiff1d(facts.free, np.array(sorted(taken | _offered_now(facts)), dtype=np.int64))
    if len(known.places) < max(LEAST_FIRST, classes):
        _ask_first(facts, plan, pool, free, wanted)
        return
    learned = pool.fit(known.places, known.labels, classes)
    if may_offer:
        number = len(plan.audits) + 1
        confidence, proposal = make_proposal(
            pool,
            learned,
            known,
            free,
            classes=classes,
            promised=settings.precision,
            never=facts.never,
            number=number,
            seed=SEED,
        )
        plan.calibrated_at = len(known.places)
        if proposal is not None:
            belief = learned.at(proposal.sample)
            sure = confidence.of(belief)
            plan.offer = [
                Offered(int(place), at, int(label), float(one_sure))
                for at, (place, label, one_sure) in enumerate(zip(proposal.sample, belief.best, sure, strict=True))
            ]
            plan.audits.append(
                {
                    "number": number,
                    "state": AuditState.OPEN.value,
                    "proposed": len(proposal.places),
                    "size": 0,
                    "right": 0,
                }
                | {"low": 0.0, "high": 1.0, "expected": proposal.expected_precision}
                | {"version": str(facts.run.model_version_id or "")}
            )
            first = plan.offer[: len(proposal.stage(0))]
            plan.ask += [Asked(one.place, Reason.AUDIT, one.label, one.confidence) for one in first]
            wanted -= len(first)
            free = np.setdiff1d(free, proposal.places)
    if wanted > 0 and len(free):
        everything = learned.of_pool()
        places, drawn = batch(
            pool.vectors, everything.margin, free, wanted, before=len(known.places) + facts.waiting, seed=SEED
        )
        plan.fitted_at = len(known.places)
        for place, by_chance in zip(places.tolist(), drawn.tolist(), strict=True):
            reason = Reason.CHANCE if by_chance else Reason.LEARN
            likely = float(everything.probabilities[place].max())
            plan.ask.append(Asked(place, reason, int(everything.best[place]), likely))


def _ask_first(facts: Facts, plan: Plan, pool: Learnable, free: Integers, wanted: int) -> None:
    """Typical items of the whole order, as many as teach all classes; what is labelled already counts."""
    least = max(LEAST_FIRST, len(facts.classes))
    missing = max(least - len(facts.known.places) - facts.waiting, wanted)
    if missing <= 0 or not len(free):
        return
    some = first_items(pool.vectors[free], min(missing, len(free)), SEED)
    plan.ask += [Asked(int(free[one]), Reason.LEARN) for one in some]
