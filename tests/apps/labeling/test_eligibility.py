"""Who may work on what: profiles, skills earned by paid tests, orders that ask for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.core import clock, outbox
from apps.core.errors import InvalidInput, NotPermitted
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.labeling import services, uploads
from apps.labeling.eligibility import Credentials, Requirements, level_of, missing
from apps.labeling.errors import OrderNotFound, OwnOrder
from apps.labeling.models import Order, Skill, SkillAttempt, Task
from apps.labeling.selectors import eligibility as selectors
from apps.labeling.selectors import orders as order_facts
from apps.labeling.selectors import work as work_facts
from apps.labeling.skill_errors import NotEligible, RetakeTooEarly, SkillExhausted, SkillHeld
from apps.ledger import selectors as ledger
from apps.ledger import services as ledger_services
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy.types import PLATFORM_ID, Actor
from tests.apps.labeling.conftest import truth, wrong

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_skill(fund) -> Callable[..., Skill]:
    """`make_skill(owner, questions=6, drawn=5, …)`: an open skill about "text n"; its owner has money."""

    def make(owner: Any, *, questions: int = 6, drawn: int = 5, cents: int = 10_000, **rest: Any) -> Skill:
        rows = [{"text": f"text {n}", "label": truth(f"text {n}")} for n in range(questions)]
        if cents:
            fund(owner.organisation_id, cents)
        with tenant_scope(owner.organisation_id):
            return services.create_skill(
                actor=owner,
                name="Spam at sight",
                instruction="Is it **spam**?",
                table=uploads.read_rows(rows, with_answers=True),
                price=Money(4),
                drawn=drawn,
                **rest,
            )

    return make


def take(annotator: Any, skill: Skill) -> SkillAttempt:
    with tenant_scope(annotator.organisation_id):
        return services.take_skill(actor=annotator, skill_id=skill.id)


def state_of(annotator: Any, skill: Skill) -> selectors.MySkill:
    with tenant_scope(annotator.organisation_id):
        return selectors.my_skill(annotator, skill.id)


def lease(annotator: Any, order: Any) -> Any:
    with tenant_scope(annotator.organisation_id):
        return services.lease_tasks(actor=annotator, order_id=order.id, count=1)


def earned(person: Any) -> Money:
    found = ledger.balance(AccountRef(person.organisation_id, AccountKind.EARNINGS, "USD")).posted
    assert isinstance(found, Money)
    return found


def test_levels_follow_from_accepted_work():
    assert [level_of(*one) for one in ((0, 0), (19, 0), (20, 8), (20, 9), (200, 50), (1_000, 0), (5_000, 300))] == [
        0, 0, 1, 0, 2, 3, 3,
    ]  # fmt: skip


def test_what_is_missing_says_how_to_get_it():
    asked = Requirements.from_json({"languages": ["sw"], "level": 2})
    found = missing(asked, Credentials(level=1), {})
    assert [(one.kind, one.url) for one in found] == [("language", "/work/profile/"), ("level", "/work/profile/")]
    assert "Swahili" in found[0].message
    assert "200 accepted answers" in found[1].message
    assert missing(asked, Credentials(languages=frozenset({"sw"}), level=3), {}) == ()


def test_passing_a_test_gives_the_skill_with_date_and_score_and_pays_right_answers(make_actor, make_skill, work):
    owner, person = make_actor(), make_actor(personal=True)
    skill = make_skill(owner, pass_percent=80)
    attempt = take(person, skill)
    assert take(person, skill).id == attempt.id
    assert state_of(person, skill).order_id == attempt.order_id
    assert work(person, attempt.order, truth) == 5
    outbox.drain()
    mine = state_of(person, skill)
    assert (mine.is_held, mine.right, mine.questions) == (True, 5, 5)
    assert mine.valid_until is not None
    assert mine.valid_until > clock.now() + timedelta(days=364)
    assert earned(person) == Money(20)
    with tenant_scope(owner.organisation_id):
        order = Order.objects.get(id=attempt.order_id)
        assert (order.state, order.dataset_id) == ("finished", None)
        assert order.id not in {one.id for one in order_facts.orders(owner)}
        [listed] = selectors.skills(owner)
        assert (listed.taken, listed.passed, listed.attempts_left) == (1, 1, 99)
    with pytest.raises(SkillHeld):
        take(person, skill)
    assert set(ledger.trial_balance().values()) <= {0}


def test_failing_means_waiting_and_then_other_questions(make_actor, make_skill, work, monkeypatch):
    owner, person = make_actor(), make_actor(personal=True)
    skill = make_skill(owner, questions=40, drawn=10, retake_days=3)
    attempt = take(person, skill)
    assert work(person, attempt.order, wrong) == 10  # a test is taken to its end, however it goes
    outbox.drain()
    mine = state_of(person, skill)
    assert (mine.is_held, mine.right, earned(person)) == (False, 0, Money(0))
    with pytest.raises(RetakeTooEarly, match="again from"):
        take(person, skill)
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=3, seconds=1))
    again = take(person, skill)
    with tenant_scope(owner.organisation_id):
        rows = [set(Task.objects.filter(order_id=one).values_list("row", flat=True)) for one in
                (attempt.order_id, again.order_id)]  # fmt: skip
    assert rows[0] != rows[1]


def test_an_attempt_that_nobody_ends_ends_by_itself_and_gives_the_money_back(make_actor, make_skill, work, monkeypatch):
    owner, person = make_actor(), make_actor(personal=True)
    skill = make_skill(owner)
    attempt = take(person, skill)
    work(person, attempt.order, truth, limit=2)
    outbox.drain()
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=1, seconds=1))
    assert services.end_lapsed_attempts() >= 1
    outbox.drain()
    mine = state_of(person, skill)
    assert (mine.is_held, mine.right, mine.questions) == (False, 2, 5)
    cash = ledger.balance(AccountRef(owner.organisation_id, AccountKind.CASH, "USD"))
    assert cash.available == cash.posted


def test_an_attempt_is_seen_by_its_annotator_only(make_actor, make_skill, client_for):
    owner, person, other = make_actor(), make_actor(personal=True), make_actor(personal=True)
    attempt = take(person, make_skill(owner))
    with pytest.raises(OrderNotFound):
        lease(other, attempt.order)
    assert attempt.order_id not in {entry.order_id for entry in work_facts.board()}
    assert client_for(other).get(f"/work/{attempt.order_id}/").status_code == 404
    assert client_for(person).get(f"/work/{attempt.order_id}/").status_code == 200


def test_who_cannot_take_a_test(make_actor, make_skill):
    owner, person = make_actor(), make_actor(personal=True)
    skill = make_skill(owner, attempts=0)
    with pytest.raises(SkillExhausted):
        take(person, skill)
    with tenant_scope(owner.organisation_id):
        services.change_skill(actor=owner, skill_id=skill.id, add_attempts=1)
    guest = Actor(person.user_id, person.organisation_id, person.role, is_guest=True)
    with pytest.raises(NotPermitted, match="sign up"):
        take(guest, skill)
    assert take(person, skill)
    poor = make_skill(make_actor(), cents=0)
    with pytest.raises(SkillExhausted):
        take(person, poor)
    with tenant_scope(poor.tenant_id):
        assert Skill.objects.get(id=poor.id).attempts_left == 100
    own = make_skill(person)
    with pytest.raises(OwnOrder):
        take(person, own)


def test_an_order_lends_to_those_who_have_what_it_asks_for(make_actor, make_order, make_skill, work):
    owner, person = make_actor(), make_actor(personal=True)
    skill, order = make_skill(owner), make_order(owner)
    with tenant_scope(owner.organisation_id):
        services.set_requirements(actor=owner, order_id=order.id, skills=[skill.id], languages=["FR"])
    with pytest.raises(NotEligible) as refused:
        lease(person, order)
    assert [one["kind"] for one in refused.value.context["missing"]] == ["skill", "language"]
    assert f"/work/skills/{skill.id}/" in str(refused.value.context)
    with tenant_scope(person.organisation_id):
        services.declare_languages(actor=person, languages=["fr", "en"])
    work(person, take(person, skill).order, truth)
    outbox.drain()
    assert len(lease(person, order).tasks) == 1
    # Who is in stays in: what an order asks for counts for those who come.
    with tenant_scope(owner.organisation_id):
        services.set_requirements(actor=owner, order_id=order.id, level=4)
    assert len(lease(person, order).tasks) == 1
    with pytest.raises(NotEligible, match="Level 4"):
        lease(make_actor(personal=True), order)


def test_requirements_name_what_is_wrong(make_actor, make_order, make_skill):
    owner, stranger = make_actor(), make_actor()
    order, foreign = make_order(owner, launch=False), make_skill(stranger)
    with tenant_scope(owner.organisation_id):
        for wrong_one, field in (
            ({"skills": [foreign.id]}, "skills"),
            ({"languages": ["xx"]}, "languages"),
            ({"level": 9}, "level"),
        ):
            with pytest.raises(InvalidInput) as problem:
                services.set_requirements(actor=owner, order_id=order.id, **wrong_one)
            assert problem.value.errors[0]["field"] == field
    with tenant_scope(stranger.organisation_id), pytest.raises(OrderNotFound):
        services.set_requirements(actor=stranger, order_id=order.id, level=1)


def test_a_skill_of_the_platform_is_paid_from_its_fees_and_can_be_asked_for_by_all(make_actor, make_skill, work):
    platform, person, owner = Actor.system(PLATFORM_ID), make_actor(personal=True), make_actor()
    skill = make_skill(platform, cents=0)
    ledger_services.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=AccountRef(PLATFORM_ID, AccountKind.FEES, "USD"),
        amount=Money(1_000),
        idempotency_key=f"test:{skill.id}",
        reason="Fees",
        source=SourceRef("test", "1"),
    )
    work(person, take(person, skill).order, truth)
    outbox.drain()
    assert state_of(person, skill).is_held
    assert earned(person) == Money(20)
    with tenant_scope(owner.organisation_id):
        assert skill.id in {one.id for one in selectors.usable_skills(owner)}


def test_skills_name_the_row_without_an_answer(make_actor):
    owner = make_actor()
    rows = [{"text": f"t{n}", "label": "ham"} for n in range(2)]
    with tenant_scope(owner.organisation_id), pytest.raises(InvalidInput, match="3 to 500 questions"):
        services.create_skill(
            actor=owner,
            name="x",
            instruction="x",
            classes=["ham", "spam"],
            table=uploads.read_rows(rows, with_answers=True),
            price=Money(1),
        )


def test_the_api_from_skill_to_eligibility(actor, make_actor, api_for, fund, make_order, work):
    fund(actor.organisation_id, 10_000)
    person = make_actor(personal=True)
    api, own = api_for(actor), api_for(person)
    rows = [{"text": f"text {n}", "label": truth(f"text {n}")} for n in range(4)]
    brief = {"name": "Spam at sight", "instruction": "Spam?", "rows": rows, "price_minor": 4, "drawn": 3}
    made = api.post("/api/v1/skills/", brief, format="json")
    assert made.status_code == 201, made.content
    skill_id = made.json()["id"]
    order = make_order(actor)
    body = {"skills": [skill_id], "languages": ["en"]}
    assert api.put(f"/api/v1/orders/{order.id}/requirements/", body, format="json").status_code == 200
    [row] = [one for one in own.get("/api/v1/task-board/").json()["results"] if one["order_id"] == str(order.id)]
    assert [one["kind"] for one in row["missing"]] == ["skill", "language"]
    refused = own.post(f"/api/v1/orders/{order.id}/leases/", {"count": 1}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_eligible")
    assert own.put("/api/v1/annotator-profile/", {"languages": ["en"]}, format="json").json()["languages"] == ["en"]
    started = own.post(f"/api/v1/skills/{skill_id}/take/")
    assert started.status_code == 201
    with tenant_scope(actor.organisation_id):
        attempt_order = Order.objects.get(id=started.json()["order_id"])
    work(person, attempt_order, truth, limit=2)
    assert own.post(f"/api/v1/skills/{skill_id}/end/").status_code == 204
    outbox.drain()
    assert own.get(f"/api/v1/skills/{skill_id}/").json()["right"] == 2
    assert api_for(make_actor()).get(f"/api/v1/orders/{order.id}/requirements/").status_code == 404


def test_the_pages_lead_from_what_is_missing_to_having_it(make_actor, make_order, make_skill, client_for):
    owner, person = make_actor(), make_actor(personal=True)
    skill, order = make_skill(owner, drawn=3), make_order(owner, title=f"Only for some {owner.organisation_id}")
    requester, annotator = client_for(owner), client_for(person)
    answer = requester.post(
        f"/orders/{order.id}/requirements/", {"skills": [skill.id], "languages": ["en"], "level": 0}
    )
    assert answer.status_code == 302
    board = annotator.get("/work/").content.decode()
    assert "What you still need" in board
    assert f"/work/skills/{skill.id}/" in board
    assert annotator.post(f"/work/{order.id}/start/").status_code == 302
    assert annotator.post("/work/profile/", {"languages": ["en", "sw"]}).status_code == 302
    assert "checked" in annotator.get("/work/profile/").content.decode()
    started = annotator.post(f"/work/skills/{skill.id}/take/")
    assert started.status_code == 302
    assert "taking this test" in annotator.get(f"/work/skills/{skill.id}/").content.decode()
    assert "Is it" in annotator.get(started["Location"]).content.decode()
