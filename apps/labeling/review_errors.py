"""What can go wrong with reviews of answers and adjudication."""

from __future__ import annotations

from apps.core.errors import Conflict, InvalidInput, NotFound, NotPermitted
from apps.labeling.review_types import MAX_REASON, MIN_REASON


class ItemNotFound(NotFound):
    """No such item or answer in the order."""

    def __init__(self) -> None:
        super().__init__("item_not_found", "There is no such item in this order.")


class NotReviewable(Conflict):
    """The state of the item, answer or order does not allow it."""

    def __init__(self, why: str) -> None:
        super().__init__("not_reviewable", why)


class OwnItem(NotPermitted):
    """Nobody reviews an item that they worked on."""

    def __init__(self) -> None:
        super().__init__("own_item", "You had this item to answer, so others review it.")


class ReviewsUsedUp(Conflict):
    """The money for reviews of this order is used up."""

    def __init__(self) -> None:
        super().__init__("reviews_used_up", "The requester pays for no more reviews of this order at the moment.")


class UnusableReason(InvalidInput):
    """A decision says why."""

    def __init__(self) -> None:
        message = f"Say in {MIN_REASON} to {MAX_REASON} characters why; the annotator reads it."
        super().__init__("unusable_reason", message, errors=[{"field": "reason", "message": message}])


class UnusableSettings(InvalidInput):
    """What was set about reviews cannot be."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("unusable_review_settings", message, errors=[{"field": field, "message": message}])
