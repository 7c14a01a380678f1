"""Tables of the asset registry. What is released is immutable; triggers refuse to change it."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.assets.types import BPS, AccessRight, AssetKind, ChainState, MoveState, ReleaseStep, Visibility
from apps.core.append_only import never_truncated
from apps.core.models import TimeStamped
from apps.core.tenant import TenantOwned

TOKEN_DIGITS = 78  # of the largest uint256
HASH_LENGTH = 66  # 0x and 32 bytes in hexadecimal
ADDRESS_LENGTH = 42  # 0x and 20 bytes


def _values(enum: type[AssetKind | ChainState | Visibility | AccessRight | MoveState]) -> list[str]:
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
    contribution_root = models.CharField(max_length=HASH_LENGTH, blank=True, help_text="over (address, weight) leaves")
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
                fields=[
                    "tenant",
                    "asset",
                    "number",
                    "content_root",
                    "metadata",
                    "metadata_hash",
                    "contributor_bps",
                    "contribution_root",
                ],
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
    address = models.CharField(
        max_length=ADDRESS_LENGTH, blank=True, help_text="stands for the contributor in the version's contribution root"
    )

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


class ChainFact(TenantOwned):
    """A confirmed event of our contracts about an asset; its tenant is the asset's owner.

    What follows from an asset's facts (its holder, its shares, licences on chain) is computed again from all of them
    whenever one comes or goes, so neither their order of arrival nor repeats nor a reorganisation can spoil it.
    """

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="chain_facts")
    contract = models.CharField(max_length=60)
    address = models.CharField(max_length=ADDRESS_LENGTH)
    event = models.CharField(max_length=60)
    args = models.JSONField()
    block_number = models.PositiveBigIntegerField()
    log_index = models.PositiveIntegerField()
    tx_hash = models.CharField(max_length=HASH_LENGTH)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "asset", "address", "tx_hash", "log_index", "block_number"],
                name="chain_fact_once",
            )
        ]
        indexes = [models.Index(fields=["asset", "contract", "block_number"], name="chain_fact_of_asset")]

    def __str__(self) -> str:
        return f"{self.contract}.{self.event} of {self.asset_id} in {self.block_number}"


class AssetHolder(TenantOwned):
    """Who holds the token of an asset, from its facts; its tenant is the organisation that made the asset."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=ADDRESS_LENGTH)
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+", null=True)
    since_block = models.PositiveBigIntegerField()
    tx_hash = models.CharField(max_length=HASH_LENGTH)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "asset"], name="asset_holder_one")]
        indexes = [
            models.Index(fields=["address"], name="asset_holder_by_address"),
            models.Index(fields=["asset"], name="asset_holder_by_asset"),
        ]

    def __str__(self) -> str:
        return f"{self.asset_id} at {self.address}"


class ShareIssue(TenantOwned, TimeStamped):
    """The creation of an asset's shares, once; its tenant is the organisation that asked for it."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    supply = models.PositiveBigIntegerField()
    holder_address = models.CharField(max_length=ADDRESS_LENGTH)
    state = models.CharField(max_length=12, default=MoveState.PENDING)
    attempt = models.PositiveIntegerField(default=1)
    failure = models.CharField(max_length=500, blank=True)
    tx_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    block_number = models.PositiveBigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "asset"], name="share_issue_one"),
            models.CheckConstraint(condition=Q(supply__gt=0), name="share_issue_supply"),
            models.CheckConstraint(condition=Q(state__in=_values(MoveState)), name="share_issue_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.supply} shares of {self.asset_id}"


class ShareHolding(TenantOwned):
    """Shares of an asset at an address, from its facts; its tenant is the organisation that made the asset."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=ADDRESS_LENGTH)
    organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+", null=True)
    units = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "asset", "address"], name="share_holding_one_an_address"),
            models.CheckConstraint(condition=Q(units__gt=0), name="share_holding_units"),
        ]
        indexes = [
            models.Index(fields=["address"], name="share_holding_by_address"),
            models.Index(fields=["asset"], name="share_holding_by_asset"),
            models.Index(fields=["organisation", "asset"], name="share_holding_by_organisation"),
        ]

    def __str__(self) -> str:
        return f"{self.units} of {self.asset_id} at {self.address}"


class CustodyMove(TenantOwned, TimeStamped):
    """A token or shares that the platform, asked by the organisation it keeps them for, sends to another address."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    contract = models.CharField(max_length=60)
    from_address = models.CharField(max_length=ADDRESS_LENGTH)
    to_address = models.CharField(max_length=ADDRESS_LENGTH)
    to_organisation = models.ForeignKey("tenancy.Organisation", on_delete=models.PROTECT, related_name="+", null=True)
    units = models.PositiveBigIntegerField(default=1)
    idempotency_key = models.CharField(max_length=255)
    state = models.CharField(max_length=12, default=MoveState.PENDING)
    failure = models.CharField(max_length=500, blank=True)
    tx_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    block_number = models.PositiveBigIntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "idempotency_key"], name="custody_move_once_for_key"),
            models.UniqueConstraint(
                fields=["tenant", "asset"],
                condition=Q(contract="AssetRegistry", state=MoveState.PENDING),
                name="custody_move_one_token_at_a_time",
            ),
            models.CheckConstraint(condition=Q(units__gt=0), name="custody_move_units"),
            models.CheckConstraint(condition=Q(state__in=_values(MoveState)), name="custody_move_state_known"),
        ]
        indexes = [models.Index(fields=["asset", "-id"], name="custody_move_of_asset")]

    def __str__(self) -> str:
        return f"{self.units} of {self.asset_id} to {self.to_address}"


class RoyaltyRelease(TenantOwned, TimeStamped):
    """A request to bring what the royalty pool holds for an asset to a wallet; its tenant is the holder who asked."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    to_address = models.CharField(max_length=ADDRESS_LENGTH)
    step = models.CharField(max_length=12, default=ReleaseStep.SETTLE)
    state = models.CharField(max_length=12, default=MoveState.PENDING)
    failure = models.CharField(max_length=500, blank=True)
    tx_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    block_number = models.PositiveBigIntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "asset"], condition=Q(state=MoveState.PENDING), name="royalty_release_one_at_a_time"
            ),
            models.CheckConstraint(condition=Q(state__in=_values(MoveState)), name="royalty_release_state_known"),
        ]

    def __str__(self) -> str:
        return f"royalties of {self.asset_id} to {self.to_address}"
