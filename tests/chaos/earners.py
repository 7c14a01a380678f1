"""Organisations that have earned, and their withdrawals: asked for by the public service, each exactly once."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from django.db import Error, connection
from eth_utils.address import to_checksum_address

from apps.accounts.models import User
from apps.accounts.services import set_wallet
from apps.core.money import TOKEN_UNITS_PER_MINOR, Money
from apps.core.tenant import tenant_scope
from apps.ledger import services as ledger
from apps.ledger.types import AccountKind, AccountRef, SourceRef
from apps.payouts import selectors as payouts
from apps.payouts.services import request_withdrawal
from apps.payouts.types import TOKEN
from apps.tenancy.services import create_organisation
from apps.tenancy.types import PLATFORM_ID, Actor, Role

RETRY_S = 0.2
AMOUNT_MINOR = (10, 4_000)


@dataclass
class Earner:
    """An organisation, where it is paid, and what it has asked for so far (cents, in order)."""

    actor: Actor
    address: str
    wanted: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    @property
    def wanted_raw(self) -> int:
        """All that it will have been paid, in raw token units."""
        return sum(self.wanted) * TOKEN_UNITS_PER_MINOR[TOKEN]


@dataclass(frozen=True)
class Request:
    """A withdrawal that will be asked for, in seconds from the begin."""

    at_s: float
    earner: Earner
    amount_minor: int


def make_earners(count: int, repeats: int, rng: random.Random) -> list[Earner]:
    """Organisations with wallets and with just the earnings that they will withdraw, some of them in several parts."""
    owner = User.objects.create_user(f"{secrets.token_hex(8)}@example.org", "a-long-password", display_name="Chaos")
    parts = [1] * count
    for _ in range(repeats):
        parts[rng.randrange(count)] += 1
    return [_make_earner(owner.id, [rng.randint(*AMOUNT_MINOR) for _ in range(times)]) for times in parts]


def _make_earner(owner_id: UUID, amounts: list[int]) -> Earner:
    organisation = create_organisation(user_id=owner_id, name=f"Earner {secrets.token_hex(6)}")
    actor = Actor(owner_id, organisation.id, Role.OWNER)
    address = str(to_checksum_address("0x" + secrets.token_hex(20)))
    ledger.transfer(
        debit=AccountRef(PLATFORM_ID, AccountKind.PROCESSOR, "USD"),
        credit=payouts.earnings_account(actor.organisation_id),
        amount=Money(sum(amounts)),
        idempotency_key=f"chaos:earned:{organisation.id}",
        reason="Labels accepted",
        source=SourceRef("labeling.annotation", "1"),
    )
    with tenant_scope(actor.organisation_id):
        set_wallet(actor=actor, address=address)
    return Earner(actor, address, amounts)


def plan_requests(earners: list[Earner], window_s: float, rng: random.Random) -> list[Request]:
    """Every withdrawal at a random time of the window."""
    return sorted(
        (
            Request(rng.uniform(0, window_s), earner, amount)
            for earner in earners
            for amount in rng.sample(earner.wanted, len(earner.wanted))
        ),
        key=lambda request: request.at_s,
    )


class Requester:
    """Asks for the withdrawals at their times, from several threads, whatever the database is doing."""

    def __init__(self, requests: list[Request], *, ending: threading.Event, threads: int = 4) -> None:
        self._ending = ending
        self._total = len(requests)
        self._lock = threading.Lock()
        self.done = 0
        self.retries = 0
        self.failures: list[str] = []
        # One organisation's requests are one thread's: it knows what was asked before.
        shares: dict[int, list[Request]] = defaultdict(list)
        for request in requests:
            shares[hash(request.earner.address) % threads].append(request)
        self._threads = [
            threading.Thread(target=self._work, args=(share,), daemon=True, name="requester")
            for share in shares.values()
        ]

    def start(self) -> None:
        """Begin now."""
        self._begin = time.monotonic()
        for thread in self._threads:
            thread.start()

    @property
    def finished(self) -> bool:
        """Whether every withdrawal was asked for, or a request was refused."""
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, requests: list[Request]) -> None:
        try:
            for request in requests:
                if self._ending.wait(max(0.0, self._begin + request.at_s - time.monotonic())):
                    return
                self._ask(request)
        except Exception as error:
            self.failures.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    def _ask(self, request: Request) -> None:
        earner = request.earner
        while not self._ending.is_set():
            try:
                with tenant_scope(earner.actor.organisation_id):
                    # An answer that got lost with the database may have been a yes: look before asking again.
                    made = payouts.withdrawals(earner.actor).count()
                    if made == len(earner.asked):
                        request_withdrawal(actor=earner.actor, amount=Money(request.amount_minor))
                break
            except Error:
                connection.close()
                with self._lock:
                    self.retries += 1
                time.sleep(RETRY_S)
        earner.asked.append(request.amount_minor)
        with self._lock:
            self.done += 1
