"""What accounts do when they hear of others, or of themselves after the commit."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from apps.accounts import selectors
from apps.accounts.events import WalletNotice
from apps.core.outbox import handles
from apps.tenancy import selectors as tenancy


@handles(WalletNotice, long_running=True)
def on_wallet_notice(event: WalletNotice) -> None:
    """Write to the owners that the wallet has changed or is about to; outside a transaction, as it reaches a server."""
    entry = selectors.wallet_entry(event.organisation_id, event.entry_id)
    organisation = tenancy.organisation(event.organisation_id)
    context = {"entry": entry, "organisation": organisation, "url": f"{settings.PUBLIC_URL}/accounts/wallet/"}
    send_mail(
        subject=f"{organisation.name}: {entry.get_action_display().lower()} (payout wallet)",
        message=render_to_string("accounts/email/wallet_notice.txt", context),
        from_email=None,
        recipient_list=selectors.owner_addresses(event.organisation_id),
    )
