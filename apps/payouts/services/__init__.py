"""Earnings to wallets: withdraw, publish an epoch, claim, and book what the chain confirms."""

from apps.payouts.services.claiming import claim_again, record_claim, record_claim_failure
from apps.payouts.services.publishing import confirm_epoch, fail_epoch, publish_due_epoch, publish_epoch
from apps.payouts.services.withdrawing import request_withdrawal

__all__ = [
    "claim_again",
    "confirm_epoch",
    "fail_epoch",
    "publish_due_epoch",
    "publish_epoch",
    "record_claim",
    "record_claim_failure",
    "request_withdrawal",
]
