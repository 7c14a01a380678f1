"""The Merkle tree of an epoch, which follows from the withdrawals: nothing of it needs to be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from apps.core.tenant import all_tenants
from apps.onchain.services import encode_words, merkle_tree
from apps.payouts.errors import NotClaimable
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.selectors import current_epoch, withdrawal
from apps.payouts.types import ClaimProof, EpochState, WithdrawalState
from apps.tenancy.types import Actor


@dataclass(frozen=True, slots=True)
class PayeeLeaf:
    """A payee's cumulative amount (raw token units) and the proof of it."""

    cumulative_amount: int
    proof: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EpochTree:
    """Root, total and one leaf a payee address."""

    root: str
    cumulative_total: int
    leaves: Mapping[str, PayeeLeaf]


def cumulative_amounts(*, chain_id: int, distributor: str, up_to: int) -> dict[str, int]:
    """What each address has been promised by this distributor's epochs up to a number, in raw token units."""
    with all_tenants(reason="an epoch pays every organisation"):
        rows = (
            Withdrawal.objects.filter(
                epoch__chain_id=chain_id, epoch__distributor=distributor, epoch__number__lte=up_to
            )
            .exclude(epoch__state=EpochState.FAILED)
            .values("address")
            .annotate(total=Sum("token_raw"))
            .order_by("address")
        )
        return {row["address"]: int(row["total"]) for row in rows}


def claimed_amounts(*, chain_id: int, distributor: str) -> dict[str, int]:
    """What each address has claimed from this distributor as the books have it, in raw token units."""
    return _sums(chain_id, distributor, (WithdrawalState.CLAIMED,))


def settled_amounts(*, chain_id: int, distributor: str) -> dict[str, int]:
    """What each address of this distributor's rounds has claimed, or was taken back from it, 0 where neither."""
    settled = _sums(chain_id, distributor, (WithdrawalState.CLAIMED, WithdrawalState.RECOVERED))
    return dict.fromkeys(_sums(chain_id, distributor, (WithdrawalState.CLAIMABLE,)), 0) | settled


def _sums(chain_id: int, distributor: str, states: Sequence[WithdrawalState]) -> dict[str, int]:
    with all_tenants(reason="an epoch pays every organisation"):
        rows = (
            Withdrawal.objects.filter(epoch__chain_id=chain_id, epoch__distributor=distributor, state__in=states)
            .values("address")
            .annotate(total=Sum("token_raw"))
            .order_by("address")
        )
        return {row["address"]: int(row["total"]) for row in rows}


def build(*, chain_id: int, distributor: str, amounts: Mapping[str, int]) -> EpochTree:
    """The tree over cumulative amounts. A leaf is (chain id, distributor, payee, cumulative amount)."""
    addresses = sorted(amounts)
    tree = merkle_tree([encode_words(chain_id, distributor, address, amounts[address]) for address in addresses])
    leaves = {
        address: PayeeLeaf(amounts[address], tuple(proof))
        for address, proof in zip(addresses, tree.proofs, strict=True)
    }
    return EpochTree(tree.root, sum(amounts.values()), leaves)


def epoch_tree(epoch: Epoch) -> EpochTree:
    """The tree of a stored epoch, rebuilt from its withdrawals."""
    amounts = cumulative_amounts(chain_id=epoch.chain_id, distributor=epoch.distributor, up_to=epoch.number)
    return build(chain_id=epoch.chain_id, distributor=epoch.distributor, amounts=amounts)


def claim_proof(actor: Actor, withdrawal_id: UUID) -> ClaimProof:
    """The proof with which anyone can have a withdrawal paid; it fits the distributor's current root.

    Raises:
        WithdrawalNotFound, NotClaimable: the withdrawal's epoch is not published yet.
    """
    info = withdrawal(actor, withdrawal_id)
    published = Epoch.objects.filter(state=EpochState.PUBLISHED)
    own = published.filter(id=info.epoch_id).first() if info.epoch_id is not None else None
    if own is None:
        raise NotClaimable("There is a proof when the payout round is published.", state=info.state)
    latest = current_epoch(own.chain_id, own.distributor)
    leaf = epoch_tree(latest).leaves[info.address]
    return ClaimProof(
        chain_id=latest.chain_id,
        distributor=latest.distributor,
        epoch=latest.number,
        root=latest.root,
        payee=info.address,
        cumulative_amount=leaf.cumulative_amount,
        proof=leaf.proof,
    )
