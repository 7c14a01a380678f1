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
