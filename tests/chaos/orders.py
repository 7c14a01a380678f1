"""The orders of an annotation run, the people who work on them, and time that passes at once."""

from __future__ import annotations

import random
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F

from apps.accounts.models import User
from apps.accounts.services import ensure_personal_organisation
from apps.core import clock
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.labeling.appeal_types import APPEAL_WINDOW
from apps.labeling.models import Annotation, Assignment, Order
from apps.labeling.services import release_due_reserves, set_target
from apps.labeling.types import AnnotationState, AssignmentState
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.tenancy.selectors import actor_for
from apps.tenancy.services import create_organisation, issue_api_key
from apps.tenancy.types import PLATFORM_ID, Actor, Role
from sahara.resources.labeling import OrdersResource
from tests.chaos.calls import Line
from tests.chaos.crowd import CLASSES, Account, truth_of

REASON = "the chaos test reads and moves the time of every organisation's tasks"
FUNDS_MINOR = 10_000_000
A_WHILE = timedelta(seconds=6)
SPAMMERS, SPAM_ACCURACY, ACCURACY = 0.08, 0.3, 0.95
DESIGN_WITH_NOTE = {
    "inputs": [{"name": "text", "type": "text", "title": "Text"}],
    "controls": [
        {"type": "choice", "name": "label", "input": "text", "title": "Class", "classes": list(CLASSES)},
        {"type": "text", "name": "note", "input": "text", "title": "Note", "required": False},
    ],
}


@dataclass(frozen=True)
class OrderPlan:
    """An order: its items' words begin with its name; `share` is of the run's items."""

    name: str
    share: float
    redundancy: int
    price_minor: int
    gold_share: float = 0.1
    target: float | None = None
    has_note: bool = False
    cancelled: bool = False


ORDERS = (
    OrderPlan("fixed", 0.4, redundancy=3, price_minor=7),
    OrderPlan("target", 0.1, redundancy=5, price_minor=11, target=0.9),
    OrderPlan("single", 0.25, redundancy=1, price_minor=3, gold_share=0),
    OrderPlan("note", 0.1, redundancy=2, price_minor=13, has_note=True),
    OrderPlan("cancelled", 0.15, redundancy=4, price_minor=5, cancelled=True),
)


def make_requester() -> tuple[Actor, str]:
    """A team with money and its API key."""
    owner = User.objects.create_user(f"{secrets.token_hex(8)}@example.org", "a-long-password", display_name="Chaos")
    organisation = create_organisation(user_id=owner.id, name=f"Requester {secrets.token_hex(4)}")
    ledger.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=AccountRef(organisation.id, AccountKind.CASH, "USD"),
        amount=Money(FUNDS_MINOR),
        idempotency_key=f"chaos:funds:{organisation.id}",
        reason="Top-up",
        source=SourceRef("test", "chaos"),
    )
    actor = Actor(owner.id, organisation.id, Role.OWNER)
    return actor, _key_of(actor)


def make_accounts(count: int, second_tabs: int, rng: random.Random) -> list[Account]:
    """People with personal organisations and API keys; the first of them use two tabs, some of all are careless."""
    return [
        _make_account(
            number,
            accuracy=SPAM_ACCURACY if rng.random() < SPAMMERS else ACCURACY,
            sessions=2 if number < second_tabs else 1,
        )
        for number in range(count)
    ]


def _make_account(number: int, *, accuracy: float, sessions: int) -> Account:
    # Nobody signs in here, so nobody needs a password, whose hash would take a quarter of a second each.
    user = User.objects.create_user(f"{secrets.token_hex(8)}@example.org", None, display_name=f"Annotator {number}")
    ensure_personal_organisation(user=user)
    actor = actor_for(user.id)
    return Account(number, actor.organisation_id, _key_of(actor), accuracy, sessions)


def _key_of(actor: Actor) -> str:
    with tenant_scope(actor.organisation_id):
        return issue_api_key(actor=actor, name="chaos").secret


def launch_orders(requester: Actor, line: Line, items: int) -> dict[str, UUID]:
    """Order everything over the API; name -> order."""
    orders = OrdersResource(line.transport)
    launched = {}
    for plan in ORDERS:
        count = max(4, round(items * plan.share))
        gold = [_row(plan, f"check {number}", known=True) for number in range(round(count * plan.gold_share))]
        order = orders.create(
            title=f"Chaos {plan.name}",
            instruction="Read the text and choose the class that fits it best of all.",
            rows=[_row(plan, f"item {number}") for number in range(count)],
            price_minor=plan.price_minor,
            redundancy=plan.redundancy,
            gold_rows=gold or None,
            gold_percent=0,
            **({"design": DESIGN_WITH_NOTE} if plan.has_note else {"classes": CLASSES}),
        )
        if plan.target is not None:
            with tenant_scope(requester.organisation_id):
                set_target(actor=requester, order_id=order.id, target=plan.target)
        orders.launch(order.id)
        launched[plan.name] = order.id
    return launched


def _row(plan: OrderPlan, words: str, *, known: bool = False) -> dict[str, Any]:
    text = f"{plan.name} {words}"
    return {"id": words, "text": text} | ({"label": truth_of(text)} if known else {})


class Time:
    """Makes time pass for some rows. One connection does it for all threads."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)

    def lapse(self, assignment_id: UUID) -> None:
        """The time for a task in hand is over."""
        self._thread.submit(_lapse, [assignment_id]).result()

    def lapse_all(self) -> None:
        """The time for all tasks that were taken a while ago is over."""
        self._thread.submit(_lapse, None).result()

    def stop(self) -> None:
        """Let go of the connection."""
        self._thread.submit(_disconnect).result()
        self._thread.shutdown()


def _disconnect() -> None:
    connection.close()  # that of the thread which runs this


def _lapse(assignment_ids: list[UUID] | None) -> None:
    with all_tenants(reason=REASON):
        live = Assignment.objects.filter(state=AssignmentState.LEASED)
        long_ago = live.filter(leased_at__lt=clock.now() - A_WHILE)
        rows = long_ago if assignment_ids is None else live.filter(id__in=assignment_ids)
        rows.update(expires_at=clock.now() - timedelta(seconds=1))


def let_appeals_lapse() -> None:
    """The weeks go by in which rejected answers could be appealed; what was kept for that is given back."""
    with all_tenants(reason=REASON):
        rejected = Annotation.objects.filter(state=AnnotationState.REJECTED)
        rejected.update(decided_at=F("decided_at") - 2 * APPEAL_WINDOW)
        kept = Order.objects.filter(reserved_until__isnull=False)
        kept.update(reserved_until=clock.now() - timedelta(seconds=1))
    release_due_reserves()


class Cancellation(threading.Thread):
    """The requester ends an order at some time."""

    def __init__(self, line: Line, order_id: UUID, at_s: float, ending: threading.Event) -> None:
        super().__init__(name="cancellation", daemon=True)
        self._line = line
        self._order_id = order_id
        self._at_s = at_s
        self._ending = ending
        self.failures: list[str] = []

    def run(self) -> None:
        """Wait, cancel."""
        if self._ending.wait(self._at_s):
            return
        try:
            self._line.ask(lambda: OrdersResource(self._line.transport).cancel(self._order_id))
        except Exception as error:
            self.failures.append(f"cancellation: {type(error).__name__}: {error}")
