"""`manage.py rotate_vault_keys`: wrap every organisation's key by the newest master key."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from apps.core.models import OrganisationKey
from apps.core.tenant import all_tenants
from apps.core.vault.errors import VaultLocked
from apps.core.vault.keys import rewrap


class Command(BaseCommand):
    """Afterwards the older keys can be taken out of `VAULT_KEYS`. Running it again is harmless."""

    help = "Wrap every organisation's key by the newest key of VAULT_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        locked = 0
        with all_tenants(reason="a new master key wraps every organisation's key"):
            keys = list(OrganisationKey.objects.values_list("id", flat=True))
            for key_id in keys:
                with transaction.atomic():
                    row = OrganisationKey.objects.select_for_update().filter(id=key_id).first()
                    try:
                        if row is not None:
                            rewrap(row)
                    except VaultLocked:
                        locked += 1
        self.stdout.write(json.dumps({"rewrapped": len(keys) - locked, "locked": locked}))
        if locked:
            raise CommandError(f"{locked} organisations' keys open by no key of VAULT_KEYS. Take none out; add theirs.")
