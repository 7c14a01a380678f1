"""An order as JSONL, put together by PostgreSQL: what it keeps as JSON goes out as it is written there.

Parsing values only to write them again was most of the cost of an export. The lines say the same as those of
`formats.tabular.write_jsonl`, which a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid5

from django.db import connection

from apps.core.tenant import tenant_scope
from apps.labeling.models import Order

_BATCH = 1_000
_ID_LENGTH = 36

# An answer begins with its annotator's id, whose place a pseudonym takes. JSON never holds a line break as it is, so
# one can stand between answers.
_PAGE = """
SELECT t.row,
       concat('{"id":', to_json(coalesce(nullif(t.external_id, ''), t.row::text)), ',"data":', t.data,
              ',"result":' || nullif(t.result, 'null')::text,
              ',"confidence":' || t.confidence,
              CASE WHEN coalesce(nullif(t.result, 'null'), nullif(t.gold, 'null')) IS NOT NULL
                   THEN ',"made_by":' || to_json(t.made_by) END,
              ',"gold":' || nullif(nullif(t.gold, 'null'), '{}')::text),
       (SELECT string_agg(concat(a.annotator_id, '","answer":', a.answer, ',"elapsed_ms":', a.elapsed_ms,
                                 ',"state":"', a.state, '"}'), E'\\n' ORDER BY a.id)
          FROM labeling_annotation a
         WHERE a.task_id = t.id AND a.order_id = %(order)s AND a.tenant_id = %(tenant)s)
  FROM labeling_task t
 WHERE t.order_id = %(order)s AND t.tenant_id = %(tenant)s AND t.row > %(last)s
 ORDER BY t.row LIMIT %(batch)s
"""


def pseudonym(order_id: UUID, annotator_id: UUID) -> str:
    """An annotator's name in everything that leaves an order: the same in it, another in every other order."""
    return str(uuid5(order_id, str(annotator_id)))


def jsonl(row: Order) -> Iterator[bytes]:
    """The lines of an order's items with their answers, a thousand a piece.

    Each piece is a read of its own behind the last row: a slow reader holds neither a connection nor a snapshot. It
    enters the requester's scope by itself, for it is read after the request that asked for it has ended.
    """
    last = -1
    names = _Names(row.id)
    while True:
        values: dict[str, Any] = {"order": row.id, "tenant": row.tenant_id, "last": last, "batch": _BATCH}
        with tenant_scope(row.tenant_id), connection.cursor() as cursor:
            cursor.execute(_PAGE, values)
            page: list[tuple[int, str, str | None]] = cursor.fetchall()
        if not page:
            return
        last = page[-1][0]
        yield "".join(
            [f"{item}}}\n" if answers is None else names.line(item, answers) for _, item, answers in page]
        ).encode()


class _Names(dict[str, str]):
    """Annotators' pseudonyms in an order by their ids."""

    def __init__(self, order_id: UUID) -> None:
        super().__init__()
        self.order_id = order_id

    def __missing__(self, annotator_id: str) -> str:
        name = self[annotator_id] = pseudonym(self.order_id, UUID(annotator_id))
        return name

    def line(self, item: str, answers: str) -> str:
        """An item's line with its answers, in which annotators have their names."""
        named = [self[one[:_ID_LENGTH]] + one[_ID_LENGTH:] for one in answers.split("\n")]
        return item + ',"answers":[{"annotator":"' + ',{"annotator":"'.join(named) + "]}\n"
