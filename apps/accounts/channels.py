"""The actor of a WebSocket, resolved from the same session cookie as a page's."""

from __future__ import annotations

from typing import Any

from channels.db import database_sync_to_async
from channels.middleware import BaseMiddleware

from apps.accounts.middleware import actor_of_session


class ActorChannelMiddleware(BaseMiddleware):
    """Sets `scope["actor"]`; wrap it in AuthMiddlewareStack."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        scope["actor"] = await self._resolve(scope["user"], scope["session"])
        return await super().__call__(scope, receive, send)

    @database_sync_to_async
    def _resolve(self, user: object, session: Any) -> Any:
        return actor_of_session(user, session)[0]
