"""What can go wrong in the marketplace."""

from __future__ import annotations

from uuid import UUID

from apps.core.errors import Conflict, FieldProblem, InvalidInput, NotFound, NotPermitted, PaymentRequired
from apps.core.money import Money

TOP_UP_URL = "/billing/"


class ListingNotFound(NotFound):
    """No such listing, or it was withdrawn."""

    def __init__(self, listing_id: UUID) -> None:
        super().__init__("listing_not_found", "There is no such listing.", listing_id=str(listing_id))


class ListingWithdrawn(Conflict):
    """The seller has taken the offer back."""

    def __init__(self, listing_id: UUID) -> None:
        message = "The seller has taken this offer back. Nothing was bought."
        super().__init__("listing_withdrawn", message, listing_id=str(listing_id))


class InvalidListing(InvalidInput):
    """The offer is not acceptable; `errors` names the fields."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__("invalid_listing", "The asset cannot be listed like this.", errors=errors)


class OwnListing(Conflict):
    """A seller cannot buy the own offer."""

    def __init__(self) -> None:
        super().__init__("own_listing", "This is your organisation's own asset; it needs no licence to use it.")


class AlreadyLicensed(Conflict):
    """The organisation holds this right already."""

    def __init__(self, licence_id: UUID) -> None:
        message = "Your organisation holds this licence already. Nothing was bought."
        super().__init__("already_licensed", message, licence_id=str(licence_id), licences_url="/marketplace/licences/")


class PriceChanged(Conflict):
    """The price is not the one that the buyer agreed to."""

    def __init__(self, agreed: Money, price: Money) -> None:
        super().__init__(
            "price_changed",
            f"The price is now {price}, not {agreed}. Nothing was bought.",
            agreed=agreed.as_json(),
            price=price.as_json(),
        )


class PurchaseKeyReused(Conflict):
    """The idempotency key was used for another purchase."""

    def __init__(self) -> None:
        super().__init__("purchase_key_reused", "This key was used for another purchase.")


class GuestCannotBuy(NotPermitted):
    """Buying needs an account."""

    def __init__(self) -> None:
        super().__init__("guest", "Sign up first: a licence belongs to an account.")


class FundsMissing(PaymentRequired):
    """The prepaid balance does not cover the price."""

    def __init__(self, price: Money, available: Money) -> None:
        missing = price - available
        super().__init__(
            "insufficient_funds",
            f"{price} is needed and {available} is available: top up {missing} first. Nothing was bought.",
            needed=price.as_json(),
            available=available.as_json(),
            missing=missing.as_json(),
            top_up_url=f"{TOP_UP_URL}?amount_minor={missing.minor}",
        )


class RecordNotRetryable(Conflict):
    """Only a record that failed can be asked for again."""

    def __init__(self, state: str) -> None:
        super().__init__("record_not_failed", f"The record is {state}; there is nothing to retry.", state=state)


class LicenceNotRevocable(Conflict):
    """The licence's terms do not let the seller end it."""

    def __init__(self, licence_id: UUID) -> None:
        message = "The terms of this licence do not let the seller end it before its time."
        super().__init__("licence_not_revocable", message, licence_id=str(licence_id))


class TermsNotFound(NotFound):
    """No terms have this hash."""

    def __init__(self, terms_hash: str) -> None:
        super().__init__("terms_not_found", "There are no licence terms with this hash.", terms_hash=terms_hash[:66])


class InvalidShareOffer(InvalidInput):
    """The offer of shares is not acceptable; `errors` names the fields."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__("invalid_share_offer", "The shares cannot be offered like this.", errors=errors)


class ShareOfferNotFound(NotFound):
    """No such offer of shares."""

    def __init__(self, offer_id: UUID) -> None:
        super().__init__("share_offer_not_found", "There is no such offer of shares.", offer_id=str(offer_id))


class SharesGone(Conflict):
    """The offer has fewer shares than asked for."""

    def __init__(self, left: int) -> None:
        message = f"{left:,} shares are left of this offer. Nothing was bought." if left else "The shares are sold."
        super().__init__("shares_gone", message, units_left=str(left))
