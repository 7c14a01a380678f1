"""What follows a payment: balance transactions with fees, refunds, disputes, and the events that tell of them.

Some card numbers have consequences, as Stripe's test cards do: 4000 0000 0000 0259 is disputed, refunds to
4000 0000 0000 7726 are pending first, refunds to 4000 0000 0000 5126 fail later.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from sahara_platform.embedded.checkout.sessions import BadRequestError, event
from sahara_platform.embedded.checkout.store import Store

#: What a charge and a dispute cost: 2.9 % + 30 cents, and 15 dollars.
FEE_BPS, FEE_FIXED_MINOR = 290, 30
DISPUTE_FEE_MINOR = 1500
DISPUTE_ANSWER_S = 9 * 24 * 3600
#: After this a refund to one of the two cards below changes its state.
REFUND_CHANGES_AFTER_S = 1.0
DISPUTED, REFUND_PENDING, REFUND_FAILS = "0259", "7726", "5126"

Body = dict[str, Any]


def new_id(prefix: str) -> str:
    """A fresh object id."""
    return f"{prefix}_{secrets.token_hex(12)}"


def paid(store: Store, intent: Body, last4: str) -> None:
    """A payment went through: book it, tell of it, and let the card have its consequence."""
    charge = _id_of(intent["latest_charge"])
    if store.get("balance_transaction", f"txn_{charge}") is not None:
        return
    fee = -(-int(intent["amount"]) * FEE_BPS // 10_000) + FEE_FIXED_MINOR
    movement = _movement("charge", int(intent["amount"]), intent["currency"], charge, fee=fee)
    movement["id"] = f"txn_{charge}"  # one a charge, so that a repeat after a crash finds it
    store.put(movement, events=[event("payment_intent.succeeded", _plain_intent(intent))])
    if last4 == DISPUTED:
        _open_dispute(store, intent, charge)


def refused(store: Store, intent: Body) -> None:
    """A payment was declined."""
    store.put(events=[event("payment_intent.payment_failed", _plain_intent(intent))])


def refund(store: Store, form: Mapping[str, str], metadata: Mapping[str, str], intent: Body, last4: str) -> Body:
    """Send a part of a payment back. Raises BadRequestError."""
    if intent.get("status") != "succeeded":
        raise BadRequestError("This PaymentIntent does not have a successful charge to refund.", "payment_intent")
    earlier = [one for one in store.every("refund") if one["payment_intent"] == intent["id"]]
    left = int(intent["amount"]) - sum(one["amount"] for one in earlier if one["status"] != "failed")
    raw = form.get("amount", str(left))
    if not raw.isdecimal() or not 0 < int(raw) <= left:
        raise BadRequestError(f"Refund amount is greater than unrefunded amount on charge ({left}).", "amount")
    made: Body = {
        "id": new_id("re"),
        "object": "refund",
        "amount": int(raw),
        "charge": _id_of(intent["latest_charge"]),
        "created": int(time.time()),
        "currency": intent["currency"],
        "failure_reason": None,
        "metadata": dict(metadata),
        "payment_intent": intent["id"],
        "status": "pending" if last4 == REFUND_PENDING else "succeeded",
    }
    movement = _movement("refund", -made["amount"], made["currency"], made["id"])
    store.put(made, movement, events=[event("refund.created", made)])
    if last4 in (REFUND_PENDING, REFUND_FAILS):
        becomes = "succeeded" if last4 == REFUND_PENDING else "failed"
        at = time.time() + REFUND_CHANGES_AFTER_S
        store.put({"id": f"due_{made['id']}", "object": "due_refund", "refund": made["id"], "at": at, "as": becomes})
    return made


def change_due_refunds(store: Store, now: float) -> None:
    """Bring refunds to the state that their card foresees."""
    for due in store.every("due_refund"):
        found = store.get("refund", due["refund"])
        if due["as"] == "" or due["at"] > now or found is None:
            continue
        done = {**found, "status": due["as"]}
        events, movements = [event("refund.updated", done)], []
        if due["as"] == "failed":
            done["failure_reason"] = "expired_or_canceled_card"
            events.append(event("refund.failed", done))
            movements.append(_movement("refund_failure", done["amount"], done["currency"], done["id"]))
        store.put(done, {**due, "as": ""}, *movements, events=events)


def answer_dispute(store: Store, dispute: Body, evidence: str) -> Body:
    """Stripe's test words decide: "winning_evidence", anything else that is submitted loses."""
    if dispute["status"] not in ("needs_response", "under_review"):
        raise BadRequestError("This dispute is already closed.", "dispute")
    won = evidence == "winning_evidence"
    closed = {**dispute, "status": "won" if won else "lost"}
    events = [event("charge.dispute.closed", closed)]
    if won:
        back = _movement("adjustment", closed["amount"], closed["currency"], closed["id"], fee=-DISPUTE_FEE_MINOR)
        closed["balance_transactions"] = [*closed["balance_transactions"], back]
        events.append(event("charge.dispute.funds_reinstated", closed))
        store.put(back)
    store.put(closed, events=events)
    return closed


def _open_dispute(store: Store, intent: Body, charge: str) -> None:
    now = int(time.time())
    dispute_id = new_id("du")
    taken = _movement("adjustment", -int(intent["amount"]), intent["currency"], dispute_id, fee=DISPUTE_FEE_MINOR)
    made = {
        "id": dispute_id,
        "object": "dispute",
        "amount": int(intent["amount"]),
        "balance_transactions": [taken],
        "charge": charge,
        "created": now,
        "currency": intent["currency"],
        "evidence_details": {"due_by": now + DISPUTE_ANSWER_S, "has_evidence": False, "submission_count": 0},
        "metadata": {},
        "payment_intent": intent["id"],
        "reason": "fraudulent",
        "status": "needs_response",
    }
    kinds = ("charge.dispute.created", "charge.dispute.funds_withdrawn")
    store.put(made, taken, events=[event(kind, made) for kind in kinds])


def _movement(kind: str, amount: int, currency: str, source: str, fee: int = 0) -> Body:
    """A balance transaction: what the processor's own account gained (or lost), and what it cost."""
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "created": int(time.time()),
        "currency": currency,
        "fee": fee,
        "net": amount - fee,
        "reporting_category": "dispute" if kind == "adjustment" else kind,
        "source": source,
        "status": "available",
        "type": kind,
    }


def _plain_intent(intent: Body) -> Body:
    return {**intent, "latest_charge": _id_of(intent["latest_charge"]), "charges": None}


def _id_of(value: Any) -> str:
    return str(value["id"]) if isinstance(value, dict) else str(value or "")
