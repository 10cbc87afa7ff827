"""Answers of our own through ASGI: whole ones, and errands, which threads wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from ..http import Caller, Errand, Head, Reply, Running, unreadable
from .response import Receive, Scope, Send, ours

if TYPE_CHECKING:
    from ..wiring import Wiring

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

#: Seconds that a thread waits for the next piece of a request's body.
_PATIENCE = 30.0


async def reply_with(reply: Reply, send: Send) -> None:
    """Sends a whole answer."""
    await send(_start(reply.status, reply.lines))
    await send({"type": "http.response.body", "body": reply.body})


async def answer(
    wiring: Wiring, errand: Errand, scope: Scope, receive: Receive, send: Send
) -> None:
    """Runs an errand off the event loop and passes its answer on, whole or piece by piece. A client
    that hangs up, or a cancelled request, ends it."""
    running = ours(wiring, wiring.errands.begin, errand, Caller(scope, may_last=True))
    if running is None:
        await reply_with(unreadable(), send)
        return
    body = _Body(receive)
    work = asyncio.ensure_future(_passed_on(wiring, running, body, send))
    gone = asyncio.ensure_future(body.pump())
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        running.close()
        body.break_off()
        hung_up = not work.done()
        if hung_up:
            work.cancel()
        gone.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)
    if not hung_up:
        work.result()


async def _passed_on(wiring: Wiring, running: Running, body: _Body, send: Send) -> None:
    started = await in_thread(wiring, ours, wiring, running.start, body.read)
    if not isinstance(started, Head):
        await reply_with(started or unreadable(), send)
        return
    await send(_start(started.status, started.headers))
    while piece := await in_thread(wiring, running.piece):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def in_thread(wiring: Wiring, step: Callable[[*_Ts], _T], *given: *_Ts) -> Awaitable[_T]:
    """What a step that waits returns, run on the errands' threads."""
    return asyncio.get_running_loop().run_in_executor(wiring.errands.pool, step, *given)


def _start(status: int, headers: Iterable[tuple[str, str]]) -> dict[str, object]:
    lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": status, "headers": lines}


class _Body:
    """A request's body on its way from the event loop to the thread that reads it: one message at
    a time, so that a client is no faster than whoever reads."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        self._held = b""
        self._whole = self._broken = False

    async def pump(self) -> None:
        """Takes the body from the server; returns when the client has hung up."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return
            more = message.get("more_body", False)
            piece = message.get("body", b"")
            if piece:
                await self._waiting.put(piece)
        await self._waiting.put(None)
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def read(self, most: int) -> bytes:
        """In a thread: at most so many bytes; OSError when no more came in time, or ever will."""
        if not self._held and not self._whole and not self._broken:
            came = asyncio.run_coroutine_threadsafe(self._waiting.get(), self._loop)
            try:
                piece = came.result(_PATIENCE)
            except TimeoutError:
                came.cancel()
                raise
            except CancelledError as error:
                raise ConnectionError("the event loop ends") from error
            self._whole = piece is None
            self._held = piece or b""
        if self._broken:
            raise ConnectionError("nobody waits for this call any more")
        piece, self._held = self._held[:most], self._held[most:]
        return piece

    def break_off(self) -> None:
        """Nobody is served any more: whoever still reads is told."""
        self._broken = True
        if self._waiting.empty():
            self._waiting.put_nowait(None)
