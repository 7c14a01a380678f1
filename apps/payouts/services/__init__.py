"""Earnings to wallets: withdraw, approve, publish an epoch, claim, and book what the chain confirms."""

from apps.payouts.services.adopting import adopt_root
from apps.payouts.services.approving import approve_withdrawal, reject_withdrawal
from apps.payouts.services.claiming import claim_again, record_claim_failure
from apps.payouts.services.freezing import freeze_payouts, unfreeze_payouts
from apps.payouts.services.publishing import (
    confirm_epoch,
    fail_epoch,
    publish_due_epoch,
    publish_epoch,
    settle_root,
)
from apps.payouts.services.recovering import (
    announce_recovery,
    end_recovery,
    fail_recovery,
    record_announcement,
    recover_unclaimed,
)
from apps.payouts.services.settling import settle_payee
from apps.payouts.services.withdrawing import (
    cancel_withdrawal,
    request_withdrawal,
    return_payments_to_contract,
)

__all__ = [
    "adopt_root",
    "announce_recovery",
    "approve_withdrawal",
    "cancel_withdrawal",
    "claim_again",
    "confirm_epoch",
    "end_recovery",
    "fail_epoch",
    "fail_recovery",
    "freeze_payouts",
    "publish_due_epoch",
    "publish_epoch",
    "record_announcement",
    "record_claim_failure",
    "recover_unclaimed",
    "reject_withdrawal",
    "request_withdrawal",
    "return_payments_to_contract",
    "settle_payee",
    "settle_root",
    "unfreeze_payouts",
]
