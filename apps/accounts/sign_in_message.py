"""Sign-In with Ethereum: the text of EIP-4361 and the signature over it (EIP-191, version 0x45).

The `siwe` package loads web3, which no web process may; what is needed of it is this text, to the letter, and one
public-key recovery.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from apps.accounts.errors import MessageRefused, SignatureRefused

VERSION = "1"
#: Order of secp256k1. Of the two values of `s` that fit, only the lower one counts (EIP-2).
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SIGNATURE_BYTES = 65
#: Wallets write the recovery bit as 27 or 28, some hardware wallets as 0 or 1.
RECOVERY_BITS = {0: 0, 1: 1, 27: 0, 28: 1}

_FORM = re.compile(
    r"(?P<domain>\S+) wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n"
    r"\n"
    r"(?:(?P<statement>[^\n]+)\n)?"
    r"\n"
    r"URI: (?P<uri>\S+)\n"
    r"Version: (?P<version>\d+)\n"
    r"Chain ID: (?P<chain_id>\d+)\n"
    r"Nonce: (?P<nonce>[0-9a-zA-Z]{8,})\n"
    r"Issued At: (?P<issued_at>\S+)"
    r"(?:\nExpiration Time: (?P<expires_at>\S+))?"
    r"(?:\nNot Before: (?P<not_before>\S+))?"
    r"(?:\nRequest ID: (?P<request_id>\S*))?"
    r"(?:\nResources:(?P<resources>(?:\n- \S+)*))?"
)

#: What is said of each part that differs from the issued text, in the order in which it is looked at.
_DIFFERENCES = {
    "domain": ("message_other_domain", "The text was made for another site. Sign the text that this page shows."),
    "uri": ("message_other_domain", "The text was made for another site. Sign the text that this page shows."),
    "chain_id": ("message_other_chain", "The text names another chain. Sign the text that this page shows."),
    "address": ("message_other_address", "The text names another address. Ask for a new one for this wallet."),
    "request_id": ("message_other_account", "The text was made for another account. Ask for a new one."),
}


@dataclass(frozen=True, slots=True)
class SignInMessage:
    """The parts of the text. Times are UTC."""

    domain: str
    address: str
    statement: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime
    request_id: str

    def text(self) -> str:
        """The text, to the letter."""
        return (
            f"{self.domain} wants you to sign in with your Ethereum account:\n"
            f"{self.address}\n\n{self.statement}\n\n"
            f"URI: {self.uri}\nVersion: {VERSION}\nChain ID: {self.chain_id}\nNonce: {self.nonce}\n"
            f"Issued At: {_time(self.issued_at)}\nExpiration Time: {_time(self.expires_at)}\n"
            f"Request ID: {self.request_id}"
        )


def parts_of(text: str) -> dict[str, str]:
    """The parts of a text in EIP-4361's form.

    Raises:
        MessageRefused: it has another form.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise MessageRefused("message_malformed", "This is not the text that was issued. Sign it as it is.")
    return {name: value or "" for name, value in found.groupdict().items()}


def require_issued_text(signed: str, issued: str) -> None:
    """Compare the signed text with the issued one.

    Raises:
        MessageRefused: they differ; the code names the first part that does.
    """
    if signed == issued:
        return
    theirs, ours = parts_of(signed), parts_of(issued)
    for part, (code, message) in _DIFFERENCES.items():
        if theirs[part] != ours[part]:
            raise MessageRefused(code, message)
    raise MessageRefused("message_changed", "The text was changed. Sign it exactly as this page shows it.")


def require_signature(signature: str, *, text: str, address: str) -> None:
    """Check that the holder of an address's key has signed a text.

    Args:
        signature: r, s and v as 0x and 130 hex digits.
        address: with its checksum.

    Raises:
        SignatureRefused: malformed, malleable (high s), or made by another key.
    """
    r, s, recovery = _numbers_of(signature)
    encoded = text.encode()
    digest = keccak(b"\x19Ethereum Signed Message:\n" + str(len(encoded)).encode() + encoded)
    try:
        key = Signature(vrs=(recovery, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError) as error:
        raise SignatureRefused("signature_malformed", "This is not a signature that a wallet makes.") from error
    if key.to_checksum_address() != address:
        raise SignatureRefused(
            "signature_of_another", f"The signature was made by another wallet than {address}, or over another text."
        )


def _numbers_of(signature: str) -> tuple[int, int, int]:
    try:
        raw = bytes.fromhex(signature.strip().removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != SIGNATURE_BYTES:
        raise SignatureRefused(
            "signature_malformed", "A wallet's signature is 0x and 130 hex digits. Contract wallets cannot be linked."
        )
    r, s, v = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), raw[64]
    if v not in RECOVERY_BITS or not 0 < r < CURVE_ORDER or not 0 < s < CURVE_ORDER:
        raise SignatureRefused("signature_malformed", "This is not a signature that a wallet makes.")
    if s > CURVE_ORDER // 2:
        raise SignatureRefused(
            "signature_high_s", "This is the mirrored form of a signature, which is not accepted. Sign again."
        )
    return r, s, RECOVERY_BITS[v]


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
