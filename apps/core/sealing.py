"""Keeping a small secret of an organisation in the database: encrypted by a key of its own for each purpose."""

from __future__ import annotations

import base64
from functools import lru_cache
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unsealable(ValueError):
    """What was sealed is not for this organisation and purpose, was altered, or its key is gone."""


@lru_cache(maxsize=1024)
def _box(keys: tuple[str, ...], tenant_id: UUID, purpose: str) -> MultiFernet:
    """Fernet (AES-128-CBC with HMAC-SHA256) by keys that HKDF derives; the first seals, all open."""
    derived = [
        HKDF(SHA256(), 32, salt=tenant_id.bytes, info=f"sahara:{purpose}".encode()).derive(key.encode()) for key in keys
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])


def _box_of(tenant_id: UUID, purpose: str) -> MultiFernet:
    return _box((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS), tenant_id, purpose)


def seal(tenant_id: UUID, purpose: str, content: bytes) -> str:
    """Encrypt something that only this organisation, for this purpose, gets back."""
    return _box_of(tenant_id, purpose).encrypt(content).decode()


def unseal(tenant_id: UUID, purpose: str, token: str) -> bytes:
    """What was sealed. Raises Unsealable."""
    try:
        return _box_of(tenant_id, purpose).decrypt(token.encode())
    except InvalidToken:
        raise Unsealable("this cannot be opened") from None
