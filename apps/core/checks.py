"""The vault's part of /readyz, and what `check --deploy` says of the master key."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from apps.core.health import PartDown, check
from apps.core.models import OrganisationKey
from apps.core.tenant import all_tenants
from apps.core.vault.errors import VaultLocked
from apps.core.vault.keys import opens
from apps.core.vault.master import BadMasterKey, master, raw_key

_HINT = "`openssl rand -base64 32` makes a key. Keep a copy of it apart from the backups: without it no original opens."


@check("vault")
def vault() -> str:
    """There is a master key, and it opens the newest organisation's key."""
    try:
        master()
        with all_tenants(reason="whether the master key is the one that keys were wrapped by"):
            newest = OrganisationKey.objects.order_by("-id").first()
        if newest is not None:
            opens(newest)
    except VaultLocked:
        raise PartDown("the master key is missing or wrong") from None
    return ""


@checks.register(deploy=True)
def master_key_is_set(**_: Any) -> list[checks.CheckMessage]:
    """No default stands in for the master key where real documents lie."""
    if not settings.VAULT["keys"]:
        return [checks.Error("VAULT_KEYS is not set: no document can be stored.", hint=_HINT, id="sahara.E001")]
    found: list[checks.CheckMessage] = []
    for number, text in enumerate(settings.VAULT["keys"], start=1):
        try:
            raw_key(text)
        except BadMasterKey as error:
            found.append(checks.Error(f"Key {number} of VAULT_KEYS is bad: {error}.", hint=_HINT, id="sahara.E002"))
    return found
