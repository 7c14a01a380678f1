"""Tables of the asset registry. What is released is immutable; triggers refuse to change it."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.assets.types import BPS, AccessRight, AssetKind, ChainState, Visibility
from apps.core.append_only import never_truncated
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned

TOKEN_DIGITS = 78  # of the largest uint256
HASH_LENGTH = 66  # 0x and 32 bytes in hexadecimal


def _values(enum: type[AssetKind | ChainState | Visibility | AccessRight]) -> list[str]:
    return [member.value for member in enum]


class Asset(TenantOwned, TimeStamped):
    """A dataset, model, knowledge base or agent; its tenant is its owner."""

    kind = models.CharField(max_length=20, choices=[(kind.value, kind.label) for kind in AssetKind])
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140)
    summary = models.CharField(max_length=500, blank=True)
    token_id = models.DecimalField(max_digits=TOKEN_DIGITS, decimal_places=0, unique=True)
    chain_state = models.CharField(max_length=12, default=ChainState.PENDING)
    visibility = models.CharField(max_length=8, default=Visibility.PRIVATE)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="asset_slug_unique_for_owner"),
            models.CheckConstraint(condition=Q(kind__in=_values(AssetKind)), name="asset_kind_known"),
            models.CheckConstraint(condition=Q(chain_state__in=_values(ChainState)), name="asset_chain_state_known"),
            models.CheckConstraint(condition=Q(visibility__in=_values(Visibility)), name="asset_visibility_known"),
        ]
        indexes = [models.Index(fields=["tenant", "kind", "-id"], name="asset_by_owner_and_kind")]

    def __str__(self) -> str:
        return self.name


class AssetVersion(TenantOwned, TimeStamped):
    """One released state of an asset: what it contains (content root) and how it came to be (metadata)."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    content_root = models.CharField(max_length=HASH_LENGTH)
    metadata = models.JSONField()
    metadata_hash = models.CharField(max_length=HASH_LENGTH)
    contributor_bps = models.PositiveIntegerField()
    chain_state = models.CharField(max_length=12, default=ChainState.PENDING)
    chain_attempt = models.PositiveIntegerField(default=1)
    chain_failure = models.CharField(max_length=500, blank=True)
    tx_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    block_number = models.PositiveBigIntegerField(null=True)
    chain_record = models.JSONField(default=dict, help_text="what the registry's confirmed event said")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "asset", "number"], name="asset_version_number_unique"),
            models.CheckConstraint(condition=Q(contributor_bps__lte=BPS), name="asset_version_contributor_bps"),
            models.CheckConstraint(
                condition=Q(chain_state__in=_values(ChainState)), name="asset_version_chain_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(chain_state=ChainState.REGISTERED) | ~Q(tx_hash="") & Q(block_number__isnull=False),
                name="asset_version_registered_has_proof",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="asset_version_immutable",
                fields=["tenant", "asset", "number", "content_root", "metadata", "metadata_hash", "contributor_bps"],
            ),
            pgtrigger.Protect(name="asset_version_kept", operation=pgtrigger.Delete),
            never_truncated("asset_version_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"{self.asset} v{self.number}"


class ProvenanceEdge(TenantOwned):
    """A child version was built on a parent version, which takes a part of the child's revenue."""

    child = models.ForeignKey(AssetVersion, on_delete=models.PROTECT, related_name="parent_edges")
    parent = models.ForeignKey(AssetVersion, on_delete=models.PROTECT, related_name="child_edges")
    weight_bps = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "child", "parent"], name="provenance_edge_unique"),
            models.CheckConstraint(condition=~Q(child=F("parent")), name="provenance_edge_no_loop"),
            models.CheckConstraint(condition=Q(weight_bps__gt=0, weight_bps__lt=BPS), name="provenance_edge_weight"),
        ]
        triggers = [
            pgtrigger.Protect(name="provenance_edge_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("provenance_edge_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"{self.child_id} <- {self.parent_id} ({self.weight_bps} bps)"


class Contribution(TenantOwned):
    """An organisation's part in making a version; its tenant is the version's owner."""

    version = models.ForeignKey(AssetVersion, on_delete=models.PROTECT, related_name="contributions")
    contributor = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=40)
    weight = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "version", "contributor", "role"], name="contribution_unique_for_role"
            ),
            models.CheckConstraint(condition=Q(weight__gt=0), name="contribution_weight_positive"),
        ]
        indexes = [models.Index(fields=["contributor", "-id"], name="contribution_by_contributor")]
        triggers = [
            pgtrigger.Protect(name="contribution_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("contribution_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.weight}"


class AccessGrant(TenantOwned, TimeStamped):
    """A right of another organisation on an asset; its tenant is the asset's owner."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="grants")
    grantee = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+")
    right = models.CharField(max_length=8)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    royalty_bps = models.PositiveIntegerField(default=0)
    revocable = models.BooleanField(default=True, help_text="False for a right that was sold")
    source_type = models.CharField(max_length=60)
    source_id = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "asset", "grantee", "right", "source_type", "source_id"],
                name="access_grant_unique_for_source",
            ),
            models.CheckConstraint(condition=Q(right__in=_values(AccessRight)), name="access_grant_right_known"),
            models.CheckConstraint(condition=Q(royalty_bps__lt=BPS), name="access_grant_royalty"),
        ]
        indexes = [models.Index(fields=["grantee", "asset"], name="access_grant_by_grantee")]

    def __str__(self) -> str:
        return f"{self.right} of {self.asset_id} for {self.grantee_id}"
