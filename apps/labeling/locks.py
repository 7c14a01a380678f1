"""The few statements that give out tasks, take in answers and write down what became of them.

Written by hand, because each must be one statement: it locks, checks and writes at once, so that no two annotators get
the same slot and the cost does not grow with the order. They rely on the partial indexes `task_to_give_out`
(order, position where slots are open) and `assignment_live`. Lock order everywhere: order, assignment, task, stats;
task locks taken in bulk skip what is locked, so they never wait.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.db import connection

from apps.core.ids import uuid7
from apps.labeling.design import Design, design_from_text
from apps.labeling.types import MAX_LIVE_LEASES, Answer, TaskData

if TYPE_CHECKING:
    from apps.core.postgresql.base import DatabaseWrapper

# Runs in the annotator's own scope, where the own row is seen, and leaves the requester's behind: the new setting is
# made from the row that was found, so it counts for the statements that follow. So do those for the planner: what it
# knows of an order that was imported a moment ago is wrong, and it would rather read and sort the whole queue than walk
# along it.
_ENTER = """
WITH s AS MATERIALIZED (
    SELECT id, queue_position, swept_at, preferred, gold_seen, gold_right, stopped, submitted, accepted, rejected,
           earned_minor
      FROM labeling_annotatorstats
     WHERE order_id = %(order)s AND annotator_id = %(annotator)s
       FOR NO KEY UPDATE
)
SELECT l.requester_id, l.reserved_for, l.open, l.paused, l.currency, l.requirements, s.*,
       set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('app.tenant_id', l.requester_id::text, true)
  FROM labeling_boardlisting l LEFT JOIN s ON true
 WHERE l.order_id = %(order)s
"""

_HOLDER = """
SELECT tenant_id, set_config('app.tenant_id', tenant_id::text, true)
  FROM labeling_assignment WHERE id = %(assignment)s AND annotator_id = %(annotator)s
"""

# The second limit tells the planner that few rows come, whatever it believes of the first.
# The order is locked first, with the lock that the new rows' foreign keys need anyway: a pause either waits for the
# tasks that are being lent, or nothing is lent any more.
_PICK = """
WITH o AS MATERIALIZED (
    SELECT id FROM labeling_order
     WHERE id = %(order)s AND state = 'running' AND (deadline IS NULL OR deadline > %(now)s)
       FOR KEY SHARE
), room AS (
    SELECT CASE WHEN EXISTS (SELECT 1 FROM o) THEN GREATEST(0, LEAST(%(count)s, %(most)s - count(*))) ELSE 0 END::int
           AS free
      FROM labeling_assignment
     WHERE order_id = %(order)s AND annotator_id = %(annotator)s AND state = 'leased'
), picked AS MATERIALIZED (
    SELECT id
      FROM (SELECT t.id
              FROM labeling_task t
             WHERE {which}
             LIMIT (SELECT free FROM room)
               FOR NO KEY UPDATE OF t SKIP LOCKED) few
     LIMIT {most}
), taken AS (
    UPDATE labeling_task t SET open_slots = t.open_slots - 1
      FROM picked WHERE t.id = picked.id
 RETURNING t.id, t.tenant_id, t.position, t.data
), numbered AS (
    SELECT *, row_number() OVER (ORDER BY position) AS place FROM taken
), moved AS (
    UPDATE labeling_annotatorstats
       SET queue_position = GREATEST(queue_position, (SELECT max(position) FROM taken)),
           swept_at = COALESCE(%(swept)s::timestamptz, swept_at)
     WHERE id = %(stats)s
), lent AS (
    INSERT INTO labeling_assignment
           (id, tenant_id, order_id, task_id, annotator_id, state, leased_at, expires_at, note)
    SELECT (%(ids)s::uuid[])[place], tenant_id, %(order)s, id, %(annotator)s, 'leased', %(now)s, %(expires)s, ''
      FROM numbered
 RETURNING id, task_id
)
SELECT lent.id, numbered.data
  FROM lent JOIN numbered ON numbered.id = lent.task_id
 ORDER BY numbered.position
"""

_UNSEEN = """AND NOT EXISTS (
        SELECT 1 FROM labeling_assignment a WHERE a.task_id = t.id AND a.annotator_id = %(annotator)s)"""

_PLACE = "t.order_id = %(order)s AND t.open_slots > 0 AND t.position > %(after)s"

# Behind the annotator's place in the queue nothing was offered yet, so nothing needs to be looked up there.
_PICK_AHEAD = _PICK.format(which=f"{_PLACE} ORDER BY t.position", most=MAX_LIVE_LEASES)
_PICK_ANYWHERE = _PICK.format(which=f"{_PLACE} {_UNSEEN} ORDER BY t.position", most=MAX_LIVE_LEASES)
# Named tasks are looked up by their keys: no index of the queue answers to what is asked of it here.
_PICK_AMONG = _PICK.format(
    which=f"""t.id = ANY(%(among)s) AND t.order_id IS NOT DISTINCT FROM %(order)s AND t.open_slots + 0 > 0 {_UNSEEN}
             ORDER BY t.position""",
    most=MAX_LIVE_LEASES,
)

_SUBMIT = """
WITH o AS MATERIALIZED (
    SELECT o.id, o.title, o.currency, o.redundancy, o.auto_approve_days
      FROM labeling_order o JOIN labeling_assignment a ON a.order_id = o.id
     WHERE a.id = %(assignment)s AND a.annotator_id = %(annotator)s AND o.state IN ('running', 'paused')
       FOR KEY SHARE OF o
), lease AS (
    UPDATE labeling_assignment a SET state = 'submitted'
      FROM o
     WHERE a.id = %(assignment)s AND a.order_id = o.id AND a.state = 'leased' AND a.expires_at > %(now)s
 RETURNING a.id, a.tenant_id, a.order_id, a.task_id, o.title, o.currency, o.redundancy, o.auto_approve_days
), task AS (
    UPDATE labeling_task t
       SET labels_done = t.labels_done + 1,
           state = CASE WHEN t.state = 'open' AND t.labels_done + 1 >= lease.redundancy THEN 'complete' ELSE t.state END
      FROM lease WHERE t.id = lease.task_id
 RETURNING t.id, t.gold IS NOT NULL AS is_gold, t.state
), stats AS (
    UPDATE labeling_annotatorstats s
       SET submitted = s.submitted + 1,
           gold_seen = s.gold_seen + task.is_gold::int,
           gold_right = s.gold_right + (task.is_gold AND %(right)s)::int
      FROM lease, task
     WHERE s.order_id = lease.order_id AND s.annotator_id = %(annotator)s
 RETURNING s.submitted, s.accepted, s.rejected, s.earned_minor
), answer AS (
    INSERT INTO labeling_annotation
           (id, tenant_id, order_id, task_id, assignment_id, annotator_id, answer, elapsed_ms, state, rule, reason,
            amount_minor, submitted_at, auto_approve_at, order_title, task_text, answer_text, currency)
    SELECT %(annotation)s, lease.tenant_id, lease.order_id, lease.task_id, lease.id, %(annotator)s, %(answer)s::jsonb,
           %(elapsed)s, 'pending', %(rule)s, %(reason)s, 0, %(now)s,
           %(now)s::timestamptz + make_interval(days => lease.auto_approve_days), lease.title, %(task_text)s,
           %(answer_text)s, lease.currency
      FROM lease, task
 RETURNING id, auto_approve_at
)
SELECT answer.id, answer.auto_approve_at, lease.order_id, task.id, task.state = 'complete', lease.title, lease.currency,
       stats.submitted, stats.accepted, stats.rejected, stats.earned_minor
  FROM answer, lease, task, stats
"""

_ASKED = """
SELECT o.design::text, t.data, t.gold
  FROM labeling_assignment a
  JOIN labeling_order o ON o.id = a.order_id
  JOIN labeling_task t ON t.id = a.task_id
 WHERE a.id = %(assignment)s AND a.annotator_id = %(annotator)s
"""

_EXPIRE = """
WITH lapsed AS (
    SELECT a.id, t.id AS task_id
      FROM labeling_assignment a JOIN labeling_task t ON t.id = a.task_id
     WHERE a.state = 'leased' AND a.expires_at < %(now)s {of_order}
     ORDER BY a.expires_at
     LIMIT %(most)s
       FOR NO KEY UPDATE OF a, t SKIP LOCKED
), closed AS (
    UPDATE labeling_assignment a SET state = 'expired'
      FROM lapsed WHERE a.id = lapsed.id
 RETURNING a.task_id
)
UPDATE labeling_task t
   SET open_slots = t.open_slots + freed.slots
  FROM (SELECT task_id, count(*) AS slots FROM closed GROUP BY task_id) freed
 WHERE t.id = freed.task_id AND t.state <> 'unusable'
"""

_OUTCOMES = """
UPDATE labeling_task t SET decided = true, state = n.state, result = n.result, confidence = n.confidence
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS n (id uuid, state text, result jsonb, confidence double precision)
 WHERE t.id = n.id
"""

_DECISIONS = """
UPDATE labeling_annotation a
   SET state = n.state, rule = n.rule, reason = n.reason, amount_minor = n.amount_minor, decided_at = n.decided_at
  FROM jsonb_to_recordset(%(rows)s::jsonb)
       AS n (id uuid, state text, rule text, reason text, amount_minor integer, decided_at timestamptz)
 WHERE a.id = n.id
"""


@dataclass(frozen=True)
class Place:
    """An annotator's row in an order: the place in the queue, the record on check questions, the totals."""

    id: UUID
    queue_position: int
    swept_at: datetime | None
    preferred: Sequence[str]
    gold_seen: int
    gold_right: int
    stopped: str
    submitted: int
    accepted: int
    rejected: int
    earned_minor: int


@dataclass(frozen=True)
class Entrance:
    """What everybody may know of an order on the board, and the caller's place in it, if there is one yet."""

    requester_id: UUID
    reserved_for: UUID | None
    open: bool
    paused: bool
    currency: str
    requirements: Mapping[str, Any]
    place: Place | None


@dataclass(frozen=True)
class Asked:
    """What a task shows and asks; `gold` is the known answer of a check question."""

    design: Design
    data: TaskData
    gold: Answer | None


@dataclass(frozen=True)
class Taken:
    """What one submission wrote."""

    annotation_id: UUID
    auto_approve_at: datetime
    order_id: UUID
    task_id: UUID
    completed: bool
    order_title: str
    currency: str
    submitted: int
    accepted: int
    rejected: int
    earned_minor: int


def enter(*, order_id: UUID, annotator_id: UUID) -> Entrance | None:
    """Look up an order on the board and lock the annotator's place in it.

    Where it is found, `app.tenant_id` is the requester's from now on: go on in `scope_that_was_set`.
    """
    rows = _all(_ENTER, {"order": order_id, "annotator": annotator_id})
    if not rows:
        return None
    requester_id, reserved_for, is_open, paused, currency, requirements, *place, _, _, _ = rows[0]
    stats = None
    if place[0] is not None:
        place[3] = json.loads(place[3])
        stats = Place(*place)
    return Entrance(requester_id, reserved_for, is_open, paused, currency, json.loads(requirements), stats)


def enter_task(*, assignment_id: UUID, annotator_id: UUID) -> UUID | None:
    """Whose order a task belongs to that was lent to the annotator; as `enter`, it enters that scope."""
    rows = _all(_HOLDER, {"assignment": assignment_id, "annotator": annotator_id})
    return rows[0][0] if rows else None


def pick_tasks(
    *,
    order_id: UUID,
    annotator_id: UUID,
    stats_id: UUID,
    after: int | None,
    count: int,
    now: datetime,
    expires_at: datetime,
    among: Sequence[UUID] | None = None,
) -> list[tuple[UUID, TaskData]]:
    """Lend up to `count` tasks to an annotator whose stats row the caller has locked.

    Args:
        among: search only these tasks, wherever in the queue.
        after: search only behind this place of the queue; None searches it all for tasks never lent to the annotator.

    Returns:
        (assignment id, data) of each, in order of work.
    """
    params = {
        "order": order_id,
        "annotator": annotator_id,
        "stats": stats_id,
        "after": -1 if after is None or among is not None else after,
        "count": count,
        "most": MAX_LIVE_LEASES,
        "ids": [uuid7() for _ in range(count)],
        "swept": now if after is None and among is None else None,
        "among": list(among or ()),
        "now": now,
        "expires": expires_at,
    }
    anywhere = _PICK_ANYWHERE if after is None else _PICK_AHEAD
    rows = _all(anywhere if among is None else _PICK_AMONG, params)
    return [(row[0], json.loads(row[1])) for row in rows]


def asked(*, assignment_id: UUID, annotator_id: UUID) -> Asked:
    """What a task in the annotator's hands shows and asks, in one look-up by keys."""
    [(design, data, gold)] = _all(_ASKED, {"assignment": assignment_id, "annotator": annotator_id})
    return Asked(design_from_text(design), json.loads(data), json.loads(gold) if gold is not None else None)


def take_answer(
    *,
    assignment_id: UUID,
    annotator_id: UUID,
    answer: Answer,
    is_right: bool,
    task_text: str,
    answer_text: str,
    elapsed_ms: int,
    rule: str,
    reason: str,
    now: datetime,
) -> Taken | None:
    """Turn a live lease into an answer; None where there is no live lease or no running order.

    Args:
        answer: checked against the order's design.
        is_right: for a check question, whether the answer is the known one.
    """
    params = {
        "annotation": uuid7(),
        "assignment": assignment_id,
        "annotator": annotator_id,
        "answer": json.dumps(answer),
        "right": is_right,
        "task_text": task_text,
        "answer_text": answer_text,
        "elapsed": elapsed_ms,
        "rule": rule,
        "reason": reason,
        "now": now,
    }
    rows = _all(_SUBMIT, params)
    return Taken(*rows[0]) if rows else None


def expire_leases(*, now: datetime, most: int, order_id: UUID | None = None) -> int:
    """Give the slots of lapsed leases back. Returns how many tasks got some."""
    of_order = "" if order_id is None else "AND a.order_id = %(order)s"
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE.format(of_order=of_order), {"now": now, "most": most, "order": order_id})
        return int(cursor.rowcount)


def write_outcomes(rows: Iterable[Mapping[str, Any]]) -> None:
    """Mark items as decided: id, state, result and confidence of each."""
    _write(_OUTCOMES, rows)


def write_decisions(rows: Iterable[Mapping[str, Any]]) -> None:
    """Write down what became of answers: id, state, rule, reason, amount_minor and decided_at of each."""
    _write(_DECISIONS, rows)


def _write(statement: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Many rows at once, without an expression for each field of each row, as `bulk_update` makes them."""
    values = json.dumps([dict(row) for row in rows], default=str)  # ids and times
    with connection.cursor() as cursor:
        cursor.execute(statement, {"rows": values})


def _all(statement: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement that each connection plans once: planning them costs more than running them."""
    return cast("DatabaseWrapper", connection).fetch_all_prepared(statement, params)
