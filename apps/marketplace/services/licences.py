"""The end of licences."""

from __future__ import annotations

from django.db import transaction

from apps.core import clock
from apps.core.tenant import all_tenants
from apps.marketplace.models import Licence
from apps.marketplace.types import LicenceState


@transaction.atomic
def expire_licences() -> int:
    """Mark licences whose time is over (their rights ended by themselves). Returns how many."""
    with all_tenants(reason="licences of every organisation expire"):
        due = Licence.objects.filter(state=LicenceState.ACTIVE, expires_at__lte=clock.now())
        return due.update(state=LicenceState.EXPIRED, updated_at=clock.now())
