"""Writes of the asset registry."""

from apps.assets.services.access import grant_access, revoke_access, set_access_of_source
from apps.assets.services.catalogue import register_asset, set_visibility
from apps.assets.services.custody import (
    confirm_custody_move,
    fail_custody_move,
    movable_shares,
    move_token_to_wallet,
    send_shares,
)
from apps.assets.services.escrow import escrow_account, pay_out_escrow, settle_linked_wallets
from apps.assets.services.mirroring import follow_chain_event, recognise_holder
from apps.assets.services.registration import (
    confirm_registration,
    fail_registration,
    record_chain_event,
    retry_registration,
)
from apps.assets.services.releases import release_version
from apps.assets.services.royalties import confirm_royalty_step, fail_royalty_step, release_royalties
from apps.assets.services.shares import confirm_share_issue, create_shares, fail_share_issue

__all__ = [
    "confirm_custody_move",
    "confirm_registration",
    "confirm_royalty_step",
    "confirm_share_issue",
    "create_shares",
    "escrow_account",
    "fail_custody_move",
    "fail_registration",
    "fail_royalty_step",
    "fail_share_issue",
    "follow_chain_event",
    "grant_access",
    "movable_shares",
    "move_token_to_wallet",
    "pay_out_escrow",
    "recognise_holder",
    "record_chain_event",
    "register_asset",
    "release_royalties",
    "release_version",
    "retry_registration",
    "revoke_access",
    "send_shares",
    "set_access_of_source",
    "set_visibility",
    "settle_linked_wallets",
]
