"""The ledger against a plain-Python model, in random order: `make soak NAME=ledger` runs it at length."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from apps.core import clock
from apps.core.money import Money
from apps.core.tenant import all_tenants
from apps.ledger import selectors, services
from apps.ledger.errors import HoldExceeded, InsufficientFunds, TransferKeyReused
from apps.ledger.models import Account, Transfer
from apps.ledger.types import AccountKind, AccountRef, SourceRef, TransferSpec
from apps.tenancy.types import PLATFORM_ID

SOURCE = SourceRef("test.machine", "1")
KINDS = (AccountKind.CASH, AccountKind.EARNINGS)
AMOUNTS = st.integers(1, 400)
PLACES = st.integers(0, 5)
KEYS = st.integers(0, 40)
OUTSIDE = 5
MERGED = 3  # the account that gets a successor
HEIR = 4


class Undo(Exception):
    """Ends an example's transaction."""


class LedgerMachine(RuleBasedStateMachine):
    """Five accounts and one outside; every rule does the same to the ledger and to the model.

    An example runs in one transaction that is rolled back at its end: the same functions, constraints and row triggers
    as ever, only no commit. The model holds balances, open holds and what each key was used for.
    """

    organisations: list[UUID]

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.prefix = uuid4().hex
        self.now = timezone.now()
        self.real_now, clock.now = clock.now, lambda: self.now
        # A reference of its own gives each example accounts of its own in the same organisations.
        self.refs = [
            AccountRef(organisation, kind, "USD", self.prefix) for organisation in self.organisations for kind in KINDS
        ]
        self.refs = [*self.refs[:OUTSIDE], AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD", self.prefix)]
        self.balances = [0] * 6
        self.holds: dict[UUID, list[Any]] = {}
        self.known: dict[tuple[UUID, str], tuple[Any, ...]] = {}
        self.hold_keys: dict[tuple[UUID, str], tuple[UUID, int, int]] = {}
        self.is_merged = False
        self.transfers = 0

    def teardown(self) -> None:
        try:
            with all_tenants(reason="test"):
                mine = Transfer.objects.filter(idempotency_key__startswith=self.prefix)
                assert mine.count() == self.transfers
        finally:
            clock.now = self.real_now
            self.atomic.__exit__(Undo, Undo(), None)

    def resolved(self, place: int) -> int:
        return HEIR if self.is_merged and place == MERGED else place

    def held(self, place: int) -> int:
        return sum(hold[1] for hold in self.holds.values() if hold[0] == place)

    def available(self, place: int) -> int:
        return self.balances[place] - self.held(place)

    def name(self, place: int, key: int) -> tuple[UUID, str]:
        return (self.refs[place].organisation_id, f"{self.prefix}:{key}")

    def spec(self, debit: int, credit: int, amount: int, key: int) -> TransferSpec:
        return TransferSpec(self.refs[debit], self.refs[credit], Money(amount), f"{self.prefix}:{key}", "r", SOURCE)

    def model(self, specs: list[tuple[int, int, int, int]]) -> type[Exception] | None:
        """Apply a batch to the model, or say why the ledger has to refuse it; then nothing is applied."""
        balances, known, fresh = list(self.balances), dict(self.known), 0
        for named_debit, named_credit, amount, key in specs:
            debit, credit = self.resolved(named_debit), self.resolved(named_credit)
            name = self.name(debit, key)
            earlier = known.get(name) or self.known.get(self.name(named_debit, key))
            if earlier is not None:
                same = earlier[0] in (named_debit, debit) and earlier[1] in (named_credit, credit)
                if not same or earlier[2] != amount:
                    return TransferKeyReused
                continue
            if debit != OUTSIDE and balances[debit] - self.held(debit) < amount:
                return InsufficientFunds
            balances[debit] -= amount
            balances[credit] += amount
            known[name] = (debit, credit, amount)
            fresh += 1
        self.balances, self.known = balances, known
        self.transfers += fresh
        return None

    def both(self, specs: list[tuple[int, int, int, int]]) -> None:
        specs = [one for one in specs if self.resolved(one[0]) != self.resolved(one[1])]
        expected = self.model(specs)
        asked = [self.spec(*one) for one in specs]
        if expected is None:
            assert len(services.post_batch(asked)) == len(asked)
        else:
            with pytest.raises(expected):
                services.post_batch(asked)

    @initialize(amount=st.integers(100, 2_000))
    def money_comes_in(self, amount: int) -> None:
        for place in range(OUTSIDE):
            self.both([(OUTSIDE, place, amount, 1_000 + place)])

    @rule(debit=PLACES, credit=PLACES, amount=AMOUNTS, key=KEYS)
    def transfer(self, debit: int, credit: int, amount: int, key: int) -> None:
        self.both([(debit, credit, amount, key)])

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """The same key again: with the same content the first answer, with another a refusal."""
        (_, key), (debit, credit, amount) = data.draw(st.sampled_from(sorted(self.known.items(), key=str)))
        number = int(key.rpartition(":")[2])
        if number < 2_000:
            self.both([(debit, credit, amount + data.draw(st.integers(0, 1)), number)])

    @rule(specs=st.lists(st.tuples(PLACES, PLACES, AMOUNTS, KEYS), min_size=2, max_size=5))
    def batch(self, specs: list[tuple[int, int, int, int]]) -> None:
        # One key names one transfer of a batch: what the second would be refused for differs by implementation.
        by_heir = {self.name(self.resolved(one[0]), one[3]): one for one in specs}
        self.both(list({self.name(one[0], one[3]): one for one in by_heir.values()}.values()))

    @rule(place=st.integers(0, OUTSIDE - 1), amount=AMOUNTS, key=KEYS, minutes=st.none() | st.integers(1, 20))
    def place_hold(self, place: int, amount: int, key: int, minutes: int | None) -> None:
        place = self.resolved(place)
        name = self.name(place, key)
        ends = None if minutes is None else self.now + timedelta(minutes=minutes)

        def ask() -> Any:
            return services.place_hold(
                account=self.refs[place],
                amount=Money(amount),
                idempotency_key=name[1],
                reason="r",
                source=SOURCE,
                expires_at=ends,
            )

        if name in self.hold_keys:
            hold_id, *content = self.hold_keys[name]
            if content == [place, amount]:
                assert ask().id == hold_id
            else:
                with pytest.raises(TransferKeyReused):
                    ask()
        elif self.available(place) < amount:
            with pytest.raises(InsufficientFunds):
                ask()
        else:
            made = ask().id
            self.holds[made], self.hold_keys[name] = [place, amount, ends], (made, place, amount)

    @rule(data=st.data(), credit=PLACES, amount=AMOUNTS, key=st.integers(2_000, 2_040))
    def capture(self, data: st.DataObject, credit: int, amount: int, key: int) -> None:
        if not self.holds:
            return
        hold_id = data.draw(st.sampled_from(sorted(self.holds)))
        place, still_open, ends = self.holds[hold_id]
        credit = self.resolved(credit)
        if credit == place:
            return
        name, content = self.name(place, key), (place, credit, amount)

        def ask() -> Any:
            return services.capture_hold(
                hold_id=hold_id,
                credit=self.refs[credit],
                amount=Money(amount),
                idempotency_key=name[1],
                reason="r",
                source=SOURCE,
            )

        if name in self.known:
            if self.known[name] == content:
                ask()
            else:
                with pytest.raises(TransferKeyReused):
                    ask()
        elif amount > still_open or (ends is not None and ends <= self.now):
            with pytest.raises(HoldExceeded):
                ask()
        else:
            ask()
            self.known[name] = content
            self.holds[hold_id][1] -= amount
            self.balances[place] -= amount
            self.balances[credit] += amount
            self.transfers += 1

    @rule(data=st.data(), amount=st.none() | AMOUNTS)
    def release(self, data: st.DataObject, amount: int | None) -> None:
        if not self.holds:
            return
        hold_id = data.draw(st.sampled_from(sorted(self.holds)))
        if amount is not None and amount > self.holds[hold_id][1]:
            with pytest.raises(HoldExceeded):
                services.release_hold(hold_id=hold_id, amount=Money(amount))
            return
        self.holds[hold_id][1] -= self.holds[hold_id][1] if amount is None else amount
        left = services.release_hold(hold_id=hold_id, amount=None if amount is None else Money(amount))
        assert left.open == Money(self.holds[hold_id][1])

    @rule(minutes=st.integers(0, 15))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        due = [hold for hold in self.holds.values() if hold[2] is not None and hold[2] <= self.now and hold[1]]
        assert services.expire_holds() >= len(due)
        for hold in due:
            hold[1] = 0

    @rule()
    def merge(self) -> None:
        """An account gets a successor. (Of the two, only earnings accounts without holds do so in the platform.)"""
        if self.is_merged or self.held(MERGED):
            return
        with all_tenants(reason="test"):
            if self.balances[MERGED]:
                self.both([(MERGED, HEIR, self.balances[MERGED], 3_000)])
            pair = [self.row(place) for place in (MERGED, HEIR)]
            Account.objects.filter(id=pair[0].id).update(successor=pair[1])
        self.is_merged = True

    def row(self, place: int) -> Account:
        ref = self.refs[place]
        return Account.objects.get(tenant_id=ref.organisation_id, kind=ref.kind, reference=ref.reference)

    @invariant()
    def balances_are_the_model_s(self) -> None:
        with all_tenants(reason="test"):
            rows = Account.objects.filter(reference=self.prefix).values_list("tenant_id", "kind", "posted", "held")
            found = {(tenant_id, kind): (posted, held) for tenant_id, kind, posted, held in rows}
        for place, ref in enumerate(self.refs):
            expected = (self.balances[place], self.held(place))
            assert found.get((ref.organisation_id, ref.kind), (0, 0)) == expected
        assert sum(self.balances) == 0


def run(machine: type[LedgerMachine], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def machine(make_actor):
    organisations = [make_actor(name=f"Org {n}").organisation_id for n in range(3)]
    return type("Machine", (LedgerMachine,), {"organisations": organisations})


def test_the_ledger_does_what_a_plain_model_does(machine):
    run(machine, 12, 20)
    assert selectors.replay_differences() == []


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_ledger_state_machine_at_length(machine):
    examples, steps = int(os.environ.get("SOAK_EXAMPLES", "2000")), 50
    started = time.monotonic()
    run(machine, examples, steps)
    assert selectors.replay_differences() == []
    seconds = round(time.monotonic() - started)
    print(f"\nledger state machine: {examples} runs x {steps} steps agree with the model, {seconds} s")  # noqa: T201  # the figures of the soak
