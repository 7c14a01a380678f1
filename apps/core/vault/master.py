"""The master key: from the environment, the one place that turns it into something that wraps keys.

`VAULT_KEYS` holds one or more keys, the newest first: the first wraps, all unwrap. In development, where none is set, a
key derived from `SECRET_KEY` stands in; there that one always unwraps too, so that setting `VAULT_KEYS` loses nothing.
Production has no such default.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

import tink
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from tink import aead, secret_key_access, streaming_aead
from tink.proto import aes_gcm_pb2, tink_pb2

from apps.core.vault.errors import VaultLocked

aead.register()
streaming_aead.register()

KEY_BYTES = 32
#: Random keys have more than this many different bytes but once in 10^15; words and patterns have fewer.
FEWEST_BYTES = 16
_TYPE = "type.googleapis.com/google.crypto.tink.AesGcmKey"


class BadMasterKey(ValueError):
    """A key of `VAULT_KEYS` is not 32 random bytes in Base64."""


def raw_key(text: str) -> bytes:
    """A key as it stands in the environment. Raises BadMasterKey."""
    cleaned = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
    try:
        key = base64.b64decode(cleaned + "=" * (-len(cleaned) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise BadMasterKey("not Base64") from error
    if len(key) != KEY_BYTES:
        raise BadMasterKey(f"{len(key)} bytes instead of {KEY_BYTES}")
    if len(set(key)) < FEWEST_BYTES:
        raise BadMasterKey("not random")
    return key


def master() -> aead.Aead:
    """What wraps organisations' keys. Raises VaultLocked."""
    stand_ins = () if settings.PRODUCTION else (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    try:
        return _master(tuple(settings.VAULT["keys"]), stand_ins)
    except BadMasterKey as error:
        raise VaultLocked(f"VAULT_KEYS: {error}") from error


@lru_cache(maxsize=8)
def _master(keys: tuple[str, ...], stand_ins: tuple[str, ...]) -> aead.Aead:
    raw = [raw_key(key) for key in keys]
    raw += [HKDF(SHA256(), KEY_BYTES, salt=None, info=b"sahara:vault").derive(text.encode()) for text in stand_ins]
    if not raw:
        raise BadMasterKey("none is set")
    known = {_key_id(key): key for key in raw}
    keyset = tink_pb2.Keyset(primary_key_id=_key_id(raw[0]), key=[_entry(key_id, key) for key_id, key in known.items()])
    handle = tink.proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    primitive: aead.Aead = handle.primitive(aead.Aead)
    return primitive


def _entry(key_id: int, key: bytes) -> tink_pb2.Keyset.Key:
    return tink_pb2.Keyset.Key(
        key_id=key_id,
        status=tink_pb2.ENABLED,
        output_prefix_type=tink_pb2.TINK,
        key_data=tink_pb2.KeyData(
            type_url=_TYPE,
            value=aes_gcm_pb2.AesGcmKey(version=0, key_value=key).SerializeToString(),
            key_material_type=tink_pb2.KeyData.SYMMETRIC,
        ),
    )


def _key_id(key: bytes) -> int:
    """A number that tells random keys apart, and next to nothing of them."""
    return int.from_bytes(hashlib.sha256(b"sahara:vault-key-id" + key).digest()[:4], "big") or 1
