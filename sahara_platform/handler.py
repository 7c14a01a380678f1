"""Django under ASGI for code that blocks: a request is answered whole in one thread that is kept.

Django's own handler makes a thread for each request and changes to it and back for each signal, for the middleware, for
the view and for the end, which costs more than a short answer itself. All middleware and views here block, so the chain
is loaded for that. What is streamed is sent as by Django's, from the event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import FileResponse, HttpResponseBadRequest
from django.urls import set_script_prefix

from apps.core.turns import turn

#: Requests that are answered at the same time; most of them work in turns (`apps.core.turns`), others wait elsewhere.
THREADS = 40
#: A request works for a moment between two waits for the database. Interrupted meanwhile by each of many threads that
#: have waited for longer than Python's 5 ms, it would cost a quarter more; so none is, unless it works for long.
SWITCH_INTERVAL_S = 0.05


class Handler(ASGIHandler):
    """An ASGI application that runs Django's blocking chain."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise ValueError(f"this answers HTTP, not {scope['type']}")
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        response = await self._in_thread(self._in_turn, scope, body)
        if not response.streaming:
            await self.send_response(response, send)
            return
        # What the stream does, and its end, may block, too: in one thread of its own.
        async with ThreadSensitiveContext():
            await self._stream(response, receive, send)

    async def _in_thread(self, work: Callable[..., Any], *args: Any) -> Any:
        context = contextvars.copy_context()  # no request sees what another one has set
        return await asyncio.get_running_loop().run_in_executor(self.threads, context.run, work, *args)

    def _in_turn(self, scope: Any, body: IO[bytes]) -> Any:
        with turn():
            return self._answer(scope, body)

    def _answer(self, scope: Any, body: IO[bytes]) -> Any:
        """The response; its end is told already, unless it is streamed."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        if request is None:
            body.close()
            refused = refusal or HttpResponseBadRequest()
            refused.close()
            return refused
        response = self.get_response(request)
        response._handler_class = self.__class__  # type: ignore[attr-defined]  # as Django's handlers do
        if not response.streaming:
            response.close()
            return response
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        close_old_connections()  # this thread's: the stream has its own
        return response

    async def _stream(self, response: Any, receive: Any, send: Any) -> None:
        """Send a stream until its end or until its reader leaves."""
        sending = asyncio.create_task(self.send_response(response, send))
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            outcomes = await asyncio.gather(sending, leaving, return_exceptions=True)
            await sync_to_async(response.close)()
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, RequestAborted | asyncio.CancelledError):
                raise outcome
