"""Contents in a JetStream stream: one message each, found again by its number in the stream."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from nats.aio.msg import Msg

from ....seldom import Seldom
from ..bodies import Fault, Held, Parcel
from ..broker import Broker
from .link import NO_STREAM, SUBJECT, About, Config, Failure, Link
from .loop import Loop
from .rounds import Question, Round, status

T = TypeVar("T")

#: Seconds in which all of a put, or of a get, must be done; until the next try where the stream has
#: no leader.
_PATIENCE = 8.0
_AGAIN = 0.25

#: JetStream's word for a message that is not there.
_NO_MESSAGE = 10037

_ID = "Nats-Msg-Id"


class _Taken(msgspec.Struct, frozen=True):
    """What the stream's leader says to a parcel."""

    seq: int = 0
    error: Failure | None = None


class _Message(msgspec.Struct, frozen=True):
    """A message as the leader gives it; ``data`` is base64."""

    data: str = ""


class _Given(msgspec.Struct, frozen=True):
    """What the leader says when it is asked for a message."""

    message: _Message | None = None
    error: Failure | None = None


_taken = msgspec.json.Decoder(_Taken)
_given = msgspec.json.Decoder(_Given)


class JetStream:
    """``Bodies`` in a stream. A place is the number of a message."""

    together = 0

    def __init__(self, broker: Broker) -> None:
        self.name = broker.name
        self._broker = broker
        self._lock = threading.Lock()
        self._loop = Loop("nats")
        self._link = self._new_link()

    def make(self, keep_days: int) -> bool:
        """Makes the stream, which keeps everything until it is told to forget."""
        was_there = self.held().copies > 0
        self._run(lambda: self._link.client())
        return not was_there

    def put(self, parcels: Iterable[Parcel]) -> Sequence[str]:
        """Publishes parcels; their places once a quorum of the copies has each. The stream is made
        where there is none."""
        made = list(parcels)
        return self._run(lambda: self._put(made)) if made else []

    def get(self, places: Sequence[str]) -> Mapping[str, bytes]:
        """Messages by their numbers, from whichever copy is there."""
        return self._run(lambda: self._get(places)) if places else {}

    def forget(self, oldest: Sequence[str]) -> None:
        """Purges the stream up to the first of some messages."""
        self._run(lambda: self._forget(min(map(int, oldest))))

    def held(self) -> Held:
        """What the stream's leader says; no copies where there is no stream."""
        return self._run(self._held)

    def close(self) -> None:
        """Ends the connection and its thread."""
        with self._lock:
            self._loop.end()

    def _run(self, made: Callable[[], Coroutine[object, object, T]]) -> T:
        """Has a coroutine run on the loop, which is started where it does not run."""
        with self._lock:
            if not self._loop.is_running:
                self._link = self._new_link()
                self._loop.start(self._link.close)
        return self._loop.run(made())

    def _new_link(self) -> Link:
        return Link(self._broker, seldom=Seldom(time.monotonic))

    async def _put(self, parcels: Sequence[Parcel]) -> list[str]:
        places, said = [""] * len(parcels), [""]

        def hear(number: int, answer: Msg) -> None:
            if status(answer):
                said[0] = "the stream has no leader"
                return
            taken = _taken.decode(answer.data)
            if taken.error is not None:
                said[0] = taken.error.description
            elif taken.seq:
                places[number] = str(taken.seq)

        async def once() -> bool:
            missing = [number for number, place in enumerate(places) if not place]
            client = await self._link.client()
            await Round(client, hear).ask(
                (each, self._publishing(parcels[each])) for each in missing
            )
            return all(places)

        await self._repeatedly(once, "does not take events", said)
        return places

    def _publishing(self, parcel: Parcel) -> Question:
        subject = SUBJECT.format(name=self._link.stream.name, shard=parcel.shard)
        return Question(subject, parcel.content, {_ID: parcel.id})

    async def _get(self, places: Sequence[str]) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        gone: set[str] = set()
        said = [""]

        async def once() -> bool:
            missing = [place for place in places if place not in found and place not in gone]
            behind = await self._from_copies(missing, found)
            if behind:
                await self._from_leader(behind, found, gone)
            return len(found) + len(gone) == len(set(places))

        await self._repeatedly(once, "does not give events", said)
        return found

    async def _from_copies(self, places: Sequence[str], found: dict[str, bytes]) -> list[str]:
        """Asks all copies; the places of what the one that was asked does not have, or not yet."""
        behind: list[str] = []

        def hear(number: int, answer: Msg) -> None:
            word = status(answer)
            if not word:
                found[places[number]] = answer.data
            elif word == "404":
                behind.append(places[number])

        client = await self._link.client()
        subject = f"$JS.API.DIRECT.GET.{self._link.stream.name}"
        await Round(client, hear).ask(
            (number, Question(subject, b'{"seq":%b}' % place.encode()))
            for number, place in enumerate(places)
        )
        return behind

    async def _from_leader(
        self, places: Sequence[str], found: dict[str, bytes], gone: set[str]
    ) -> None:
        """Asks the leader, whose word counts: what it does not have, though its stream goes that
        far, is gone."""
        state = (await self._about()).state
        gone.update(place for place in places if int(place) < state.first_seq)
        if any(int(place) > state.last_seq for place in places):
            raise self._link.failed(
                f"ends at {state.last_seq}, before events that the ledger names: is it another "
                "stream, or an older copy?"
            )

        def hear(number: int, answer: Msg) -> None:
            if status(answer):
                return
            given = _given.decode(answer.data)
            if given.message is not None:
                found[places[number]] = base64.b64decode(given.message.data)
            elif given.error is not None and given.error.err_code == _NO_MESSAGE:
                gone.add(places[number])

        client = await self._link.client()
        subject = f"$JS.API.STREAM.MSG.GET.{self._link.stream.name}"
        await Round(client, hear).ask(
            (number, Question(subject, b'{"seq":%b}' % place.encode()))
            for number, place in enumerate(places)
            if place not in gone
        )

    async def _forget(self, first: int) -> None:
        # A server of 2.9 takes "up to 1" for "all of it" (filestore.go, PurgeEx).
        if first <= max(1, (await self._about()).state.first_seq):
            return
        answer = await self._link.ask("PURGE", {"seq": first})
        if answer.error is not None:
            raise self._link.failed(f"cannot be purged: {answer.error.description}")

    async def _held(self) -> Held:
        answer = await self._link.ask("INFO")
        if answer.error is not None and answer.error.err_code == NO_STREAM:
            return Held(0, 0, None, None, 0, self._link.stream.replicas)
        return _held(self._known(answer), self._link.stream.replicas)

    async def _about(self) -> About:
        return self._known(await self._link.ask("INFO"))

    def _known(self, answer: About) -> About:
        if answer.error is not None:
            raise self._link.failed(f"cannot be used: {answer.error.description}")
        return answer

    async def _repeatedly(
        self, once: Callable[[], Awaitable[bool]], failure: str, said: Sequence[str]
    ) -> None:
        """Again and again until it is done: a leader that is gone is replaced in a few seconds."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while not await once():
                    await asyncio.sleep(_AGAIN)
        except TimeoutError:
            why = said[0] or self._link.said or "it does not answer"
            raise self._link.failed(f"{failure}: {why}") from None


def _held(about: About, wanted: int) -> Held:
    state, config, group = about.state, about.config, about.cluster
    followers = group.replicas if group else ()
    copies = 1 + sum(each.current and not each.offline for each in followers)
    oldest = None
    if state.messages:
        oldest = datetime.fromisoformat(state.first_ts).timestamp()
    return Held(
        messages=state.messages,
        size=state.bytes,
        oldest=oldest,
        max_age=config.max_age / 1e9 if config.max_age else None,
        copies=copies,
        replicas=config.num_replicas,
        faults=tuple(_faults(config, wanted)),
    )


def _faults(config: Config, wanted: int) -> Iterator[Fault]:
    if config.num_replicas != wanted:
        problem = f"the stream has replicas={config.num_replicas}, and store says {wanted}"
        yield Fault(False, problem, f"nats stream edit --replicas={wanted}, or say so in store")
    if config.discard != "new" and max(config.max_bytes, config.max_msgs) > 0:
        problem = "the stream is limited and discards what is old: events that wait are lost"
        yield Fault(True, problem, "nats stream edit --max-bytes=-1 --max-msgs=-1 --discard=new")
