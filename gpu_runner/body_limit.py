"""Refuses bodies over their limit while they arrive, before anything is parsed."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gpu_runner.errors import TooLarge


class BodyLimit:
    """ASGI middleware: JSON bodies up to `json_bytes`, multipart forms up to `form_bytes`."""

    def __init__(self, app: ASGIApp, json_bytes: int, form_bytes: int) -> None:
        self._app = app
        self._json_bytes = json_bytes
        self._form_bytes = form_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a counting `receive`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        is_form = headers.get(b"content-type", b"").startswith(b"multipart/form-data")
        limit = self._form_bytes if is_form else self._json_bytes
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise TooLarge(f"The request is larger than {limit >> 20} MB.")
            return message

        await self._app(scope, counted, send)
