"""What can go wrong in the asset registry."""

from __future__ import annotations

from uuid import UUID

from apps.core.errors import Conflict, FieldProblem, InvalidInput, NotFound, NotPermitted


class AssetNotFound(NotFound):
    """No such asset, or none that the caller may know of."""

    def __init__(self, asset_id: UUID) -> None:
        super().__init__("asset_not_found", "There is no such asset.", asset_id=str(asset_id))


class VersionNotFound(NotFound):
    """No such version, or none that the caller may know of."""

    def __init__(self, version_id: UUID) -> None:
        super().__init__("asset_version_not_found", "There is no such asset version.", version_id=str(version_id))


class InvalidRelease(InvalidInput):
    """A version's parents, contributions or metadata are not acceptable; `errors` names the fields."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__("invalid_release", "The version cannot be released as described.", errors=errors)


class DevelopRightMissing(NotPermitted):
    """A parent belongs to another organisation that has not granted the right to build on it."""

    def __init__(self, asset_id: UUID, name: str) -> None:
        super().__init__(
            "develop_right_missing",
            f"Building on “{name}” needs its development right. Buy it on the asset's page, or ask its owner.",
            asset_id=str(asset_id),
            asset_url=f"/assets/{asset_id}/",
        )


class RoyaltyTooLow(InvalidInput):
    """A parent's development licence asks for a larger part of the revenue than the release offers."""

    def __init__(self, name: str, weight_bps: int, royalty_bps: int) -> None:
        message = f"The licence of “{name}” asks for {royalty_bps} basis points of the revenue, not {weight_bps}."
        super().__init__(
            "royalty_too_low",
            message,
            errors=[{"field": "parents", "message": message}],
            royalty_bps=royalty_bps,
        )


class ProvenanceCycle(Conflict):
    """A version would be its own ancestor."""

    def __init__(self, version_id: UUID) -> None:
        super().__init__("provenance_cycle", "A version cannot be its own ancestor.", version_id=str(version_id))


class RegistrationNotRetryable(Conflict):
    """Only a registration that failed can be asked for again."""

    def __init__(self, state: str) -> None:
        super().__init__(
            "registration_not_failed", f"The registration is {state}; there is nothing to retry.", state=state
        )


class GrantNotRevocable(Conflict):
    """The right was sold; it cannot be taken back."""

    def __init__(self, grant_id: UUID) -> None:
        message = "This right was sold. It ends when its licence expires and cannot be taken back before."
        super().__init__("grant_not_revocable", message, grant_id=str(grant_id))


class ContributionNotProvable(NotFound):
    """The organisation has no leaf in the version's contribution root."""

    def __init__(self, version_id: UUID) -> None:
        message = "Your organisation is not among the contributors that this version's record names."
        super().__init__("contribution_not_provable", message, version_id=str(version_id))


class NotInCustody(Conflict):
    """What is to be moved is not kept by the platform for the organisation."""

    def __init__(self, address: str = "") -> None:
        message = (
            f"This is held by the wallet {address}: move it from there."
            if address
            else "The platform does not keep this for your organisation, so it cannot send it."
        )
        super().__init__("not_in_custody", message, address=address)


class NotInWallet(Conflict):
    """The organisation has nothing in a wallet that the royalty pool would pay."""

    def __init__(self) -> None:
        message = (
            "The royalty pool pays the wallet that holds the token, or the wallets that hold its shares. "
            "Yours holds neither: link a wallet and move them there first."
        )
        super().__init__("not_in_wallet", message, wallet_url="/accounts/profile/")


class WalletMissing(Conflict):
    """There is no wallet to move it to."""

    def __init__(self) -> None:
        message = "Link a wallet to your organisation first."
        super().__init__("wallet_missing", message, wallet_url="/accounts/profile/")


class AlreadyMoving(Conflict):
    """It is on its way already."""

    def __init__(self) -> None:
        super().__init__("already_moving", "It is on its way already.")


class SharesExist(Conflict):
    """An asset's shares are created once."""

    def __init__(self) -> None:
        super().__init__("shares_exist", "The shares of this asset have been created already.")


class NotOnChainYet(Conflict):
    """The asset's registration is not confirmed."""

    def __init__(self) -> None:
        super().__init__("not_on_chain", "The asset is not recorded on chain yet. Try again when it is.")


class InvalidShares(InvalidInput):
    """A number of shares is not acceptable."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("invalid_shares", message, errors=[{"field": field, "message": message}])
