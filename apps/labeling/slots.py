"""Which labels of an order may still be given out, so that no more are ever lent than its money pays for.

Lending takes slots and knows nothing of money: an order with a budget has no more slots than the budget pays for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

# One statement, so one moment: a slot that becomes a lease, and a lease that becomes an answer, are counted once.
_IN_USE = """
SELECT (SELECT count(*) FROM labeling_annotation WHERE order_id = %(order)s),
       (SELECT count(*) FROM labeling_assignment WHERE order_id = %(order)s AND state = 'leased'),
       coalesce(sum(t.open_slots), 0),
       coalesce(sum(t.open_slots) FILTER (WHERE t.gold IS NOT NULL), 0)
  FROM labeling_task t
 WHERE t.order_id = %(order)s AND t.open_slots > 0
"""

_LOCK = """
WITH held AS MATERIALIZED (
    SELECT id FROM labeling_assignment WHERE order_id = %(order)s AND state = 'leased' ORDER BY id FOR NO KEY UPDATE
), tasks AS MATERIALIZED (
    SELECT t.id FROM labeling_task t
     WHERE t.order_id = %(order)s AND (SELECT count(*) FROM held) >= 0 ORDER BY t.id FOR NO KEY UPDATE
)
SELECT count(*) FROM tasks
"""

_FIT = """
WITH lent AS (
    SELECT task_id, count(*) AS labels FROM labeling_assignment
     WHERE order_id = %(order)s AND state = 'leased' GROUP BY task_id
), missing AS (
    SELECT t.id, t.position,
           CASE WHEN t.state = 'open' AND (%(checks_only)s IS FALSE OR t.gold IS NOT NULL)
                 AND (%(asked_only)s IS FALSE OR t.labels_done > 0
                      OR EXISTS (SELECT 1 FROM labeling_machineitem m WHERE m.task_id = t.id AND m.reason <> '')
                      OR EXISTS (SELECT 1 FROM labeling_assignment a WHERE a.task_id = t.id))
                THEN GREATEST(0, %(redundancy)s - t.labels_done - coalesce(lent.labels, 0)) ELSE 0 END AS labels
      FROM labeling_task t LEFT JOIN lent ON lent.task_id = t.id
     WHERE t.order_id = %(order)s
), fitted AS (
    SELECT id, LEAST(labels, GREATEST(0, %(room)s - (sum(labels) OVER (ORDER BY position) - labels))) AS slots
      FROM missing
)
UPDATE labeling_task t SET open_slots = fitted.slots
  FROM fitted WHERE t.id = fitted.id AND t.open_slots <> fitted.slots
"""


@dataclass(frozen=True)
class InUse:
    """Labels of an order: given, in annotators' hands, and offered (of those: on check questions)."""

    given: int
    lent: int
    offered: int
    checks_offered: int

    @property
    def labels(self) -> int:
        """All that may have to be paid."""
        return self.given + self.lent + self.offered


def in_use(order_id: UUID) -> InUse:
    """Count them at one moment."""
    [row] = _all(_IN_USE, {"order": order_id})
    return InUse(*(int(number) for number in row))


def lock_work(order_id: UUID) -> None:
    """Keep an order's leases and tasks as they are until the transaction ends. The caller has locked the order."""
    _all(_LOCK, {"order": order_id})


def fit_slots(
    order_id: UUID, *, redundancy: int, affordable: int, checks_only: bool = False, asked_only: bool = False
) -> None:
    """Offer what items lack to their redundancy, in the order of work, as far as the money goes.

    The caller has locked the order for update, and the work where the order is running.

    Args:
        affordable: labels that the order's money pays for, given and lent ones included.
        checks_only: offer check questions only; a plan offers the rest.
        asked_only: offer what the order's machine has asked for and what people have begun with, nothing else.
    """
    used = in_use(order_id)
    with connection.cursor() as cursor:
        room = affordable - used.given - used.lent
        cursor.execute(
            _FIT,
            {
                "order": order_id,
                "redundancy": redundancy,
                "room": room,
                "checks_only": checks_only,
                "asked_only": asked_only,
            },
        )


def _all(statement: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
