"""Tables of the marketplace. Listings are public; licences belong to the buyer, sales to the seller."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q

from apps.assets.types import BPS
from apps.core.append_only import never_truncated
from apps.core.ids import uuid7
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned
from apps.marketplace.types import LicenceSource, LicenceState, ListingState, RecordState, Settlement, TradeState

HASH_LENGTH = 66  # 0x and 32 bytes in hexadecimal
ADDRESS_LENGTH = 42  # 0x and 20 bytes
MAX_FAILURE = 500
SEARCHED = SearchVector("name", "summary", config="simple")


class Listing(TimeStamped):
    """An offer that anyone may read: a public projection of an asset, with nothing private in it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    asset = models.ForeignKey("assets.Asset", on_delete=models.PROTECT, related_name="+")
    seller = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=120)
    summary = models.CharField(max_length=500, blank=True)
    right = models.CharField(max_length=8)
    price_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3, default="USD")
    period_days = models.PositiveIntegerField(null=True)
    terms = models.CharField(max_length=40)
    royalty_bps = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, default=ListingState.ACTIVE)
    on_chain = models.BooleanField(default=False, help_text="whether anyone may buy it from the contract")
    offer_state = models.CharField(max_length=10, blank=True, default=RecordState.NONE)
    offer_revision = models.PositiveIntegerField(default=0)
    offer_failure = models.CharField(max_length=MAX_FAILURE, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["asset", "right"], condition=Q(state=ListingState.ACTIVE), name="listing_one_active_for_right"
            ),
            models.CheckConstraint(condition=Q(royalty_bps__lt=BPS), name="listing_royalty"),
        ]
        indexes = [
            GinIndex(SEARCHED, name="listing_text"),
            models.Index(fields=["state", "kind", "-id"], name="listing_by_state_and_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.right})"


class Licence(TenantOwned, TimeStamped):
    """A right that was bought; its tenant is the buyer."""

    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey("assets.Asset", on_delete=models.PROTECT, related_name="+")
    asset_name = models.CharField(max_length=120)
    seller = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    right = models.CharField(max_length=8)
    terms = models.CharField(max_length=40)
    terms_hash = models.CharField(max_length=HASH_LENGTH)
    price_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=12, default=LicenceState.ACTIVE)
    end_reason = models.CharField(max_length=500, blank=True)
    source = models.CharField(max_length=12, default=LicenceSource.PLATFORM)
    holder_address = models.CharField(max_length=ADDRESS_LENGTH, blank=True)
    chain_state = models.CharField(max_length=10, blank=True, default=RecordState.NONE)
    chain_attempt = models.PositiveIntegerField(default=1)
    chain_failure = models.CharField(max_length=MAX_FAILURE, blank=True)
    chain_tx_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    chain_block_number = models.PositiveBigIntegerField(null=True)
    revocation_state = models.CharField(max_length=10, blank=True, default=RecordState.NONE)
    revocation_attempt = models.PositiveIntegerField(default=0)
    revocation_failure = models.CharField(max_length=MAX_FAILURE, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "asset", "right"],
                condition=Q(state=LicenceState.ACTIVE),
                name="licence_one_active_for_right",
            )
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state=LicenceState.ACTIVE), name="licence_to_expire"),
            models.Index(fields=["asset", "right"], name="licence_of_asset"),
        ]

    def __str__(self) -> str:
        return f"{self.right} of {self.asset_name}"


class Sale(TenantOwned):
    """A purchase as its seller sees it; never changed.

    Where it was settled on chain, its price went into the royalty pool there: the ledger has no line of it.
    """

    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey("assets.Asset", on_delete=models.PROTECT, related_name="+")
    asset_version = models.ForeignKey("assets.AssetVersion", on_delete=models.PROTECT, related_name="+")
    buyer = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    licence_id = models.UUIDField()
    price_minor = models.PositiveBigIntegerField()
    fee_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    idempotency_key = models.CharField(max_length=255)
    settlement = models.CharField(max_length=10, default=Settlement.LEDGER)
    chain_tx_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "buyer", "idempotency_key"], name="sale_once_for_key"),
            models.UniqueConstraint(
                fields=["tenant", "licence_id"],
                condition=Q(settlement=Settlement.LEDGER),
                name="sale_once_for_licence",
            ),
            models.CheckConstraint(condition=Q(fee_minor__lte=models.F("price_minor")), name="sale_fee_within_price"),
        ]
        triggers = [
            pgtrigger.Protect(name="sale_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("sale_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"sale {self.id}"


class SaleLine(TenantOwned):
    """One payee's part of a sale, with the rule and the path that caused it; never changed."""

    sale = models.ForeignKey(Sale, on_delete=models.PROTECT, related_name="lines")
    payee = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    address = models.CharField(
        max_length=ADDRESS_LENGTH,
        blank=True,
        help_text="the unlinked wallet that the payee, the platform, keeps it for",
    )
    amount_minor = models.PositiveBigIntegerField()
    rule = models.CharField(max_length=20)
    role = models.CharField(max_length=40, blank=True)
    path = models.JSONField(help_text="version ids from the sold version to the one that is paid for")
    weight = models.TextField(help_text="exact part of the price after the fee, as numerator/denominator")

    class Meta:
        ordering = ["id"]
        triggers = [
            pgtrigger.Protect(name="sale_line_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("sale_line_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} by {self.rule}"


class SaleReversal(TenantOwned):
    """A sale on chain that a reorganisation of the chain has undone; gone again when the chain takes it back in."""

    sale = models.OneToOneField(Sale, on_delete=models.PROTECT, related_name="reversal")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"reversal of {self.sale_id}"


class TermsDocument(TimeStamped):
    """Machine-readable licence terms under their hash, public and never changed, and their registration on chain."""

    hash = models.CharField(primary_key=True, max_length=HASH_LENGTH)
    content = models.TextField(help_text="the canonical JSON that is hashed")
    right = models.CharField(max_length=8)
    transferable = models.BooleanField()
    revocable = models.BooleanField()
    chain_state = models.CharField(max_length=10, blank=True, default=RecordState.NONE)
    chain_address = models.CharField(max_length=ADDRESS_LENGTH, blank=True, help_text="the contract they are in")
    chain_attempt = models.PositiveIntegerField(default=0)
    chain_failure = models.CharField(max_length=MAX_FAILURE, blank=True)

    class Meta:
        triggers = [
            pgtrigger.ReadOnly(
                name="terms_immutable", fields=["hash", "content", "right", "transferable", "revocable"]
            ),
            pgtrigger.Protect(name="terms_kept", operation=pgtrigger.Delete),
            never_truncated("terms_not_truncated"),
        ]

    def __str__(self) -> str:
        return self.hash


class ChainLicence(TenantOwned, TimeStamped):
    """A licence as the contract has it, by address; its tenant is the asset's owner.

    Computed from the asset's confirmed events. Where the address is no account's, nobody here can use the licence
    until somebody links that wallet.
    """

    asset = models.ForeignKey("assets.Asset", on_delete=models.PROTECT, related_name="+")
    right = models.CharField(max_length=8)
    address = models.CharField(max_length=ADDRESS_LENGTH)
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+", null=True)
    terms_hash = models.CharField(max_length=HASH_LENGTH)
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10)
    is_bought = models.BooleanField(default=False, help_text="paid to the contract, not here")
    tx_hash = models.CharField(max_length=HASH_LENGTH)
    block_number = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "asset", "right", "address"], name="chain_licence_one_a_holder")
        ]
        indexes = [
            models.Index(fields=["address"], name="chain_licence_by_address"),
            models.Index(fields=["asset"], name="chain_licence_by_asset"),
        ]

    def __str__(self) -> str:
        return f"{self.right} of {self.asset_id} at {self.address}"


class ShareOffer(TimeStamped):
    """Shares that an organisation sells from the platform's custody: public, like a listing."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    asset = models.ForeignKey("assets.Asset", on_delete=models.PROTECT, related_name="+")
    seller = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    units_left = models.PositiveBigIntegerField()
    revision = models.PositiveIntegerField(default=1, help_text="how often its seller has said what is for sale")
    unit_price_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3, default="USD")
    state = models.CharField(max_length=10, default=ListingState.ACTIVE)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["asset", "seller"], condition=Q(state=ListingState.ACTIVE), name="share_offer_one_active"
            ),
            models.CheckConstraint(condition=Q(unit_price_minor__gt=0), name="share_offer_has_a_price"),
        ]

    def __str__(self) -> str:
        return f"{self.units_left} shares of {self.asset_id}"


class ShareTrade(TenantOwned, TimeStamped):
    """A purchase of shares; its tenant is the buyer. The price is held until the shares have moved on chain."""

    offer = models.ForeignKey(ShareOffer, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey("assets.Asset", on_delete=models.PROTECT, related_name="+")
    seller = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    offer_revision = models.PositiveIntegerField(default=1)
    units = models.PositiveBigIntegerField()
    price_minor = models.PositiveBigIntegerField()
    fee_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    hold_id = models.UUIDField()
    move_id = models.UUIDField(unique=True)
    idempotency_key = models.CharField(max_length=255)
    state = models.CharField(max_length=10, default=TradeState.PENDING)
    failure = models.CharField(max_length=MAX_FAILURE, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "idempotency_key"], name="share_trade_once_for_key"),
            models.CheckConstraint(condition=Q(units__gt=0), name="share_trade_units"),
            models.CheckConstraint(condition=Q(fee_minor__lte=models.F("price_minor")), name="share_trade_fee"),
        ]

    def __str__(self) -> str:
        return f"{self.units} shares of {self.asset_id}"
