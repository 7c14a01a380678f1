"""Money under parallel use, on real PostgreSQL."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from django.db import connection

from apps.core.money import Money
from apps.ledger import selectors, services
from apps.ledger.errors import HoldExceeded, InsufficientFunds, TransferKeyReused
from apps.ledger.types import AccountKind, AccountRef, SourceRef, units_of

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 16
TRANSFERS = 40
SOURCE = SourceRef("test", "load")


def in_threads(function, arguments):
    def run(argument):
        try:
            return function(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, arguments))


def test_random_transfers_with_repeated_keys_keep_every_account_sound(make_actor, fund):
    put_under_load(make_actor, fund, TRANSFERS)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_ledger_under_sixteen_threads_at_length(make_actor, fund):
    started = time.monotonic()
    put_under_load(make_actor, fund, 1_000)
    seconds = round(time.monotonic() - started)
    print(f"\nledger load: {THREADS} threads x 1000 transfers over 10 accounts, 20 % keys repeated, {seconds} s")  # noqa: T201


def put_under_load(make_actor, fund, transfers):
    organisations = [make_actor(name=f"Org {i}").organisation_id for i in range(5)]
    accounts = [AccountRef(o, kind, "USD") for o in organisations for kind in (AccountKind.CASH, AccountKind.EARNINGS)]
    for organisation_id in organisations:
        fund(organisation_id, 5_000)
    before = sum(units_of(selectors.balance(ref).posted) for ref in accounts)

    def work(seed):
        rng = random.Random(seed)
        for i in range(transfers):
            debit, credit = rng.sample(accounts, 2)
            number = rng.randrange(transfers * THREADS // 2) if rng.random() < 0.2 else (seed, i)
            key = f"load:{organisations[0]}:{number}"
            with suppress(InsufficientFunds, TransferKeyReused):
                services.transfer(
                    debit=debit,
                    credit=credit,
                    amount=Money(rng.randint(1, 900)),
                    idempotency_key=key,
                    reason="load",
                    source=SOURCE,
                )

    in_threads(work, range(THREADS))
    balances = [units_of(selectors.balance(ref).posted) for ref in accounts]
    assert sum(balances) == before
    assert min(balances) >= 0
    assert set(selectors.trial_balance().values()) == {0}
    assert selectors.replay_differences() == []


def test_the_same_transfer_from_many_threads_is_made_once(make_actor, fund):
    payer, payee = make_actor().organisation_id, make_actor().organisation_id
    fund(payer, 1_000)

    def pay(_):
        return services.transfer(
            debit=AccountRef(payer, AccountKind.CASH, "USD"),
            credit=AccountRef(payee, AccountKind.EARNINGS, "USD"),
            amount=Money(10),
            idempotency_key="once",
            reason="label",
            source=SOURCE,
        ).id

    assert len(set(in_threads(pay, range(50)))) == 1
    assert selectors.balance(AccountRef(payee, AccountKind.EARNINGS, "USD")).posted == Money(10)


def test_parallel_captures_never_exceed_the_hold(make_actor, fund):
    payer, payee = make_actor().organisation_id, make_actor().organisation_id
    fund(payer, 100)
    hold = services.place_hold(
        account=AccountRef(payer, AccountKind.CASH, "USD"),
        amount=Money(55),
        idempotency_key="h",
        reason="order",
        source=SOURCE,
    )

    def capture(i):
        try:
            services.capture_hold(
                hold_id=hold.id,
                credit=AccountRef(payee, AccountKind.EARNINGS, "USD"),
                amount=Money(10),
                idempotency_key=f"c{i}",
                reason="label",
                source=SOURCE,
            )
        except HoldExceeded:
            return 0
        return 1

    assert sum(in_threads(capture, range(20))) == 5
    assert services.release_hold(hold_id=hold.id).released == Money(5)
    assert selectors.balance(AccountRef(payer, AccountKind.CASH, "USD")).available == Money(50)
    assert selectors.balance(AccountRef(payee, AccountKind.EARNINGS, "USD")).posted == Money(50)


def test_the_same_funds_cannot_be_held_twice(make_actor, fund):
    payer = make_actor().organisation_id
    fund(payer, 100)

    def hold(i):
        try:
            services.place_hold(
                account=AccountRef(payer, AccountKind.CASH, "USD"),
                amount=Money(60),
                idempotency_key=f"h{i}",
                reason="order",
                source=SOURCE,
            )
        except InsufficientFunds:
            return 0
        return 1

    assert sum(in_threads(hold, range(12))) == 1
