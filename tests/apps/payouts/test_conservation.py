"""Whatever is done in whatever order, no cent comes or goes: checked after each of many random steps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from apps.core.errors import DomainError
from apps.core.money import Money
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind, AccountRef, units_of
from apps.onchain.models import ChainEvent
from apps.payouts import services
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.types import ON_ITS_WAY, UNDER_WAY, WithdrawalState
from apps.tenancy.types import PLATFORM_ID, Actor
from tests.apps.payouts.chain_index import ChainIndex

pytestmark = pytest.mark.django_db

EARNED = 2_000
RAW = 10_000
STEPS = (
    "request", "request", "request large", "approve", "reject", "cancel", "freeze", "release", "publish", "land",
    "refuse", "claim", "claim", "lose claim", "lose root", "root back", "repeat news",
)  # fmt: skip


class Machine:
    """Two payees, a member of the staff, and a chain of their own."""

    def __init__(self, index: ChainIndex, payees: list[Actor], staff: Actor) -> None:
        self.index, self.payees, self.staff = index, payees, staff
        self.lost: list[ChainEvent] = []
        self.roots: list[ChainEvent] = []

    def step(self, name: str, number: int) -> None:
        """Do one thing to one of what there is; what is refused changes nothing."""
        actor = self.payees[number % len(self.payees)]
        with suppress(DomainError, IndexError, ZeroDivisionError), transaction.atomic():
            getattr(self, name.replace(" ", "_"))(actor, number)

    def request(self, actor: Actor, number: int) -> None:
        with tenant_scope(actor.organisation_id):
            services.request_withdrawal(actor=actor, amount=Money(10 + number))

    def request_large(self, actor: Actor, number: int) -> None:
        self.request(actor, 490 + number)

    def approve(self, actor: Actor, number: int) -> None:
        row = self._one(number, WithdrawalState.APPROVAL)
        services.approve_withdrawal(actor=self.staff, withdrawal_id=row.id)

    def reject(self, actor: Actor, number: int) -> None:
        row = self._one(number, WithdrawalState.APPROVAL)
        services.reject_withdrawal(actor=self.staff, withdrawal_id=row.id, reason="No.")

    def cancel(self, actor: Actor, number: int) -> None:
        row = self._one(number, *WithdrawalState)
        owner = next(payee for payee in self.payees if payee.organisation_id == row.tenant_id)
        with tenant_scope(owner.organisation_id):
            services.cancel_withdrawal(actor=owner, withdrawal_id=row.id)

    def freeze(self, actor: Actor, number: int) -> None:
        services.freeze_payouts(actor=self.staff, organisation_id=actor.organisation_id, reason="Checks.")

    def release(self, actor: Actor, number: int) -> None:
        services.unfreeze_payouts(actor=self.staff, organisation_id=actor.organisation_id)

    def publish(self, actor: Actor, number: int) -> None:
        services.publish_epoch(actor=Actor.system(PLATFORM_ID))

    def land(self, actor: Actor, number: int) -> None:
        if self._epochs().filter(state="publishing").exists():
            self.roots.append(self.index.publish())

    def refuse(self, actor: Actor, number: int) -> None:
        if self._epochs().filter(state="publishing").exists():
            self.index.refuse("payouts.epoch", "refused")

    def claim(self, actor: Actor, number: int) -> None:
        if not self._epochs().filter(state__in=UNDER_WAY).exists():
            row = self._one(number, WithdrawalState.CLAIMABLE)
            self.index.claim(row.address)

    def lose_claim(self, actor: Actor, number: int) -> None:
        self.index.vanish(self._events("Claimed")[-1])

    def lose_root(self, actor: Actor, number: int) -> None:
        """The newest root goes, and every claim since then with it."""
        root = self._events("RootPublished")[-1]
        later = [claim for claim in self._events("Claimed") if claim.block_number > root.block_number]
        self.lost.append(root)
        self.index.vanish(root, *later)

    def root_back(self, actor: Actor, number: int) -> None:
        self.index.happen("RootPublished", **self.lost.pop().args)

    def repeat_news(self, actor: Actor, number: int) -> None:
        events = self._events("Claimed", "RootPublished")
        self.index.tell(events[number % len(events)])

    def check(self) -> None:
        """What was earned is in the earnings, on its way, or in the wallets; the ledger says the same as the rows."""
        for actor in self.payees:
            earnings = units_of(ledger.balance(AccountRef(actor.organisation_id, AccountKind.EARNINGS, "USD")).posted)
            payable = units_of(ledger.balance(AccountRef(actor.organisation_id, AccountKind.PAYABLE, "TUSD")).posted)
            with tenant_scope(actor.organisation_id):
                rows = list(Withdrawal.objects.all())
            on_its_way = sum(row.amount_minor for row in rows if row.state in ON_ITS_WAY)
            paid = sum(row.amount_minor for row in rows if row.state == WithdrawalState.CLAIMED)
            assert earnings + on_its_way + paid == EARNED
            assert payable == on_its_way * RAW
            claims = self._events("Claimed", payee=rows[0].address) if rows else []
            assert paid * RAW == max((int(event.args["cumulativeAmount"]) for event in claims), default=0)

    def _one(self, number: int, *states: WithdrawalState) -> Withdrawal:
        with all_tenants(reason="tests"):
            mine = Withdrawal.objects.filter(
                tenant_id__in=[payee.organisation_id for payee in self.payees], state__in=states
            )
            rows = list(mine.order_by("id"))
        return rows[number % len(rows)] if rows else rows[0]

    def _epochs(self) -> Any:
        return Epoch.objects.filter(distributor=self.index.distributor)

    def _events(self, *names: str, **args: str) -> list[ChainEvent]:
        rows = ChainEvent.objects.filter(address=self.index.distributor, event__in=names, state="confirmed")
        for name, value in args.items():
            rows = rows.filter(**{f"args__{name}": value})
        return list(rows.order_by("block_number"))


@pytest.fixture
def person(staff: Callable[[], Actor], earner: Callable[..., Actor]) -> Actor:
    """One member of the staff, and the earners' owner, for all examples: making users is slow."""
    earner()
    return staff()


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 60)), min_size=10, max_size=30))
def test_no_cent_comes_or_goes(
    steps: list[tuple[str, int]],
    earner: Callable[..., Actor],
    person: Actor,
    index: ChainIndex,
    limits: Callable[..., None],
) -> None:
    limits(approval_minor=500, second_approval_minor=10**9)
    with transaction.atomic():
        machine = Machine(index, [earner(EARNED), earner(EARNED)], person)
        for name, number in steps:
            machine.step(name, number)
            machine.check()
        # The next example starts from what this one found.
        transaction.set_rollback(True)
