"""The one live WebSocket: subscribe to subjects, hear of their changes."""

from __future__ import annotations

from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from apps.core import live
from apps.core.tenant import tenant_scope

MAX_SUBJECTS = 20
CLOSE_NOT_SIGNED_IN = 4401


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """Protocol: client sends `{"subscribe": "<topic>:<uuid>"}`; server answers `{"subscribed": …}` or `{"refused": …}`
    and then sends `{"subject": …, "payload": {…}}` on each change."""

    async def connect(self) -> None:
        self.subjects: set[str] = set()
        if self.scope.get("actor") is None:
            await self.close(code=CLOSE_NOT_SIGNED_IN)
            return
        await self.accept()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        subject = content.get("subscribe") if isinstance(content, dict) else None
        if not isinstance(subject, str) or len(self.subjects) >= MAX_SUBJECTS or not await self._may_follow(subject):
            await self.send_json({"refused": subject})
            return
        self.subjects.add(subject)
        await self.channel_layer.group_add(live.group_name(subject), self.channel_name)
        await self.send_json({"subscribed": subject})

    async def disconnect(self, code: int) -> None:
        for subject in self.subjects:
            await self.channel_layer.group_discard(live.group_name(subject), self.channel_name)

    async def live_notice(self, event: dict[str, Any]) -> None:
        """Pass a notice on to the browser."""
        await self.send_json({"subject": event["subject"], "payload": event["payload"]})

    @database_sync_to_async
    def _may_follow(self, subject: str) -> bool:
        actor = self.scope["actor"]  # type: ignore[typeddict-item]  # set by ActorChannelMiddleware
        with tenant_scope(actor.organisation_id):
            return live.may_follow(actor, subject)
