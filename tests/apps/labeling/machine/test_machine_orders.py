"""Orders with a machine: what people are asked, what is closed without them, and that money stays exact."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from apps.compute.errors import RunnerUnavailable
from apps.core import clock, outbox
from apps.core.errors import InvalidInput
from apps.core.money import Money
from apps.core.tenant import tenant_scope
from apps.datasets import selectors
from apps.labeling import services, uploads
from apps.labeling.errors import OrderNotOpen
from apps.labeling.machine.pool import Pool
from apps.labeling.machine.sources import BadPredictions
from apps.labeling.machine_types import MachineFigures
from apps.labeling.models import Annotation, MachineItem, MachineRun, Order, Task
from apps.labeling.quality import routing
from apps.labeling.selectors.machine import machine_figures, machine_votes
from apps.labeling.selectors.orders import quote_of
from apps.labeling.services import machine
from apps.labeling.slots import in_use
from apps.labeling.terms import Terms
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef

pytestmark = pytest.mark.django_db
CLASSES = ["alpha", "beta", "gamma"]


def vector_of(text: str, noise: float = 0.12) -> Any:
    """A made-up embedding: "beta 17" lies near the others of beta."""
    name, number = text.split()
    middles = np.random.default_rng(99).normal(size=(4, 24))
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    place = CLASSES.index(name) if name in CLASSES else 3
    found = middles[place] + noise * np.random.default_rng(int(number)).normal(size=24)
    return found / np.linalg.norm(found)


@dataclass
class FakeSource:
    """Embeddings without a runner; `fault` is raised instead."""

    name: str = "made-up embeddings"
    version_id: UUID | None = None
    batch: int = 100
    fault: Exception | None = None
    calls: int = 0

    def rows(self, texts: Sequence[str]) -> Any:
        self.calls += 1
        if self.fault is not None:
            raise self.fault
        return np.array([vector_of(text) for text in texts], dtype=np.float32)

    def pool(self, rows: Any, texts: Sequence[str]) -> Pool:
        return Pool.of(rows)


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSource]:
    found = FakeSource()
    monkeypatch.setattr(machine, "source_of", lambda *_: found)
    yield found


@pytest.fixture
def machine_order(fund: Any) -> Callable[..., Order]:
    """`machine_order(requester, items=400, gold=0, target=None, budget=None, **machine)`: launched, its machine on."""

    def make(
        requester: Any,
        *,
        items: int = 400,
        gold: int = 0,
        redundancy: int = 1,
        target: float | None = None,
        budget: int | None = None,
        **machine: Any,
    ) -> Order:
        rows = [
            {"id": f"n{n}", "text": f"{CLASSES[n % 3]} {n}", "label": CLASSES[n % 3], "gold": "yes" if n < gold else ""}
            for n in range(items)
        ]
        with tenant_scope(requester.organisation_id):
            order = services.draft_with(
                actor=requester,
                settings=services.DraftSettings({"mode": "assist"} | machine),
                draft=lambda: services.create_order(
                    actor=requester,
                    title="Three kinds",
                    instruction="Which kind is it?",
                    classes=CLASSES,
                    price=Money(4),
                    redundancy=redundancy,
                    table=uploads.read_rows(rows),
                    terms=Terms(budget=Money(budget) if budget is not None else None),
                ),
            )
            if target is not None:
                order = services.set_target(actor=requester, order_id=order.id, target=target)
            fund(requester.organisation_id, 100_000)
            return services.launch_order(actor=requester, order_id=order.id)

    return make


def truth(text: str) -> str:
    return text.split()[0]


def drive(
    order: Order,
    annotators: Sequence[Any],
    work: Any,
    answer: Callable[[str], str] = truth,
    rounds: int = 40,
    check: Callable[[Order], None] = lambda _: None,
) -> Order:
    """Let people work and the schedule run until the order ends; the order as it is then.

    Args:
        check: called with the order after each step.
    """
    for _ in range(rounds):
        services.advance_machines()
        check(order)
        for annotator in annotators:
            with contextlib.suppress(OrderNotOpen):
                work(annotator, order, answer, limit=30)
        outbox.drain()
        services.plan_due_orders()
        services.end_due_orders()
        check(order)
        order = fresh(order)
        if order.state != "running":
            break
    outbox.drain()
    return fresh(order)


def fresh(order: Order) -> Order:
    with tenant_scope(order.tenant_id):
        return Order.objects.get(id=order.id)


def figures_of(order: Order) -> MachineFigures:
    with tenant_scope(order.tenant_id):
        found = machine_figures(order)
    assert found is not None
    return found


def held(requester: Any) -> Money:
    found = ledger.balance(AccountRef(requester.organisation_id, AccountKind.CASH, "USD")).held
    assert isinstance(found, Money)
    return found


def earned(annotator: Any) -> Money:
    found = ledger.balance(AccountRef(annotator.organisation_id, AccountKind.EARNINGS, "USD")).available
    assert isinstance(found, Money)
    return found


def test_most_items_are_closed_without_people_and_nobody_is_paid_for_them(make_actor, machine_order, work, source):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = drive(machine_order(requester, gold=20), [annotator], work)
    assert order.state == "finished"
    figures = figures_of(order)
    with tenant_scope(requester.organisation_id):
        by_machine = Task.objects.filter(order=order, made_by="machine")
        paid = Annotation.objects.filter(order=order, state="accepted").count()
        assert figures.accepted == by_machine.count() > 150
        assert not Annotation.objects.filter(task__in=by_machine).exists()
        assert all(task.result == {"label": truth(task.data["text"])} for task in by_machine)
        assert order.dataset_version_id is not None
        version = selectors.dataset_version(order.dataset_version_id)
        rows = list(selectors.iter_rows(version.id))
    assert figures.measured is not None
    assert figures.measured >= 0.95 - 0.015
    assert figures.low is not None
    # Two-sided, each side with half of the risk: a little under what the audit had to prove, which is one-sided.
    assert figures.low >= 0.95 - 0.015 - 0.01
    assert paid + figures.accepted <= 400
    assert earned(annotator) == Money(4) * paid
    assert held(requester) == Money(0)
    assert sum(row["source"] == "machine" for row in rows) == figures.accepted
    assert len(rows) == 400
    assert version.card["machine"]["items_accepted"] == figures.accepted
    assert version.card["machine"]["model"] == source.name
    assert f"a machine for {figures.accepted} items" in version.card["made_by"]


def test_while_the_runner_is_down_people_go_on_as_the_page_says(make_actor, machine_order, work, source, client_for):
    source.fault = RunnerUnavailable("down")
    requester, annotator = make_actor(), make_actor(personal=True)
    order = machine_order(requester, items=60)
    services.advance_machines()
    assert "does not answer" in figures_of(order).problem
    assert b"People go on meanwhile" in client_for(requester).get(f"/orders/{order.id}/").content
    order = drive(order, [annotator], work, rounds=8)
    assert order.state == "finished"
    assert earned(annotator) == Money(4) * 60
    assert figures_of(order).accepted == 0


def test_a_wrong_answer_of_a_source_is_told_and_ignored(make_actor, machine_order, work, source):
    source.fault = BadPredictions("external endpoint example.org must answer 60 predictions.")
    requester, annotator = make_actor(), make_actor(personal=True)
    order = drive(machine_order(requester, items=60), [annotator], work, rounds=8)
    assert order.state == "finished"
    assert source.calls == 1  # it is asked again much later
    assert held(requester) == Money(0)


def test_an_audit_below_the_promise_reopens_what_was_accepted(make_actor, machine_order, work, source):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = machine_order(requester, audit=0.5)
    for _ in range(30):
        services.advance_machines()
        if figures_of(order).accepted:
            break
        work(annotator, order, truth, limit=30)
        outbox.drain()
    accepted = figures_of(order).accepted
    assert accepted > 100
    assert fresh(order).items_done == accepted + earned(annotator).minor // 4
    # From here on people say something else: the labels are not what they were taken for.
    order = drive(order, [annotator], work, lambda text: CLASSES[(CLASSES.index(truth(text)) + 1) % 3])
    assert order.state == "finished"
    figures = figures_of(order)
    assert figures.state == "stopped"
    assert [one["state"] for one in figures.audit_log] == ["revoked"]
    assert figures.accepted == 0
    assert earned(annotator) == Money(4) * 400
    assert held(requester) == Money(0)


def test_an_order_with_a_target_asks_only_about_what_the_machine_picked(make_actor, machine_order, work, source):
    requester = make_actor()
    people = [make_actor(name=f"P{n}", personal=True) for n in range(2)]
    order = drive(machine_order(requester, redundancy=2, target=0.9, gold=8), people, work, rounds=60)
    assert order.state == "finished"
    figures = figures_of(order)
    assert figures.accepted > 100
    with tenant_scope(requester.organisation_id):
        assert not Annotation.objects.filter(order=order, task__made_by="machine").exists()
        answered = Annotation.objects.filter(order=order).values("task").distinct().count()
        assert answered + figures.accepted >= 392
    assert held(requester) == Money(0)


def test_no_item_settles_early_by_what_the_machine_thinks(make_actor, machine_order, work, source, monkeypatch):
    monkeypatch.setattr(routing, "SETTLED_SHARE", 0.0)  # so that items would settle early without a machine's votes
    people = [make_actor(name=f"P{n}", personal=True) for n in range(3)]
    order = machine_order(make_actor(), redundancy=3, target=0.6, gold=8)
    with tenant_scope(order.tenant_id):
        early = Task.objects.filter(order=order, gold__isnull=True, labels_done__in=[1, 2])
        decided = early.filter(state__in=["complete", "settled"])
        for _ in range(6):
            before = set(decided.values_list("id", flat=True)) if machine_votes(order) else None
            services.advance_machines()
            services.plan_labels(order_id=order.id)
            outbox.drain()
            if before is not None:
                assert set(decided.values_list("id", flat=True)) == before
            for person in people:
                work(person, order, truth, limit=8)
            outbox.drain()
        assert fresh(order).state == "running"
        assert machine_votes(order)
        assert early.filter(state="open").exists()


def test_a_killed_worker_leaves_nothing_half_done(make_actor, machine_order, work, source, monkeypatch):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = machine_order(requester, items=200)
    with monkeypatch.context() as patch:
        patch.setattr(machine, "_write", kill)
        with pytest.raises(KeyboardInterrupt):
            services.advance_machines()
    with tenant_scope(requester.organisation_id):
        assert not MachineItem.objects.filter(order=order).exists()
        run = MachineRun.objects.get(order=order)
        run.claimed_until = clock.now() + timedelta(minutes=1)  # as where the process is gone at once
        run.save()
    assert services.advance_machines() == 0
    with tenant_scope(requester.organisation_id):
        MachineRun.objects.filter(order=order).update(claimed_until=clock.now() - timedelta(seconds=1))
    calls = source.calls
    assert drive(order, [annotator], work).state == "finished"
    assert source.calls == calls  # what the source had said was kept


def kill(*_: Any) -> None:
    raise KeyboardInterrupt


def test_switching_it_off_and_on_again_loses_nothing(make_actor, machine_order, work, source, api_for):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = machine_order(requester, items=80)
    api = api_for(requester)
    services.advance_machines()
    work(annotator, order, truth, limit=7)
    off = api.post(f"/api/v1/orders/{order.id}/machine/", {"mode": "off"}, format="json")
    assert (off.status_code, off.json()["state"]) == (200, "off")
    with tenant_scope(requester.organisation_id):
        assert Task.objects.filter(order=order, open_slots__gt=0).count() == 73
    on = api.post(f"/api/v1/orders/{order.id}/machine/", {"precision": 0.9}, format="json")
    assert (on.json()["state"], on.json()["settings"]["precision"]) == ("preparing", 0.9)
    assert drive(order, [annotator], work).state == "finished"
    assert api.get(f"/api/v1/orders/{order.id}/").json()["machine"]["settings"]["precision"] == 0.9


@pytest.mark.parametrize(
    ("machine", "field"),
    [
        ({"mode": "assist", "precision": 1.0}, "machine.precision"),
        ({"mode": "assist", "audit": 0}, "machine.audit"),
        ({"mode": "always"}, "machine.mode"),
        ({"mode": "assist", "source": "nothing known"}, "machine.source"),
    ],
)
def test_wrong_settings_are_named_and_no_draft_is_left(make_actor, api_for, machine, field):
    api = api_for(make_actor())
    body = {"title": "T", "instruction": "I", "classes": ["a", "b"], "price_minor": 4, "rows": [{"text": "x"}]}
    answer = api.post("/api/v1/orders/", body | {"machine": machine}, format="json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert api.get("/api/v1/orders/").json()["results"] == []


def test_it_is_not_offered_where_more_than_one_choice_is_asked(make_actor, make_order, client_for):
    requester = make_actor()
    order = make_order(requester, launch=False)
    page = client_for(requester).get(f"/orders/{order.id}/").content.decode()
    assert "Let a machine help" in page
    design = order.design | {
        "controls": [*order.design["controls"], {"type": "rating", "name": "how", "input": "text", "most": 5}]
    }
    with tenant_scope(requester.organisation_id):
        Order.objects.filter(id=order.id).update(design=design)
        with pytest.raises(InvalidInput, match="only where one choice"):
            services.set_machine(actor=requester, order_id=order.id, machine={"mode": "assist"})


def test_the_page_switches_it_and_shows_figures(make_actor, machine_order, source, client_for):
    requester = make_actor()
    order = machine_order(requester, items=60)
    client = client_for(requester)
    page = client.get(f"/orders/{order.id}/").content.decode()
    assert "Machine labels" in page
    client.post(f"/orders/{order.id}/machine/", {"precision": "90", "audit": "10", "source": "platform"})
    assert fresh(order).machine == {"mode": "assist", "precision": 0.9, "audit": 0.1, "source": "platform"}
    client.post(f"/orders/{order.id}/machine/", {"off": "yes"})
    assert fresh(order).machine == {}


def within_budget(order: Order) -> None:
    """No more labels are given, lent and offered than the order's money pays for."""
    with tenant_scope(order.tenant_id):
        affordable = quote_of(Order.objects.get(id=order.id)).affordable
        assert in_use(order.id).labels <= affordable


@pytest.mark.parametrize("target", [None, 0.9])
@pytest.mark.parametrize(("redundancy", "labels"), [(2, 31), (3, 40)])
def test_a_budget_that_ends_in_the_middle_ends_an_order_with_a_machine(
    make_actor, machine_order, work, source, target, redundancy, labels
):
    requester = make_actor()
    people = [make_actor(name=f"P{n}", personal=True) for n in range(redundancy)]
    budget = labels * 4 + -(-labels * 4 // 10)
    order = machine_order(requester, items=120, gold=12, redundancy=redundancy, target=target, budget=budget)
    within_budget(order)
    assert held(requester) == Money(budget)
    order = drive(order, people, work, check=within_budget)
    assert order.state == "finished"
    with tenant_scope(requester.organisation_id):
        paid = sum(Annotation.objects.filter(order=order).values_list("amount_minor", flat=True))
        assert Annotation.objects.filter(order=order).count() <= labels
        assert not Annotation.objects.filter(order=order, task__made_by="machine").exists()
    hold = ledger.hold(hold_id_of(order))
    assert hold.captured == Money(paid + -(-paid // 10))
    assert hold.captured + hold.released == hold.amount == Money(budget)
    assert held(requester) == Money(0)


def test_a_machine_that_is_switched_off_or_stopped_leaves_the_budget_alone(make_actor, machine_order, work, source):
    requester, annotator = make_actor(), make_actor(personal=True)
    order = machine_order(requester, items=120, gold=12, redundancy=2, budget=200)
    services.advance_machines()
    work(annotator, order, truth, limit=5)
    with tenant_scope(requester.organisation_id):
        services.set_machine(actor=requester, order_id=order.id, machine={"mode": "off"})
        within_budget(order)
        assert in_use(order.id).labels == quote_of(fresh(order)).affordable
        services.set_machine(actor=requester, order_id=order.id, machine={"mode": "assist"})
        within_budget(order)


def test_what_is_added_to_an_order_goes_through_its_machine_first(make_actor, machine_order, work, source):
    requester = make_actor()
    people = [make_actor(name=f"P{n}", personal=True) for n in range(3)]
    order = machine_order(requester, items=300, gold=6, redundancy=2, budget=88)
    with tenant_scope(requester.organisation_id):
        offered = Task.objects.filter(order=order, open_slots__gt=0)
        assert not offered.exists()  # nothing before the machine's first step
    services.advance_machines()
    for person in people[:2]:
        work(person, order, truth, limit=10)
    outbox.drain()
    assert fresh(order).state == "running"
    for change in ({"budget": Money(2_600)}, {"redundancy": 3}):
        with tenant_scope(requester.organisation_id):
            picked = set(MachineItem.objects.filter(order=order).exclude(reason="").values_list("task_id", flat=True))
            services.extend_order(actor=requester, order_id=order.id, **change)
            assert set(offered.values_list("id", flat=True)) <= picked
            within_budget(order)
        assert services.advance_machines() >= 1  # it takes a step by itself
        with tenant_scope(requester.organisation_id):
            assert 0 < offered.count() < 120
    order = drive(order, people, work, check=within_budget)
    assert order.state == "finished"
    assert figures_of(order).accepted > 100
    assert held(requester) == Money(0)


def test_a_machine_still_chooses_after_the_target_was_taken_away(make_actor, machine_order, work, source):
    requester = make_actor()
    people = [make_actor(name=f"P{n}", personal=True) for n in range(2)]
    order = machine_order(requester, items=300, gold=6, redundancy=2, target=0.9)
    services.advance_machines()
    work(people[0], order, truth, limit=10)
    with tenant_scope(requester.organisation_id):
        services.set_target(actor=requester, order_id=order.id, target=None)
        assert 0 < Task.objects.filter(order=order, open_slots__gt=0).count() < 120
    order = drive(order, people, work)
    assert order.state == "finished"
    assert figures_of(order).accepted > 100
    assert held(requester) == Money(0)


def hold_id_of(order: Order) -> UUID:
    """The hold that pays for a launched order."""
    assert order.hold_id is not None
    return order.hold_id
