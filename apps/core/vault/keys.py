"""The keys of organisations and of objects, wrapped in their rows; nothing unwrapped is kept.

Wrapping is Tink's own encryption of keysets. All functions need the organisation's scope and a transaction.
"""

from __future__ import annotations

from uuid import UUID

import tink
from tink import TinkError, aead, streaming_aead

from apps.core.models import ObjectKey, OrganisationKey
from apps.core.types import ObjectState
from apps.core.vault.errors import Altered, Shredded, VaultLocked
from apps.core.vault.master import master


def new_object_key(tenant_id: UUID, name: str, state: ObjectState) -> streaming_aead.StreamingAead | None:
    """A fresh key for the object of this name; None where the name has one already."""
    handle = tink.new_keyset_handle(streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB)
    wrapped = tink.proto_keyset_format.serialize_encrypted(
        handle, _organisation_key(tenant_id), bound_to(tenant_id, name)
    )
    row = ObjectKey(tenant_id=tenant_id, name=name, wrapped=wrapped, state=state)
    ObjectKey.objects.bulk_create([row], ignore_conflicts=True)
    if not ObjectKey.objects.filter(id=row.id).exists():
        return None
    primitive: streaming_aead.StreamingAead = handle.primitive(streaming_aead.StreamingAead)
    return primitive


def unwrapped(row: ObjectKey) -> streaming_aead.StreamingAead:
    """An object's key.

    Raises:
        Shredded: it, or the organisation's, was destroyed.
        Altered: it is not what was put there.
        VaultLocked: the master key does not open the organisation's.
    """
    holder = OrganisationKey.objects.filter(tenant_id=row.tenant_id).first()
    if row.state == ObjectState.SHREDDED or holder is None:
        raise Shredded("the key of this object was destroyed")
    wrapping = _organisation_aead(bytes(holder.wrapped), row.tenant_id)
    try:
        handle = tink.proto_keyset_format.parse_encrypted(
            bytes(row.wrapped), wrapping, bound_to(row.tenant_id, row.name)
        )
    except TinkError as error:
        if row.created_at < holder.created_at:
            raise Shredded("the organisation's key that wrapped this one was destroyed") from error
        raise Altered from error
    primitive: streaming_aead.StreamingAead = handle.primitive(streaming_aead.StreamingAead)
    return primitive


def rewrap(row: OrganisationKey) -> None:
    """Wrap an organisation's key by the newest master key. Raises VaultLocked."""
    handle = _organisation_keyset(bytes(row.wrapped), row.tenant_id)
    row.wrapped = tink.proto_keyset_format.serialize_encrypted(handle, master(), row.tenant_id.bytes)
    row.save(update_fields=["wrapped"])


def opens(row: OrganisationKey) -> None:
    """Whether the master key opens an organisation's. Raises VaultLocked where it does not."""
    _organisation_aead(bytes(row.wrapped), row.tenant_id)


def bound_to(tenant_id: UUID, name: str) -> bytes:
    """Keys and bytes hold this: put in another's place they do not open."""
    return b"sahara-sealed-1" + tenant_id.bytes + name.encode()


def _organisation_key(tenant_id: UUID) -> aead.Aead:
    row = OrganisationKey.objects.filter(tenant_id=tenant_id).first()
    if row is None:
        handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
        wrapped = tink.proto_keyset_format.serialize_encrypted(handle, master(), tenant_id.bytes)
        # Whoever comes second takes the key of who came first.
        OrganisationKey.objects.bulk_create(
            [OrganisationKey(tenant_id=tenant_id, wrapped=wrapped)], ignore_conflicts=True
        )
        row = OrganisationKey.objects.get(tenant_id=tenant_id)
    return _organisation_aead(bytes(row.wrapped), tenant_id)


def _organisation_aead(wrapped: bytes, tenant_id: UUID) -> aead.Aead:
    primitive: aead.Aead = _organisation_keyset(wrapped, tenant_id).primitive(aead.Aead)
    return primitive


def _organisation_keyset(wrapped: bytes, tenant_id: UUID) -> tink.KeysetHandle:
    try:
        return tink.proto_keyset_format.parse_encrypted(wrapped, master(), tenant_id.bytes)
    except TinkError as error:
        raise VaultLocked("no key of VAULT_KEYS opens an organisation's key") from error
