"""Which answers are paid: the written rule.

Some items are hidden check questions whose answer the requester knows. An annotator's *standing* in an order follows
from them: good (at least `MIN_CHECKS` seen and `PASS_SHARE` of them right), failing (as many seen, fewer right) or
unknown (fewer seen). When an item has all its labels, each answer to it is decided:

1. Check question: accepted if it is the known answer, else rejected. (`gold_match`, `gold_mismatch`)
2. Failing standing: rejected. (`failed_checks`)
3. Agrees with the consensus of the item: accepted. (`agrees_with_consensus`)
4. Differs, good standing: accepted, for an honest second opinion is work too. (`trusted_by_gold`)
5. Differs, standing unknown: waits for more check questions, and at the latest for the end of the order, where
   it is rejected if the standing is still not good. (`awaiting_standing`, `differs_from_consensus`)

An item that several annotators flagged as unusable is taken out; the answers it had are accepted. (`item_unusable`)
An adjudicator's decision takes the place of the consensus: who agrees is accepted, who differs is held against rules 2,
4 and 5 at once. (`agrees_with_adjudication`, `differs_from_adjudication`) A reviewer accepts a single answer, or
rejects one that nothing has decided yet, with a reason. (`review_accepted`, `review_rejected`)
An answer still pending on its date is accepted. (`auto_approved`) A rejection can be appealed for a week; others review
it without knowing whose answer it is (`apps.labeling.services.reviewing`). (`appeal_upheld`, `appeal_dismissed`)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from apps.labeling.consensus import Record
from apps.labeling.types import AnnotationState, Rule

MIN_CHECKS = 3
PASS_PERCENT = 70


class Standing(StrEnum):
    """What the check questions say about an annotator."""

    UNKNOWN = "unknown"
    GOOD = "good"
    FAILING = "failing"


@dataclass(frozen=True)
class Decision:
    """What becomes of an answer and why."""

    state: AnnotationState
    rule: Rule
    reason: str


def standing(record: Record) -> Standing:
    """The standing that follows from an annotator's record on check questions."""
    if record.seen < MIN_CHECKS:
        return Standing.UNKNOWN
    return Standing.GOOD if record.right * 100 >= record.seen * PASS_PERCENT else Standing.FAILING


def decide(*, answer: str, expected: str, is_same: bool, is_gold: bool, record: Record, final: bool) -> Decision:
    """Decide one answer to an item that has all its labels.

    Args:
        answer: the answer in words.
        expected: in words, the known answer of a check question, else what the item's answers lead to together.
        is_same: whether both count as the same.
        is_gold: whether it is a check question.
        record: the annotator's check questions so far.
        final: the order is closing: nothing stays pending.
    """
    accepted, rejected = AnnotationState.ACCEPTED, AnnotationState.REJECTED
    if is_gold:
        if is_same:
            return Decision(accepted, Rule.GOLD_MATCH, f"“{expected}” is the known answer of this check question.")
        return Decision(
            rejected,
            Rule.GOLD_MISMATCH,
            f"This was a check question; its known answer is “{expected}”, not “{answer}”.",
        )
    now = standing(record)
    share = f"{record.right} of {record.seen} check questions right"
    if now is Standing.FAILING:
        return Decision(
            rejected, Rule.FAILED_CHECKS, f"{share}; at least {PASS_PERCENT} % are needed for answers to count."
        )
    if is_same:
        return Decision(accepted, Rule.AGREES_WITH_CONSENSUS, f"The answers together lead to “{expected}”.")
    if now is Standing.GOOD:
        return Decision(
            accepted,
            Rule.TRUSTED_BY_GOLD,
            f"The answers lead to “{expected}”, but with {share} a second opinion is paid.",
        )
    if final:
        return Decision(
            rejected, Rule.DIFFERS_FROM_CONSENSUS, f"The answers together lead to “{expected}”, not “{answer}”."
        )
    return Decision(
        AnnotationState.PENDING,
        Rule.AWAITING_STANDING,
        f"The answers lead to “{expected}”. Yours is accepted once {PASS_PERCENT} % of at least {MIN_CHECKS} check "
        "questions are right; it is decided when the order ends at the latest.",
    )


def decide_adjudicated(*, answer: str, expected: str, is_same: bool, record: Record, why: str) -> Decision:
    """Decide one answer to an item that an adjudicator decided.

    Args:
        expected: what the adjudicator decided, in words.
        why: the adjudicator's reason.
    """
    decided = f"An adjudicator decided “{expected}”: {why}"
    if is_same:
        return Decision(AnnotationState.ACCEPTED, Rule.AGREES_WITH_ADJUDICATION, decided)
    found = decide(answer=answer, expected=expected, is_same=False, is_gold=False, record=record, final=True)
    if found.rule != Rule.DIFFERS_FROM_CONSENSUS:
        return found
    return Decision(AnnotationState.REJECTED, Rule.DIFFERS_FROM_ADJUDICATION, f"{decided} You said “{answer}”.")


#: Shown while the answers of an item differ and an adjudicator is to decide.
DISPUTED = Decision(
    AnnotationState.PENDING,
    Rule.AWAITING_ADJUDICATION,
    "The answers to this item differ; an adjudicator decides it, or the rules do when the order ends.",
)

#: Shown while an item waits for the other annotators.
WAITING = Decision(AnnotationState.PENDING, Rule.AWAITING_LABELS, "Waiting for the other annotators of this item.")

#: For the answers of an item that was taken out.
UNUSABLE = Decision(
    AnnotationState.ACCEPTED,
    Rule.ITEM_UNUSABLE,
    "Several annotators found this item unusable; your work on it is paid.",
)
