"""Errors of accounts and wallets."""

from __future__ import annotations

from datetime import datetime

from apps.core.errors import Conflict, InvalidInput, NotFound, NotPermitted


class InvalidWalletAddress(InvalidInput):
    """Not an EVM address, its checksum (EIP-55) does not fit, or nobody could withdraw from it."""

    def __init__(self, address: str, message: str) -> None:
        super().__init__(
            "wallet_address_invalid", message, address=address, errors=[{"field": "address", "message": message}]
        )


class WalletOfAnother(Conflict):
    """Another organisation has proved that the address is its own. Which one is not told."""

    def __init__(self, address: str) -> None:
        message = "This wallet is linked to another account. Unlink it there first, or use another wallet."
        super().__init__(
            "wallet_of_another", message, address=address, errors=[{"field": "address", "message": message}]
        )


class WalletChangePending(Conflict):
    """A change of the address is waiting; only one can."""

    def __init__(self, address: str, until: datetime) -> None:
        super().__init__(
            "wallet_change_pending",
            f"A change to {address} takes effect on {until:%d %B %Y at %H:%M} UTC. Cancel it, or wait for it.",
            address=address,
            effective_at=until.isoformat(),
        )


class NoWalletChange(NotFound):
    """There is no change to cancel."""

    def __init__(self) -> None:
        super().__init__("wallet_change_not_found", "No change of the wallet is waiting.")


class GuestHasNoWallet(NotPermitted):
    """A guest's organisation ends when the guest signs in, and its wallet would be lost with it."""

    def __init__(self) -> None:
        super().__init__("sign_up_for_wallet", "Sign up first; what you earned as a guest stays yours.")


class MessageRefused(InvalidInput):
    """The signed text is not the one that was issued; `code` says in what."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message, errors=[{"field": "message", "message": message}])


class SignatureRefused(InvalidInput):
    """The signature is no proof; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message, errors=[{"field": "signature", "message": message}])


class ChallengeUsed(Conflict):
    """The nonce has linked a wallet already."""

    def __init__(self) -> None:
        super().__init__("challenge_used", "This text has been used already. Ask for a new one and sign that.")
