"""Answers what web and workers want to know of the chain and may not ask it: whether there is code at an address."""

from __future__ import annotations

from django.db import transaction

from apps.core import clock, outbox
from apps.onchain.events import AddressChecked
from apps.onchain.models import AddressCheck
from apps.tenancy.selectors import platform_organisation_id
from chain_bridge.gateway import Gateway

CHECKS_A_ROUND = 20
#: What stands in place of code at a wallet that lends itself a contract's (EIP-7702): it still is its key's.
DELEGATION = bytes.fromhex("ef0100")


def check_addresses(gateway: Gateway, chain_id: int) -> None:
    """Look at the addresses that were asked about, oldest question first."""
    waiting = AddressCheck.objects.filter(chain_id=chain_id, checked_at=None).order_by("requested_at", "id")
    for row in waiting[:CHECKS_A_ROUND]:
        code = gateway.code(row.address)
        has_code = bool(code) and not code.startswith(DELEGATION)
        with transaction.atomic():
            row.has_code, row.checked_at = has_code, clock.now()
            row.save(update_fields=["has_code", "checked_at"])
            outbox.publish(AddressChecked(row.address, has_code), tenant_id=platform_organisation_id())
