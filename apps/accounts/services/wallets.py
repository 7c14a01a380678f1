"""Where an organisation is paid. The first wallet counts at once, a change after a wait in which it can be cancelled.

The wait is against a stolen session: whoever has one must not be able to lead the next withdrawal elsewhere. While it
runs nothing can be withdrawn, to neither address: the owner may have changed it because the old one is lost.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts import policies
from apps.accounts.addresses import wallet_address_of
from apps.accounts.errors import GuestHasNoWallet, NoWalletChange, WalletChangePending, WalletOfAnother
from apps.accounts.events import WalletLinked, WalletNotice
from apps.accounts.locks import lock_wallet_of
from apps.accounts.models import Wallet, WalletEntry
from apps.accounts.policies import AccountsPermission
from apps.accounts.selectors import is_linked_elsewhere
from apps.accounts.types import WalletAction
from apps.core import clock, live, outbox
from apps.core.tenant import all_tenants, tenant_scope
from apps.tenancy import services as tenancy
from apps.tenancy.types import Actor


@transaction.atomic
def set_wallet(*, actor: Actor, address: str) -> str:
    """Set the address that the actor's organisation is paid out to, without a proof that it is its own.

    Such an address receives money and nothing else: on chain the organisation owns only what it has proved
    (`link_wallet`).

    Args:
        address: 0x and 40 hex digits; mixed case must fit the EIP-55 checksum.

    Returns:
        The address with its checksum; in force at once when it is the first, after the wait otherwise.

    Raises:
        NotPermitted, InvalidWalletAddress, WalletOfAnother, WalletChangePending
    """
    require_owner(actor)
    checksummed = wallet_address_of(address)
    with tenant_scope(actor.organisation_id):
        lock_wallet_of(actor.organisation_id)
        move_wallet(actor, checksummed, proved_at=None)
    return checksummed


@transaction.atomic
def cancel_wallet_change(*, actor: Actor) -> None:
    """Keep the wallet that is in force. Raises NotPermitted, NoWalletChange."""
    policies.require(actor, AccountsPermission.SET_WALLET)
    with tenant_scope(actor.organisation_id):
        lock_wallet_of(actor.organisation_id)
        row = Wallet.objects.exclude(pending_address="").first()
        if row is None:
            raise NoWalletChange
        cancelled = row.pending_address
        _forget_pending(row)
        _record(actor, WalletAction.CHANGE_CANCELLED, cancelled, previous=row.address)


def activate_due_wallets() -> int:
    """Put the changes into force whose wait is over (schedule).

    Returns:
        How many wallets were changed.
    """
    with all_tenants(reason="changes of any organisation may be due"):
        due = list(Wallet.objects.filter(pending_until__lte=clock.now()).values_list("tenant_id", flat=True))
    return sum(_activate(organisation_id) for organisation_id in due)


def require_owner(actor: Actor) -> None:
    """Raise unless the actor may say where the organisation is paid."""
    if actor.is_guest:
        raise GuestHasNoWallet
    policies.require(actor, AccountsPermission.SET_WALLET)


def move_wallet(actor: Actor, address: str, *, proved_at: datetime | None) -> None:
    """Make an address the organisation's, at once or after the wait. Runs under `lock_wallet_of`, in its scope.

    Raises:
        WalletOfAnother, WalletChangePending
    """
    _require_free(address, actor.organisation_id)
    row = Wallet.objects.first()
    if row is None:
        _save(Wallet(address=address, proved_at=proved_at))
        _record(actor, WalletAction.SET, address, is_proved=proved_at is not None)
        return
    if row.pending_until is not None and address != row.pending_address:
        raise WalletChangePending(row.pending_address, row.pending_until)
    if address == row.address:
        _prove(actor, row, proved_at)
    elif settings.WALLETS["change_wait"]:
        _ask_for_change(actor, row, address, proved_at)
    else:
        _change(actor, row, address, proved_at)


def _prove(actor: Actor, row: Wallet, proved_at: datetime | None) -> None:
    """The address stays; a signature adds what was missing, and setting it again takes no proof away."""
    if proved_at is None or row.proved_at is not None:
        return
    row.proved_at = proved_at
    _save(row)
    _record(actor, WalletAction.PROVED, row.address, is_proved=True)


def _ask_for_change(actor: Actor, row: Wallet, address: str, proved_at: datetime | None) -> None:
    if row.pending_until is not None and proved_at is None:
        return  # the same change again
    row.pending_address = address
    row.pending_proved_at = proved_at
    row.pending_until = row.pending_until or clock.now() + settings.WALLETS["change_wait"]
    row.save()
    _record(
        actor,
        WalletAction.CHANGE_REQUESTED,
        address,
        previous=row.address,
        is_proved=proved_at is not None,
        effective_at=row.pending_until,
    )


def _change(actor: Actor, row: Wallet, address: str, proved_at: datetime | None) -> None:
    previous, row.address, row.proved_at = row.address, address, proved_at
    _save(row)
    _record(actor, WalletAction.CHANGED, address, previous=previous, is_proved=proved_at is not None)


@transaction.atomic
def _activate(organisation_id: UUID) -> bool:
    actor = Actor.system(organisation_id)
    with tenant_scope(organisation_id):
        lock_wallet_of(organisation_id)
        row = Wallet.objects.filter(pending_until__lte=clock.now()).first()
        if row is None:  # cancelled, or done by another worker
            return False
        previous, address, proved_at = row.address, row.pending_address, row.pending_proved_at
        _forget_pending(row)
        try:
            _require_free(address, organisation_id)
            _change(actor, row, address, proved_at)
        except WalletOfAnother:
            _record(actor, WalletAction.CHANGE_REFUSED, address, previous=previous)
            return False
    return True


def _require_free(address: str, organisation_id: UUID) -> None:
    if is_linked_elsewhere(address, organisation_id):
        raise WalletOfAnother(address)


def _forget_pending(row: Wallet) -> None:
    row.pending_address, row.pending_proved_at, row.pending_until = "", None, None
    row.save()


def _save(row: Wallet) -> None:
    """Two organisations may prove one address in the same moment: the constraint lets only one of them."""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise WalletOfAnother(row.address) from error


def _record(
    actor: Actor,
    action: WalletAction,
    address: str,
    *,
    previous: str = "",
    is_proved: bool = False,
    effective_at: datetime | None = None,
) -> None:
    """Write the history and the audit trail, tell the owners, and the apps above when a proved address is in force."""
    entry = WalletEntry.objects.create(
        action=action,
        address=address,
        previous=previous,
        is_proved=is_proved,
        user_id=actor.user_id,
        effective_at=effective_at,
    )
    tenancy.record_audit(
        actor,
        action=f"wallet.{action}",
        target_type="wallet",
        target_id=address,
        detail={"previous": previous, "proved": is_proved},
    )
    outbox.publish(WalletNotice(actor.organisation_id, entry.id), tenant_id=actor.organisation_id)
    if is_proved and action in (WalletAction.SET, WalletAction.PROVED, WalletAction.CHANGED):
        outbox.publish(WalletLinked(actor.organisation_id, address), tenant_id=actor.organisation_id)
    live.notify(f"earnings:{actor.organisation_id}")
