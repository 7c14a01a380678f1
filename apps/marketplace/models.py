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
from apps.marketplace.types import LicenceState, ListingState

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
    terms_hash = models.CharField(max_length=66)
    price_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, default=LicenceState.ACTIVE)

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
            models.Index(fields=["expires_at"], condition=Q(state=LicenceState.ACTIVE), name="licence_to_expire")
        ]

    def __str__(self) -> str:
        return f"{self.right} of {self.asset_name}"


class Sale(TenantOwned):
    """A purchase as its seller sees it; never changed."""

    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey("assets.Asset", on_delete=models.PROTECT, related_name="+")
    asset_version = models.ForeignKey("assets.AssetVersion", on_delete=models.PROTECT, related_name="+")
    buyer = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    licence_id = models.UUIDField()
    price_minor = models.PositiveBigIntegerField()
    fee_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    idempotency_key = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "buyer", "idempotency_key"], name="sale_once_for_key"),
            models.UniqueConstraint(fields=["tenant", "licence_id"], name="sale_once_for_licence"),
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
