"""Appeals: reviewed blind by others, paid from money that the order kept for them, to the cent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core import clock, outbox
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services
from apps.labeling.appeal_errors import (
    AlreadyAppealed,
    AnnotationNotFound,
    NoReviewer,
    NotAppealable,
    ReviewNotFound,
    TooManyAppeals,
    UnusableAppeal,
    UnusableVerdict,
)
from apps.labeling.appeal_models import Appeal, AppealReview
from apps.labeling.appeal_types import APPEAL_WINDOW, MAX_OPEN_APPEALS, REVIEW_PRICE, ReviewInfo
from apps.labeling.models import Annotation, AnnotatorStats, Assignment, Order
from apps.labeling.selectors import appeals as selectors
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef
from apps.tenancy.models import Membership
from apps.tenancy.types import Actor
from tests.apps.labeling.conftest import close_other_appeals, truth, wrong

pytestmark = pytest.mark.django_db

WHY = "The message asks for money, which is spam."


@pytest.fixture
def make_reviewer(make_actor, make_order) -> Callable[[], Any]:
    """`make_reviewer()`: a person with a record that is good enough."""
    elsewhere = make_order(make_actor(), items=1)

    def make() -> Any:
        person = make_actor(personal=True)
        with tenant_scope(elsewhere.tenant_id):
            AnnotatorStats.objects.create(
                order_id=elsewhere.id, annotator_id=person.organisation_id, submitted=10, accepted=9, rejected=1
            )
        return person

    return make


@pytest.fixture
def ended(make_actor, make_order, work) -> Callable[..., Any]:
    """`ended(price=4, items=6)`: an ended order; two of three annotators agree, so all of the third's are rejected."""

    def make(price: int = 4, items: int = 6) -> tuple[Any, Any, Any]:
        close_other_appeals()
        requester = make_actor()
        order = make_order(requester, items=items, redundancy=3, price=price)
        odd, *others = (make_actor(personal=True) for _ in range(3))
        for one in others:
            work(one, order, wrong)
        work(odd, order, truth)
        outbox.drain()
        with tenant_scope(requester.organisation_id):
            order = Order.objects.get(id=order.id)
        assert order.state == "finished"
        return requester, order, odd

    return make


def rejected(order: Any, annotator: Any) -> list[Annotation]:
    with tenant_scope(order.tenant_id):
        return list(Annotation.objects.filter(order=order, annotator_id=annotator.organisation_id, state="rejected"))


def appeal(annotator: Any, answer: Annotation, text: str = WHY) -> Any:
    with tenant_scope(annotator.organisation_id):
        return services.file_appeal(actor=annotator, annotation_id=answer.id, text=text)


def take(reviewer: Any) -> ReviewInfo | None:
    with tenant_scope(reviewer.organisation_id):
        return services.take_review(actor=reviewer)


def judge(reviewer: Any, verdict: Callable[[ReviewInfo], str]) -> None:
    """Take a review and decide it."""
    review = take(reviewer)
    assert review is not None
    with tenant_scope(reviewer.organisation_id):
        services.decide_review(actor=reviewer, review_id=review.id, verdict=verdict(review))


def right(review: ReviewInfo) -> str:
    """The side of the true label, which the annotator gave."""
    return "first" if review.first == {"label": truth(review.data["text"])} else "second"


def mistaken(review: ReviewInfo) -> str:
    """The other side."""
    return "second" if right(review) == "first" else "first"


def later(monkeypatch: Any, by: timedelta) -> None:
    """From now on, the clock is ahead."""
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + by)


def earned(person: Any) -> Money:
    found = ledger.balance(AccountRef(person.organisation_id, AccountKind.EARNINGS, "USD")).posted
    assert isinstance(found, Money)
    return found


def test_an_upheld_appeal_pays_the_annotator_and_every_reviewer(ended, make_reviewer):
    requester, order, odd = ended(price=40)
    answer = rejected(order, odd)[0]
    assert ledger.hold(order.hold_id).open == ended_reserve(order, 6)
    filed = appeal(odd, answer)
    assert (filed.state, filed.rule_before) == ("open", "differs_from_consensus")
    first, second = make_reviewer(), make_reviewer()
    judge(first, right)
    judge(second, lambda _: "both")
    with tenant_scope(requester.organisation_id):
        answer.refresh_from_db()
        stats = AnnotatorStats.objects.get(order=order, annotator_id=odd.organisation_id)
    assert (answer.state, answer.rule, answer.amount_minor) == ("accepted", "appeal_upheld", 40)
    assert "2 of 2 reviewers" in answer.reason
    assert (stats.accepted, stats.rejected, stats.earned_minor) == (1, 5, 40)
    assert [earned(one) for one in (odd, first, second)] == [Money(40), REVIEW_PRICE, REVIEW_PRICE]
    assert ledger.hold(order.hold_id).open == ended_reserve(order, 5)
    with tenant_scope(odd.organisation_id):
        seen = selectors.my_appeal(odd, answer.id)
    assert (seen.state, seen.rule_before, seen.rule) == ("upheld", "differs_from_consensus", "appeal_upheld")
    assert set(ledger.trial_balance().values()) <= {0}


def ended_reserve(order: Any, answers: int) -> Money:
    """Price and fee of so many more answers of an ended order."""
    with tenant_scope(order.tenant_id):
        paid = sum(Annotation.objects.filter(order=order).values_list("amount_minor", flat=True))
    all_of_it = Money(paid + answers * order.price_minor)
    return all_of_it - Money(paid) + all_of_it.fraction_bps(order.fee_bps) - Money(paid).fraction_bps(order.fee_bps)


def test_a_tie_goes_to_a_third_reviewer_and_a_dismissed_appeal_frees_its_money(ended, make_reviewer):
    _, order, odd = ended(price=40)
    answer = rejected(order, odd)[0]
    appeal(odd, answer)
    people = [make_reviewer() for _ in range(4)]
    judge(people[0], right)
    judge(people[1], lambda _: "neither")
    judge(people[2], mistaken)
    assert take(people[3]) is None
    with tenant_scope(order.tenant_id):
        answer.refresh_from_db()
    assert (answer.state, answer.rule, answer.amount_minor) == ("rejected", "appeal_dismissed", 0)
    assert "1 of 3 reviewers" in answer.reason
    assert earned(odd) == Money(0)
    assert [earned(one) for one in people] == [REVIEW_PRICE] * 3 + [Money(0)]
    assert ledger.hold(order.hold_id).open == ended_reserve(order, 5)
    with pytest.raises(AlreadyAppealed):
        appeal(odd, answer, WHY + " Really.")


def test_only_two_review_at_a_time_and_a_lapsed_review_goes_to_another(ended, make_reviewer, monkeypatch):
    _, order, odd = ended()
    appeal(odd, rejected(order, odd)[0])
    first, second, third = (make_reviewer() for _ in range(3))
    held = take(first)
    assert held is not None
    assert take(first) == held
    assert take(second) is not None
    assert take(third) is None
    later(monkeypatch, timedelta(minutes=31))
    assert take(third) is not None


def test_nobody_reviews_who_has_to_do_with_the_item_or_its_requester(ended, make_reviewer, make_actor):
    requester, order, odd = ended()
    appeal(odd, rejected(order, odd)[0])
    colleague, saw_it, novice = make_reviewer(), make_reviewer(), make_actor(personal=True)
    with tenant_scope(requester.organisation_id):
        Membership.objects.create(tenant_id=requester.organisation_id, user_id=colleague.user_id, role="viewer")
        lent = Assignment.objects.filter(order=order)[0]
        for task_id in Assignment.objects.filter(order=order).values_list("task_id", flat=True).distinct():
            Assignment.objects.create(
                order=order,
                task_id=task_id,
                annotator_id=saw_it.organisation_id,
                state="skipped",
                leased_at=lent.leased_at,
                expires_at=lent.expires_at,
            )
    assert take(colleague) is None
    assert take(saw_it) is None
    with pytest.raises(NoReviewer, match="You have 0"):
        take(novice)
    with pytest.raises(NoReviewer):
        take(odd)
    outsider = make_reviewer()
    review = take(outsider)
    assert review is not None
    with tenant_scope(colleague.organisation_id), pytest.raises(ReviewNotFound):
        services.decide_review(actor=colleague, review_id=review.id, verdict="first")


def test_a_review_tells_nothing_about_whose_value_is_which(ended, make_reviewer):
    _, order, odd = ended()
    appeal(odd, rejected(order, odd)[0])
    sides = set()
    for _ in range(12):
        review = take(make_reviewer())
        assert review is not None
        shown = review.as_json()
        assert {"text", "annotator", "expected", "answer", "is_swapped"}.isdisjoint(shown)
        assert str(odd.organisation_id) not in str(shown)
        sides.add(right(review))
        with tenant_scope(order.tenant_id):
            AppealReview.objects.filter(id=review.id).update(expires_at=clock.now())
    assert sides == {"first", "second"}


def test_a_verdict_is_given_once_and_paid_once(ended, make_reviewer):
    _, order, odd = ended()
    appeal(odd, rejected(order, odd)[0])
    reviewer = make_reviewer()
    review = take(reviewer)
    assert review is not None
    with tenant_scope(reviewer.organisation_id):
        with pytest.raises(UnusableVerdict, match="first, second, both, neither"):
            services.decide_review(actor=reviewer, review_id=review.id, verdict="maybe")
        for _ in range(3):
            services.decide_review(actor=reviewer, review_id=review.id, verdict="both")
    assert earned(reviewer) == REVIEW_PRICE


def test_what_can_be_appealed(ended, make_actor, monkeypatch):
    _, order, odd = ended()
    answers = rejected(order, odd)
    with pytest.raises(UnusableAppeal):
        appeal(odd, answers[0], "no")
    with pytest.raises(AnnotationNotFound):
        appeal(make_actor(personal=True), answers[0])
    assert appeal(odd, answers[0]) == appeal(odd, answers[0])
    with tenant_scope(order.tenant_id):
        accepted = Annotation.objects.filter(order=order, state="accepted").select_related("annotator")[0]
    with tenant_scope(accepted.annotator_id), pytest.raises(NotAppealable, match="this one is accepted"):
        services.file_appeal(actor=Actor.system(accepted.annotator_id), annotation_id=accepted.id, text=WHY)
    monkeypatch.setattr("apps.labeling.services.appealing.MAX_OPEN_APPEALS", 1)
    with pytest.raises(TooManyAppeals, match=str(MAX_OPEN_APPEALS)):
        appeal(odd, answers[1])
    later(monkeypatch, APPEAL_WINDOW)
    with pytest.raises(NotAppealable, match="more than 7 days ago"):
        appeal(odd, answers[1])


def test_an_appeal_in_a_running_order_is_paid_like_any_answer(make_actor, make_order, work, make_reviewer):
    close_other_appeals()
    requester, annotator = make_actor(), make_actor(personal=True)
    order = make_order(requester, items=30, gold=6, redundancy=1, price=4)
    work(annotator, order, wrong, limit=12)
    outbox.drain()
    answer = next(one for one in rejected(order, annotator) if one.rule == "gold_mismatch")
    appeal(annotator, answer)
    for _ in range(2):
        judge(make_reviewer(), lambda review: "second" if right(review) == "first" else "first")
    with tenant_scope(requester.organisation_id):
        services.cancel_order(actor=requester, order_id=order.id)
        outbox.drain()
        order.refresh_from_db()
        paid = sum(Annotation.objects.filter(order=order).values_list("amount_minor", flat=True))
    assert earned(annotator) == Money(paid)
    hold = ledger.hold(order.hold_id)
    assert hold.captured == Money(paid) + Money(paid).fraction_bps(order.fee_bps)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    price=st.integers(1, 99), fates=st.lists(st.sampled_from(["up", "down", "open", "none"]), min_size=3, max_size=3)
)
def test_reserve_captures_and_releases_always_sum_to_what_was_held(ended, make_reviewer, price, fates):
    requester, order, odd = ended(price=price, items=3)
    held = ledger.hold(order.hold_id).amount
    upheld = 0
    for fate, answer in zip(fates, rejected(order, odd), strict=True):
        if fate == "none":
            continue
        filed = appeal(odd, answer)
        if fate == "open":
            break
        for _ in range(2):
            judge(make_reviewer(), right if fate == "up" else mistaken)
        with tenant_scope(requester.organisation_id):
            assert Appeal.objects.get(id=filed.id).state == ("upheld" if fate == "up" else "dismissed")
        upheld += fate == "up"
    with pytest.MonkeyPatch.context() as patch:
        later(patch, APPEAL_WINDOW + timedelta(minutes=1))
        services.release_due_reserves()
        services.release_due_reserves()
    hold = ledger.hold(order.hold_id)
    with tenant_scope(requester.organisation_id):
        paid = Money(sum(Annotation.objects.filter(order=order).values_list("amount_minor", flat=True)))
        waiting = Appeal.objects.filter(order=order, state="open").count()
    assert hold.captured == paid + paid.fraction_bps(order.fee_bps)
    assert hold.captured + hold.released + ended_reserve(order, waiting) == held
    assert earned(odd) == Money(price * upheld)
    assert set(ledger.trial_balance().values()) <= {0}


def test_an_answer_that_waits_too_long_is_accepted_and_paid_once(make_actor, make_order, work, monkeypatch):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = make_order(requester, items=4, redundancy=2, price=4)
    work(annotator, order, limit=2)
    with tenant_scope(annotator.organisation_id):
        dates = Annotation.as_annotator.values_list("auto_approve_at", "submitted_at")
        assert {until - given for until, given in dates} == {timedelta(days=7)}
    services.approve_overdue()
    assert earned(annotator) == Money(0)
    later(monkeypatch, timedelta(days=7))
    assert services.approve_overdue() >= 2  # other organisations' answers are due as well
    assert earned(annotator) == Money(8)
    assert services.approve_overdue() == 0
    assert earned(annotator) == Money(8)
    second = make_actor(personal=True)
    work(second, order, wrong)
    outbox.drain()
    with tenant_scope(requester.organisation_id):
        found = Annotation.objects.filter(order=order, annotator_id=annotator.organisation_id)
        assert {(row.state, row.rule, row.amount_minor) for row in found} == {("accepted", "auto_approved", 4)}
        assert "within 7 days" in found[0].reason
    assert earned(annotator) == Money(8)
