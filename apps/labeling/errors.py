"""What can go wrong with orders and tasks."""

from __future__ import annotations

from uuid import UUID

from apps.core.errors import Conflict, InvalidInput, NotFound, NotPermitted, PaymentRequired
from apps.core.money import Money


class OrderNotFound(NotFound):
    """No such order, or somebody else's."""

    def __init__(self) -> None:
        super().__init__("order_not_found", "There is no such order.")


class AssignmentNotFound(NotFound):
    """No such task was lent to the caller."""

    def __init__(self) -> None:
        super().__init__("assignment_not_found", "There is no such task of yours.")


class OrderNotOpen(Conflict):
    """The order takes no answers (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "order_not_open",
            "This order takes no more answers. Find another one on the task board.",
            board_url="/work/",
        )


class OrderPaused(Conflict):
    """The order lends nothing for now."""

    def __init__(self) -> None:
        super().__init__(
            "order_paused",
            "The requester has paused this order. Tasks in your hands can be answered and are paid; "
            "new ones come when it goes on.",
            board_url="/work/",
        )


class WrongOrderState(Conflict):
    """The order's state does not allow this."""

    def __init__(self, state: str, *wanted: str) -> None:
        needed = " or ".join(wanted)
        super().__init__("wrong_order_state", f"The order is {state}; this needs one that is {needed}.", state=state)


class OwnOrder(NotPermitted):
    """Requesters do not label their own orders."""

    def __init__(self) -> None:
        super().__init__(
            "own_order",
            "This order belongs to an organisation of yours; its members cannot work on it. Pick another one.",
        )


class NotPersonal(NotPermitted):
    """Annotators work as themselves."""

    def __init__(self) -> None:
        super().__init__(
            "not_personal", "Tasks are done and paid in your personal organisation. Switch to it and try again."
        )


class LeaseExpired(Conflict):
    """The time for a task ran out before the answer came."""

    def __init__(self, assignment_id: UUID) -> None:
        super().__init__(
            "lease_expired",
            "The time for this task ran out. Ask for more time (extend) and send the same answer again; "
            "it is only lost if somebody else has taken the task.",
            extend_url=f"/api/v1/assignments/{assignment_id}/extend/",
        )


class LeaseLost(Conflict):
    """An expired task has gone to somebody else."""

    def __init__(self) -> None:
        super().__init__(
            "lease_lost", "The time for this task ran out and somebody else has taken it. Go on with the next one."
        )


class AlreadyAnswered(Conflict):
    """The task has an answer of the caller already."""

    def __init__(self, answer_text: str = "") -> None:
        given = f" with “{answer_text}”" if answer_text else ""
        message = f"You answered this task{given}. Undo that answer first to change it."
        super().__init__("already_answered", message, answer_text=answer_text)


class GivenBack(Conflict):
    """The task is no longer in the caller's hands."""

    def __init__(self) -> None:
        super().__init__("task_given_back", "You gave this task back. Go on with the next one.")


class NotUndoable(Conflict):
    """The answer cannot be taken back."""

    def __init__(self, reason: str) -> None:
        super().__init__("not_undoable", reason)


class UnusableAnswer(InvalidInput):
    """The answer is none that the order's design allows."""

    def __init__(self, message: str, field: str) -> None:
        place = f"answer.{field}" if field else "answer"
        super().__init__("unusable_answer", message, errors=[{"field": place, "message": message}])


class OrderUnfunded(PaymentRequired):
    """The organisation's prepaid balance does not cover the order."""

    def __init__(self, total: Money, available: Money) -> None:
        missing = total - available
        super().__init__(
            "insufficient_funds",
            f"The order costs up to {total}; {available} is available. Top up {missing} and launch it again.",
            required=total.as_json(),
            available=available.as_json(),
            missing=missing.as_json(),
            top_up_url=f"/billing/?amount_minor={missing.minor}",
        )


class ImportNotFound(NotFound):
    """No such import, or somebody else's."""

    def __init__(self) -> None:
        super().__init__("import_not_found", "There is no such import.")
