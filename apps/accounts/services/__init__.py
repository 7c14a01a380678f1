"""Changes of users and wallets."""

from apps.accounts.services.linking import issue_challenge, link_wallet
from apps.accounts.services.people import ensure_personal_organisation, merge_guest, set_display_name, start_guest
from apps.accounts.services.wallets import activate_due_wallets, cancel_wallet_change, set_wallet

__all__ = [
    "activate_due_wallets",
    "cancel_wallet_change",
    "ensure_personal_organisation",
    "issue_challenge",
    "link_wallet",
    "merge_guest",
    "set_display_name",
    "set_wallet",
    "start_guest",
]
