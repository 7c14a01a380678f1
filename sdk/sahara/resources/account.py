"""The caller: organisations, API keys, wallet."""

from __future__ import annotations

from typing import Any

from sahara.models import ApiKey, Me, Organisation, WalletChallenge
from sahara.resources.base import Resource


class AccountResource(Resource):
    """Who the client acts as, and for whom."""

    def me(self) -> Me:
        """The caller and the organisation that it acts for."""
        return Me.model_validate(self.transport.get("me/"))

    def organisations(self) -> list[Organisation]:
        """The caller's organisations."""
        return [Organisation.model_validate(row) for row in self.transport.get("organisations/")]

    def create_organisation(self, name: str) -> Organisation:
        """Found a team; the caller is its owner."""
        return Organisation.model_validate(self.transport.post("organisations/", {"name": name}))

    def create_api_key(self, name: str, **limits: Any) -> ApiKey:
        """Make a key for the organisation that the client acts for; `secret` can be read this once.

        Args:
            limits: `scopes` (of "chat", "manage"), `agent_ids`, `requests_per_minute`, `requests_per_day`,
                `tokens_per_month`, `expires_at`. What is left out does not limit.
        """
        return ApiKey.model_validate(self.transport.post("api-keys/", {"name": name} | limits))

    def api_keys(self) -> list[dict[str, Any]]:
        """The caller's keys with their limits, without secrets."""
        rows: list[dict[str, Any]] = self.transport.get("api-keys/")
        return rows

    def change_api_key(self, key_id: str, **limits: Any) -> dict[str, Any]:
        """Change a key's name or limits; None takes a limit away."""
        changed: dict[str, Any] = self.transport.request("PATCH", f"api-keys/{key_id}/", json=limits).json()
        return changed

    def api_key_usage(self, key_id: str) -> dict[str, Any]:
        """Calls and tokens of a key: today, this month, and calls by day."""
        usage: dict[str, Any] = self.transport.get(f"api-keys/{key_id}/usage/")
        return usage

    def revoke_api_key(self, key_id: str) -> None:
        """End a key at once."""
        self.transport.request("DELETE", f"api-keys/{key_id}/")

    def wallet(self) -> str | None:
        """The address that is paid out to."""
        address: str | None = self.transport.get("wallet/")["address"]
        return address

    def set_wallet(self, address: str) -> str:
        """Choose the address that is paid out to (EIP-55 checksum), without a proof that it is yours.

        The first counts at once, a change after a wait; returned is the address in force.
        """
        response = self.transport.request("PUT", "wallet/", json={"address": address})
        return str(response.json()["address"])

    def wallet_challenge(self, address: str) -> WalletChallenge:
        """The text to sign with the wallet's key (`personal_sign`) to link it."""
        return WalletChallenge.model_validate(self.transport.post("wallet/challenge/", {"address": address}))

    def link_wallet(self, message: str, signature: str) -> str:
        """Link the wallet that has signed a challenge's message; returned is the address in force."""
        answer = self.transport.post("wallet/verify/", {"message": message, "signature": signature})
        return str(answer["address"])
