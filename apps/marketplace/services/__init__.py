"""Writes of the marketplace."""

from apps.marketplace.services.chain_sync import follow_chain_licences, recognise_licences
from apps.marketplace.services.licences import expire_licences, retry_revocation, revoke_licence
from apps.marketplace.services.listings import list_asset, review_chain_offers, unlist
from apps.marketplace.services.outcomes import record_outcome, retry_licence_record, retry_records_of_asset
from apps.marketplace.services.purchases import buy_licence
from apps.marketplace.services.trades import buy_shares, offer_shares, settle_trade, withdraw_share_offer

__all__ = [
    "buy_licence",
    "buy_shares",
    "expire_licences",
    "follow_chain_licences",
    "list_asset",
    "offer_shares",
    "recognise_licences",
    "record_outcome",
    "retry_licence_record",
    "retry_records_of_asset",
    "retry_revocation",
    "review_chain_offers",
    "revoke_licence",
    "settle_trade",
    "unlist",
    "withdraw_share_offer",
]
