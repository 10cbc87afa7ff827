"""Many questions to JetStream at once, each with an answer of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

#: Questions that are on their way at once.
_AHEAD = 500

#: Without any answer for so many seconds, none is waited for.
_SILENCE = 1.5


class Question(NamedTuple):
    """What is sent where."""

    subject: str
    content: bytes
    headers: dict[str, str] | None = None


class Round:
    """Asks once. ``hear`` is told each answer with the number of its question; questions that
    nobody answered, or that could not be sent, are just not heard of."""

    def __init__(self, client: Client, hear: Callable[[int, Msg], object]) -> None:
        self._client = client
        self._hear = hear
        self._open = 0
        self._heard = asyncio.Event()

    async def ask(self, questions: Iterable[tuple[int, Question]]) -> None:
        """Returns when all were answered, nothing was heard for a while, or the link broke."""
        client, inbox = self._client, self._client.new_inbox()
        with suppress(Error):
            listening = await client.subscribe(f"{inbox}.*", cb=self._answered)
            try:
                for number, (subject, content, headers) in questions:
                    await client.publish(subject, content, f"{inbox}.{number}", headers)
                    self._open += 1
                    if self._open >= _AHEAD and not await self._until(_AHEAD // 2):
                        return
                await self._until(0)
            finally:
                await listening.unsubscribe()

    async def _until(self, few: int) -> bool:
        """Waits until no more than a few are open; False when nothing is heard any more."""
        while self._open > few:
            self._heard.clear()
            try:
                async with asyncio.timeout(_SILENCE):
                    await self._heard.wait()
            except TimeoutError:
                return False
        return True

    async def _answered(self, answer: Msg) -> None:
        self._open -= 1
        self._heard.set()
        self._hear(int(answer.subject.rpartition(".")[2]), answer)


def status(answer: Msg) -> str:
    """The number that stands in an answer's stead: 503 where nobody serves the question, 404 where
    there is no such message; "" of a real answer."""
    headers: Mapping[str, str] | None = answer.headers
    return headers.get("Status", "") if headers else ""
