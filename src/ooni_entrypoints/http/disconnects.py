"""Clients that go away: their queries end with them."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager

from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.types import HTTPDisconnectEvent as Disconnect

from ooni_core.errors import OoniError

_log = logging.getLogger(__name__)

_READS = ("GET", "HEAD")


class DisconnectMiddleware:
    """Cancels what the client of a read waited for. Writes go on: what was received must not be lost.

    Args:
        app: what answers.
        cancellable: a block around one answer; yields what cancels its queries, which may take a moment.
    """

    def __init__(self, app: ASGIApp, cancellable: Callable[[], AbstractContextManager[Callable[[], None]]]) -> None:
        self._app = app
        self._cancellable = cancellable

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] not in _READS:
            await self._app(scope, receive, send)
            return
        request = await receive()
        pending = [request]
        is_whole = request["type"] == "http.request" and not request.get("more_body", False)
        if not is_whole:  # a body follows: the application reads it, or not

            async def replay() -> object:
                return pending.pop() if pending else await receive()

            await self._app(scope, replay, send)  # type: ignore[arg-type]
            return
        gone = asyncio.Event()

        async def watched() -> object:
            if pending:
                return pending.pop()
            await gone.wait()
            return Disconnect(type="http.disconnect")

        with self._cancellable() as cancel:
            watching = asyncio.create_task(_watch(receive, gone, cancel))
            try:
                await self._app(scope, watched, send)  # type: ignore[arg-type]
            finally:
                watching.cancel()


async def _watch(receive: Receive, gone: asyncio.Event, cancel: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    try:
        # First of all: an application that hears of it ends at once, and this task with it.
        await asyncio.to_thread(cancel)
    except OoniError as exc:
        _log.info("a query that nobody waits for goes on until its time limit: %s", exc)
    finally:
        gone.set()
