"""A wallet outside the platform: keys and signatures by eth_account, which the platform itself does not import."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct


@dataclass
class OutsideWallet:
    """One key."""

    account: Any = field(default_factory=lambda: Account.from_key("0x" + secrets.token_hex(32)))

    @property
    def address(self) -> str:
        """With its checksum."""
        return str(self.account.address)

    def sign(self, text: str) -> str:
        """`personal_sign`, as 0x-hex."""
        return "0x" + bytes(self.account.sign_message(encode_defunct(text=text)).signature).hex()
