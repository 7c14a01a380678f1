"""Use case: show an owner the personal data behind an item's placeholders."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.core.errors import NotFound
from apps.core.sealing import Unsealable, unseal
from apps.labeling.errors import ImportNotFound
from apps.labeling.import_models import ImportedItem
from apps.labeling.import_types import ImportState
from apps.labeling.imports.masking import unmask
from apps.labeling.policies import require
from apps.labeling.services.import_store import ORIGINALS_PURPOSE
from apps.labeling.types import LabelingPermission
from apps.tenancy.services import record_audit
from apps.tenancy.types import Actor


@transaction.atomic
def unmask_item(*, actor: Actor, item_id: UUID) -> dict[str, Any]:
    """The data of an imported item as it came in. Each look is in the audit trail.

    Raises:
        ImportNotFound: there is no such item of the actor's organisation.
        NotPermitted: the actor is not an owner of it.
        NotFound: `originals_lost`: what was sealed cannot be opened any more.
    """
    item = ImportedItem.objects.select_related("batch").filter(id=item_id).first()
    if item is None or item.tenant_id != actor.organisation_id or item.batch.state != ImportState.READY:
        raise ImportNotFound
    require(actor, LabelingPermission.ITEM_UNMASK, item)
    data: dict[str, Any] = item.data
    if item.originals:
        try:
            originals = json.loads(unseal(item.tenant_id, ORIGINALS_PURPOSE, item.originals))
        except Unsealable:
            message = "The personal data of this item cannot be opened any more: the platform's key was changed."
            raise NotFound("originals_lost", message) from None
        data = unmask(data, originals)
    record_audit(
        actor,
        action="item.unmasked",
        target_type="imported_item",
        target_id=item.id,
        detail={"import": str(item.batch.id), "row": item.row},
    )
    return data
