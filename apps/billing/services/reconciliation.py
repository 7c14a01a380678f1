"""Every day: the processor's books against the ledger, line by line; missed webhooks are made up for by their path."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db import transaction

from apps.billing.errors import PaymentMismatch
from apps.billing.facts import Movement, PaymentFacts
from apps.billing.models import Difference, Dispute, Invoice, Reconciliation, TopUp, TopUpRefund
from apps.billing.processor import books, payments
from apps.billing.services.payments import sync_payment
from apps.billing.types import CURRENCY, DifferenceKind, RefundState
from apps.core.errors import DependencyFailed
from apps.core.tenant import all_tenants, tenant_scope
from apps.ledger import selectors as ledger
from apps.ledger.types import AccountKind
from apps.tenancy.selectors import platform_organisation_id
from apps.tenancy.types import Actor

logger = logging.getLogger(__name__)

#: Lines of the processor that are about a payment of somebody's; the others move the platform's own money.
_ABOUT_PAYMENTS = frozenset({"charge", "payment", "refund", "payment_refund", "refund_failure", "adjustment"})
_OWN = frozenset({"payout", "payout_cancel", "payout_failure", "topup", "transfer", "contribution"})
_OBJECTS = "the books of every organisation are compared"
#: What the processor holds of one object, and what the ledger does: amounts in minor units.
Books = dict[str, int]


def reconcile(day: date) -> Reconciliation:
    """Compare a day (UTC); repeats compare again and replace what was found.

    Raises:
        PaymentsUnavailable: nothing was stored.
    """
    since = datetime.combine(day, time.min, UTC)
    lines = list(books.movements(since, since + timedelta(days=1)))
    by_payment: dict[str, list[Movement]] = defaultdict(list)
    found: list[Difference] = []
    for line in lines:
        if line.kind in _ABOUT_PAYMENTS and line.payment_intent:
            by_payment[line.payment_intent].append(line)
        elif line.kind not in _OWN:
            kind = DifferenceKind.FEE if "fee" in line.kind else DifferenceKind.MISSING_HERE
            found.append(Difference(kind=kind, what=line.kind, processor_id=line.id, there=line.amount.minor))
    applied = 0
    for payment_intent, own_lines in by_payment.items():
        was_right, differences = _compare(payment_intent, own_lines)
        applied += 0 if was_right or differences else 1
        found += differences
    found += _missing_there(day, set(by_payment))
    gross, fees = sum(line.amount.minor for line in lines), sum(line.fee.minor for line in lines)
    return _store(day, found, movements=len(lines), gross=gross, fees=fees, applied=applied)


def _compare(payment_intent: str, lines: Iterable[Movement]) -> tuple[bool, list[Difference]]:
    """Whether a payment's lines were in the ledger already, and what differs after the processor was asked again."""
    there: Books = defaultdict(int)
    for line in lines:
        there[payment_intent if line.kind in ("charge", "payment") else line.source] += line.amount.minor
    here = _booked(payment_intent)
    if all(here.get(key) == amount for key, amount in there.items()):
        return True, []
    try:
        if not sync_payment(payment_intent):
            return False, _differences(there, here)
    except PaymentMismatch as mismatch:
        logger.warning("payment %s: %s", payment_intent, mismatch.message)
    facts, here = payments.retrieve_payment(payment_intent), _booked(payment_intent)
    return False, _differences(_at_processor(facts), here)


def _differences(there: Books, here: Books) -> list[Difference]:
    found = []
    for key in sorted(there.keys() | here.keys()):
        theirs, ours = there.get(key, 0), here.get(key, 0)
        if theirs != ours:
            kind = DifferenceKind.OTHER_AMOUNT
            if not ours or not theirs:
                kind = DifferenceKind.MISSING_THERE if ours else DifferenceKind.MISSING_HERE
            what = {"pi": "payment", "re": "refund", "py": "refund"}.get(key.partition("_")[0], "dispute")
            found.append(Difference(kind=kind, what=what, processor_id=key, there=theirs, here=ours))
    return found


def _at_processor(facts: PaymentFacts) -> Books:
    held: Books = {facts.id: facts.amount_minor if facts.status == "succeeded" else 0}
    held |= {one.id: 0 if one.is_refused else -one.amount_minor for one in facts.refunds}
    return held | {one.id: sum(amount for _, amount in one.movements) for one in facts.disputes}


def _booked(payment_intent: str) -> Books:
    """What the ledger has of a payment, its refunds and disputes; a refund on its way counts as gone."""
    held: Books = {}
    with all_tenants(reason=_OBJECTS):
        top_up = TopUp.objects.filter(payment_intent=payment_intent).first()
        refunds = list(TopUpRefund.objects.filter(top_up=top_up)) if top_up is not None else []
        invoice = Invoice.objects.filter(payment_intent=payment_intent).first()
        disputes = list(Dispute.objects.filter(payment_intent=payment_intent).values_list("dispute_id", flat=True))
    if top_up is not None:
        held[payment_intent] = _net("billing.top_up", str(top_up.id))
    elif invoice is not None:
        held[payment_intent] = _net("billing.invoice", invoice.invoice_id)
        refunded = payments.retrieve_payment(payment_intent).refunds
        held |= {one.id: _net("billing.invoice_refund", one.id) for one in refunded}
    for refund in refunds:
        sent = -refund.amount if refund.state == RefundState.SENT else 0
        held[refund.processor_id] = _net("billing.refund", str(refund.id)) + sent
    return held | {dispute: _net("billing.dispute", dispute) for dispute in disputes if dispute}


def _net(source_type: str, source_id: str) -> int:
    """What a cause brought in through the processor's account, less what it took out, in minor units."""
    platform = Actor.system(platform_organisation_id())
    with tenant_scope(platform.organisation_id):
        own = ledger.accounts(platform).filter(kind=AccountKind.PROCESSOR, currency=CURRENCY).first()
        rows = ledger.transfers(platform, kind=AccountKind.PROCESSOR, currency=CURRENCY)
        found = list(rows.filter(source_type=source_type, source_id=source_id))
    return sum(row.amount if own is not None and row.debit_account_id == own.id else -row.amount for row in found)


def _missing_there(day: date, seen: set[str]) -> list[Difference]:
    """Top-ups that were credited on the day although the processor has no such payment."""
    with all_tenants(reason=_OBJECTS):
        credited = TopUp.objects.filter(paid_at__date=day).exclude(payment_intent__in=seen)
        rows = list(credited.values_list("payment_intent", "amount"))
    found = []
    for payment_intent, amount in rows:
        facts = payments.find_payment(payment_intent)
        theirs = _at_processor(facts)[payment_intent] if facts is not None else 0
        found += _differences({payment_intent: theirs}, {payment_intent: amount})
    return found


def _store(
    day: date, found: list[Difference], *, movements: int, gross: int, fees: int, applied: int
) -> Reconciliation:
    platform: UUID = platform_organisation_id()
    with tenant_scope(platform), transaction.atomic():
        facts = {"movements": movements, "gross": gross, "fees": fees, "applied": applied}
        row, _ = Reconciliation.objects.update_or_create(day=day, defaults=facts)
        row.differences.all().delete()
        for difference in found:
            difference.tenant_id, difference.reconciliation = platform, row
        Difference.objects.bulk_create(found)
    return row


def reconcile_recent(today: date, days: int = 2) -> list[Reconciliation]:
    """The last whole days, the older first (beat); a day that cannot be compared now is compared tomorrow."""
    done = []
    for ago in range(days, 0, -1):
        try:
            done.append(reconcile(today - timedelta(days=ago)))
        except DependencyFailed as error:
            logger.warning("day -%s is not compared: %s", ago, error.code)
    return done
