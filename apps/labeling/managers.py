"""How rows are found that belong to a requester's order and to the annotator who made them."""

from __future__ import annotations

from typing import Any

from django.db import models

from apps.core.tenant import TenantScopeMissing, current_tenant_id

#: Row-level security shows these rows to the requester and to the annotator who made them.
BOTH_SIDES = ("tenant_id", "annotator_id")


class AnnotatorManager(models.Manager[Any]):
    """Rows that the running organisation made as annotator, in whichever requester's order."""

    def get_queryset(self) -> models.QuerySet[Any]:
        annotator_id = current_tenant_id()
        if annotator_id is None:
            raise TenantScopeMissing(f"{self.model.__name__} was queried outside an annotator's scope")
        return super().get_queryset().filter(annotator_id=annotator_id)
