"""Sessions in the database (Django's table), read in one statement with the user and the user's memberships.

Whose session it is can only be read from its signed content. So a process remembers whose each was, asks for that user
along with the session, and uses the answer only where the content, read just now, names the same one. Nothing that
decides is remembered: a session that was ended, a user who was switched off and a role that changed count at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db import connection

from apps.accounts.models import User
from apps.core import clock
from apps.tenancy import selectors as tenancy
from apps.tenancy.types import MembershipInfo

if TYPE_CHECKING:
    from apps.core.postgresql.base import DatabaseWrapper

GUEST_KEY = "guest_user_id"
#: Sessions of which a process remembers whose they are.
REMEMBERED = 20_000

_columns = [field.attname for field in User._meta.concrete_fields]
_READ = f"""
SELECT s.session_data, {tenancy.MEMBERSHIPS.format("u.id")}, {", ".join(f'u."{column}"' for column in _columns)}
  FROM {Session._meta.db_table} s LEFT JOIN {User._meta.db_table} u ON u.id = %s
 WHERE s.session_key = %s AND s.expire_date > %s
"""  # noqa: S608  # names of tables and columns

_whose: dict[str, UUID] = {}


@dataclass(frozen=True)
class Caller:
    """A user as read with the session."""

    user: User
    memberships: list[MembershipInfo]


class SessionStore(db.SessionStore):
    """Django's, with whom it belongs to."""

    _caller: Caller | None = None

    def caller(self, user_id: object) -> Caller | None:
        """The user with this id, if it was read with this session."""
        self._get_session()  # type: ignore[attr-defined]  # private in the stubs
        found = self._caller
        return found if found is not None and found.user.id == user_id else None

    def load(self) -> dict[str, Any]:
        """The content, from the database."""
        key = str(self.session_key)
        row = cast("DatabaseWrapper", connection).fetch_prepared(_READ, (_whose.get(key), key, clock.now()))
        if row is None:
            _whose.pop(key, None)
            self._session_key = None
            return {}
        content, memberships, *values = row
        found: dict[str, Any] = self.decode(content)
        owner = _owner(found)
        if values[0] is not None and owner is not None:
            user = User.from_db(connection.alias, _columns, values)
            self._caller = Caller(user, tenancy.memberships_from(memberships))
        _remember(key, owner)
        return found


def _owner(content: dict[str, Any]) -> UUID | None:
    """The user or else the guest whose session has this content."""
    try:
        return UUID(content.get(SESSION_KEY) or content.get(GUEST_KEY) or "")
    except ValueError:
        return None


def _remember(key: str, owner: UUID | None) -> None:
    if owner is None:
        _whose.pop(key, None)
    elif _whose.get(key) != owner:
        if len(_whose) >= REMEMBERED:
            _whose.clear()
        _whose[key] = owner
