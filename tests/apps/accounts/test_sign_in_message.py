"""EIP-4361 and its signature, against texts of the standard and signatures of an independent library."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.accounts.errors import MessageRefused, SignatureRefused
from apps.accounts.sign_in_message import (
    CURVE_ORDER,
    SignInMessage,
    parts_of,
    require_issued_text,
    require_signature,
)
from tests.apps.accounts.signing import OutsideWallet

ADDRESS = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
ISSUED = SignInMessage(
    domain="platform.example",
    address=ADDRESS,
    statement="Link this wallet.",
    uri="https://platform.example/accounts/wallet/",
    chain_id=1,
    nonce="32891756abcdefgh",
    issued_at=datetime(2026, 9, 30, 16, 25, 24, tzinfo=UTC),
    expires_at=datetime(2026, 9, 30, 16, 35, 24, tzinfo=UTC),
    request_id="019",
)


def test_the_text_has_the_form_of_the_standard_to_the_letter():
    assert ISSUED.text() == (
        "platform.example wants you to sign in with your Ethereum account:\n"
        "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\n"
        "\n"
        "Link this wallet.\n"
        "\n"
        "URI: https://platform.example/accounts/wallet/\n"
        "Version: 1\n"
        "Chain ID: 1\n"
        "Nonce: 32891756abcdefgh\n"
        "Issued At: 2026-09-30T16:25:24Z\n"
        "Expiration Time: 2026-09-30T16:35:24Z\n"
        "Request ID: 019"
    )


def test_the_standards_own_examples_are_read():
    without_statement = (
        "example.com wants you to sign in with your Ethereum account:\n"
        f"{ADDRESS}\n\n\nURI: https://example.com/login\nVersion: 1\nChain ID: 1\nNonce: 32891756\n"
        "Issued At: 2021-09-30T16:25:24Z\nResources:\n- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/"
    )
    assert parts_of(without_statement)["nonce"] == "32891756"
    assert parts_of(ISSUED.text())["expires_at"] == "2026-09-30T16:35:24Z"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("platform.example wants", "phishing.example wants", "message_other_domain"),
        ("URI: https://platform.example/", "URI: https://phishing.example/", "message_other_domain"),
        ("Chain ID: 1", "Chain ID: 137", "message_other_chain"),
        (ADDRESS, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "message_other_address"),
        ("Request ID: 019", "Request ID: 020", "message_other_account"),
        ("2026-09-30T16:35:24Z", "2036-09-30T16:35:24Z", "message_changed"),
        ("Link this wallet.", "Give everything away.", "message_changed"),
        ("Version: 1", "Version: one", "message_malformed"),
        ("wants you to sign in", "wants you to sign up", "message_malformed"),
    ],
)
def test_each_change_of_the_text_is_named(old, new, code):
    with pytest.raises(MessageRefused) as caught:
        require_issued_text(ISSUED.text().replace(old, new), ISSUED.text())
    assert caught.value.code == code


@settings(max_examples=50, deadline=None)
@given(text=st.text(min_size=1, max_size=200))
def test_every_signature_of_the_independent_library_is_accepted_and_of_no_other_key(text):
    wallet, other = OutsideWallet(), OutsideWallet()
    signature = wallet.sign(text)
    require_signature(signature, text=text, address=wallet.address)
    require_signature(signature[:-2] + f"{int(signature[-2:], 16) - 27:02x}", text=text, address=wallet.address)
    for forged, address in ((signature, other.address), (other.sign(text), wallet.address)):
        with pytest.raises(SignatureRefused) as caught:
            require_signature(forged, text=text, address=address)
        assert caught.value.code == "signature_of_another"


def test_the_mirrored_signature_is_refused():
    """(r, n - s) recovers the same key: accepting it would make two signatures out of one."""
    wallet = OutsideWallet()
    signed = wallet.account.sign_message(encode_defunct(text="text"))
    mirrored = f"0x{signed.r:064x}{CURVE_ORDER - signed.s:064x}{55 - signed.v:02x}"
    assert Account.recover_message(encode_defunct(text="text"), signature=mirrored) == wallet.address
    with pytest.raises(SignatureRefused) as caught:
        require_signature(mirrored, text="text", address=wallet.address)
    assert caught.value.code == "signature_high_s"


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "0x",
        "not hex",
        "0x" + "11" * 64,
        "0x" + "11" * 66,
        "0x" + "11" * 64 + "1d",
        "0x" + "00" * 32 + "11" * 32 + "1b",
        "0x" + "11" * 32 + "00" * 32 + "1b",
        "0x" + f"{CURVE_ORDER:064x}" + "11" * 32 + "1b",
        # r is no point of the curve
        "0x" + f"{5:064x}" + "11" * 32 + "1b",
    ],
)
def test_what_no_wallet_makes_is_refused_as_malformed(signature):
    with pytest.raises(SignatureRefused) as caught:
        require_signature(signature, text="text", address=ADDRESS)
    assert caught.value.code == "signature_malformed"


def test_random_bytes_prove_nothing():
    for _ in range(200):
        with pytest.raises(SignatureRefused):
            require_signature("0x" + secrets.token_hex(64) + "1b", text="text", address=ADDRESS)
