"""Errors of accounts and wallets."""

from __future__ import annotations

from apps.core.errors import InvalidInput


class InvalidWalletAddress(InvalidInput):
    """Not an EVM address, or its checksum (EIP-55) does not fit."""

    def __init__(self, address: str, message: str) -> None:
        super().__init__(
            "wallet_address_invalid", message, address=address, errors=[{"field": "address", "message": message}]
        )
