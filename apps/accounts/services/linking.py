"""Linking a wallet by Sign-In with Ethereum: the server writes the text, the wallet signs it, both are checked."""

from __future__ import annotations

import secrets
import string
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from apps.accounts.addresses import wallet_address_of
from apps.accounts.errors import ChallengeUsed, MessageRefused
from apps.accounts.locks import lock_wallet_of
from apps.accounts.models import WalletChallenge
from apps.accounts.services.wallets import move_wallet, require_owner
from apps.accounts.sign_in_message import SignInMessage, parts_of, require_issued_text, require_signature
from apps.accounts.types import ChallengeInfo
from apps.core import clock
from apps.core.tenant import tenant_scope
from apps.tenancy.types import Actor

VALID_FOR = timedelta(minutes=10)
NONCE_LENGTH = 24
PATH = "/accounts/wallet/"
STATEMENT = "Link this wallet: withdrawals are paid to it from now on. Signing costs nothing and moves no money."


@transaction.atomic
def issue_challenge(*, actor: Actor, address: str) -> ChallengeInfo:
    """Write the text whose signature links an address; good once, for ten minutes.

    Raises:
        NotPermitted, InvalidWalletAddress
    """
    require_owner(actor)
    checksummed = wallet_address_of(address)
    now = clock.now()
    message = SignInMessage(
        domain=urlsplit(settings.PUBLIC_URL).netloc,
        address=checksummed,
        statement=STATEMENT,
        uri=f"{settings.PUBLIC_URL}{PATH}",
        chain_id=settings.CHAIN["chain_id"],
        nonce="".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(NONCE_LENGTH)),
        issued_at=now,
        expires_at=now + VALID_FOR,
        request_id=str(actor.organisation_id),
    )
    with tenant_scope(actor.organisation_id):
        WalletChallenge.objects.create(
            nonce=message.nonce,
            address=checksummed,
            message=message.text(),
            user_id=actor.user_id,
            expires_at=message.expires_at,
        )
    return ChallengeInfo(message.text(), checksummed, message.nonce, message.chain_id, message.expires_at)


@transaction.atomic
def link_wallet(*, actor: Actor, message: str, signature: str) -> str:
    """Link the address that has signed the issued text.

    Args:
        message: the text as it was signed.
        signature: 0x-hex of r, s and v.

    Returns:
        The address; in force at once when it is the first or the same, after the wait otherwise.

    Raises:
        NotPermitted, MessageRefused, ChallengeUsed, SignatureRefused, WalletOfAnother, WalletChangePending: nothing
            is changed, and the text can be signed again until it expires.
    """
    require_owner(actor)
    signed = message.replace("\r\n", "\n").strip("\n")  # browsers send the line ends of forms as CR LF
    with tenant_scope(actor.organisation_id):
        challenge = _locked_challenge(parts_of(signed)["nonce"])
        require_issued_text(signed, challenge.message)
        _require_fresh(challenge)
        require_signature(signature, text=challenge.message, address=challenge.address)
        wallet_address_of(challenge.address)  # a contract of ours may have come into being since
        challenge.used_at = clock.now()
        challenge.save(update_fields=["used_at"])
        lock_wallet_of(actor.organisation_id)
        move_wallet(actor, challenge.address, proved_at=challenge.used_at)
    return challenge.address


def _locked_challenge(nonce: str) -> WalletChallenge:
    row = WalletChallenge.objects.select_for_update().filter(nonce=nonce).first()
    if row is None:
        raise MessageRefused("challenge_unknown", "This text was not made for your account here. Ask for a new one.")
    return row


def _require_fresh(challenge: WalletChallenge) -> None:
    if challenge.used_at is not None:
        raise ChallengeUsed
    if challenge.expires_at <= clock.now():
        raise MessageRefused("challenge_expired", "The ten minutes are over. Ask for a new text and sign that.")
    now = parts_of(challenge.message)
    if now["chain_id"] != str(settings.CHAIN["chain_id"]):
        raise MessageRefused("message_other_chain", "The platform uses another chain now. Ask for a new text.")
    if now["domain"] != urlsplit(settings.PUBLIC_URL).netloc:
        raise MessageRefused("message_other_domain", "The site has another name now. Ask for a new text.")
