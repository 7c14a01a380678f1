"""Going on from a root that the platform did not know to be in force. People decide: money follows from it.

Either it is the root of a round that was taken for failed and reached the chain after all: the round is published then.
Or it is somebody else's: the platform takes note of it, and publishes its own promises over it at once.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Sum

from apps.core.ids import uuid7
from apps.core.tenant import all_tenants
from apps.onchain import selectors as chain
from apps.payouts.errors import EpochUnderWay, NothingToAdopt
from apps.payouts.locks import lock_epochs
from apps.payouts.models import Epoch, Withdrawal
from apps.payouts.policies import require_person_of_staff
from apps.payouts.services.claiming import CONTRACT
from apps.payouts.services.publishing import REASON, make_epoch, put_into_force, root_of_another
from apps.payouts.types import UNDER_WAY, EpochState, WithdrawalState
from apps.tenancy.services import record_audit
from apps.tenancy.types import PLATFORM_ID, Actor, Role


@transaction.atomic
def adopt_root(*, actor: Actor) -> None:
    """Go on from the root in force.

    Raises:
        NotFound, NothingToAdopt, EpochUnderWay, ChainNotReady
    """
    user_id = require_person_of_staff(actor)
    lock_epochs()
    distributor, chain_id = chain.contract_address(CONTRACT), chain.chain_id()
    mine = Epoch.objects.filter(chain_id=chain_id, distributor=distributor)
    under_way = mine.filter(state__in=UNDER_WAY).first()
    if under_way is not None:
        raise EpochUnderWay(under_way.number)
    root = root_of_another(chain_id, distributor)
    if root is None:
        raise NothingToAdopt
    args, tx_hash, block_number = chain.confirmed_logs(distributor, "RootPublished", chain_id=chain_id, root=root)[-1]
    failed = mine.select_for_update().filter(state=EpochState.FAILED, root=root).order_by("-id").first()
    if failed is not None and _is_whole(failed):
        with all_tenants(reason=REASON):
            Withdrawal.objects.filter(failed_epoch=failed).update(state=WithdrawalState.PUBLISHING, epoch=failed)
        put_into_force(failed, tx_hash, block_number)
    else:
        _note(chain_id, distributor, args, tx_hash, block_number)
        make_epoch(actor, even_if_empty=True)
    record_audit(
        Actor(user_id, PLATFORM_ID, Role.OWNER),
        action="epoch.root_adopted",
        target_type="root",
        target_id=root,
        detail={"tx_hash": tx_hash, "round_revived": failed is not None},
    )


def _is_whole(failed: Epoch) -> bool:
    """Whether all that the failed round paid still waits: else its root promises money that was given back."""
    with all_tenants(reason=REASON):
        waiting = Withdrawal.objects.select_for_update().filter(failed_epoch=failed, state=WithdrawalState.WAITING)
        ids = [row.id for row in waiting.order_by("id")]
        return (Withdrawal.objects.filter(id__in=ids).aggregate(total=Sum("token_raw"))["total"] or 0) == failed.added


def _note(chain_id: int, distributor: str, args: dict[str, str], tx_hash: str, block_number: int) -> None:
    last = (
        Epoch.objects.filter(chain_id=chain_id, distributor=distributor, state=EpochState.PUBLISHED)
        .order_by("-number")
        .first()
    )
    added = int(args["amount"])
    Epoch.objects.create(
        id=uuid7(),
        chain_id=chain_id,
        distributor=distributor,
        number=last.number + 1 if last is not None else 1,
        previous_root=args["previousRoot"],
        root=args["root"],
        payees=0,
        added=added,
        cumulative_total=(last.cumulative_total if last is not None else 0) + added,
        state=EpochState.PUBLISHED,
        tx_hash=tx_hash,
        block_number=block_number,
        reason="Found on the chain, not published by the platform; adopted by the staff.",
    )
