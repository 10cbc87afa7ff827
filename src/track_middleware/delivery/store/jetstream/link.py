"""The connection to NATS and the stream that is used over it. Runs on one event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.errors import Error

from ....errors import StoreError
from ....seldom import Seldom
from ..broker import Broker
from .address import Stream, stream

logger = logging.getLogger("track_middleware")

#: Seconds: to connect at all; to connect to one server, or to close; between the first two tries,
#: and later ones at most; until a silent server counts as gone (two pings are not answered); for
#: one question to the stream's leader.
_REACH = 5.0
_CONNECT = 2.0
_AGAIN, _MOST = 0.2, 2.0
_PING = 3
_ASK = 2.0

#: Seconds within which JetStream knows a parcel again that is put a second time.
_WINDOW = 120

#: What the stream keeps events under: one subject for each shard.
SUBJECT = "{name}.{shard}"

#: JetStream's word for a stream that is not there.
NO_STREAM = 10059


class Failure(msgspec.Struct, frozen=True):
    """What JetStream says when it does not do what it was asked."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class State(msgspec.Struct, frozen=True):
    """What a stream holds; ``first_ts`` is a moment of RFC 3339."""

    messages: int = 0
    bytes: int = 0
    first_seq: int = 0
    first_ts: str = ""
    last_seq: int = 0


class Peer(msgspec.Struct, frozen=True):
    """One of the servers that have a copy."""

    current: bool = False
    offline: bool = False


class Group(msgspec.Struct, frozen=True):
    """Who has the copies of a stream; the leader is not among the ``replicas``."""

    leader: str = ""
    replicas: tuple[Peer, ...] = ()


class Config(msgspec.Struct, frozen=True):
    """How a stream was made; ages are nanoseconds, 0 for ever; -1 is no limit."""

    subjects: tuple[str, ...] = ()
    discard: str = ""
    max_bytes: int = -1
    max_msgs: int = -1
    num_replicas: int = 1
    max_age: int = 0
    allow_direct: bool = False


class About(msgspec.Struct, frozen=True):
    """JetStream's answer about a stream."""

    error: Failure | None = None
    config: Config = Config()
    state: State = State()
    cluster: Group | None = None
    success: bool = False


_about = msgspec.json.Decoder(About)


class Link:
    """Connects when it is first needed and goes on by itself when the connection was lost."""

    def __init__(self, broker: Broker, *, seldom: Seldom) -> None:
        self._broker = broker
        self.stream: Stream = stream(broker)
        self._seldom = seldom
        self._client: Client | None = None
        self._is_made = False
        self._making = asyncio.Lock()
        self._failures = 0
        #: What nats-py complained of, since it connected last.
        self.said = ""

    async def client(self) -> Client:
        """The connection, once it stands and the stream is there. StoreError when that takes too
        long."""
        async with self._reaching(), self._making:
            client = await self._connected()
            if not self._is_made:
                await self._make(client)
                self._is_made, self.said = True, ""
            return client

    @asynccontextmanager
    async def _reaching(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_REACH):
                yield
        except TimeoutError:
            raise self.failed(f"cannot be reached{self.said and f' ({self.said})'}") from None

    def failed(self, what: str) -> StoreError:
        """An error that says where."""
        return StoreError(f"{self._broker.shown} {what}")

    async def ask(self, about: str, given: Mapping[str, Any] | None = None) -> About:
        """JetStream's answer to a question about the stream (``INFO``, ``PURGE``), which need not
        be there. StoreError without one."""
        async with self._reaching(), self._making:
            client = await self._connected()
        return await self._asked(client, about, given or {})

    async def close(self) -> None:
        """Ends the connection."""
        client, self._client, self._is_made = self._client, None, False
        if client is not None:
            await _closed(client)

    async def _connected(self) -> Client:
        client = self._client
        if client is None or client.is_closed:
            client = self._client = await self._connect()
        while not client.is_connected:  # it connects again by itself
            await asyncio.sleep(_AGAIN / 10)
        return client

    async def _connect(self) -> Client:
        broker = self._broker
        scheme = "tls" if self.stream.tls else "nats"
        more: dict[str, Any] = {"reconnect_time_wait": _AGAIN}  # which is said to be an int
        if broker.password:
            more |= {"user": broker.user, "password": broker.password}
        elif broker.user:
            more["token"] = broker.user
        if self.stream.creds:
            more["user_credentials"] = self.stream.creds
        client = Client()
        try:
            await client.connect(
                [f"{scheme}://{each}" for each in broker.servers],
                name="track-middleware",
                connect_timeout=int(_CONNECT),
                max_reconnect_attempts=-1,
                ping_interval=_PING,
                max_outstanding_pings=1,
                error_cb=partial(self._complain, client),
                reconnected_cb=self._reached,
                **more,
            )
        except (Error, OSError) as error:
            await _closed(client)
            raise self.failed(f"cannot be used: {error}") from error
        except asyncio.CancelledError:  # it would go on where nobody waits for it any more
            await _closed(client)
            raise
        await self._reached()
        return client

    async def _reached(self) -> None:
        self._failures = 0

    async def _complain(self, client: Client, error: Exception) -> None:
        """nats-py tells of every try that failed, which is told on once in a while, and tries again
        once it was heard."""
        said = str(error).strip() or type(error).__name__
        if "authorization" not in self.said.lower():  # after which links only break off
            self.said = said
        more = self._seldom.due(type(error).__name__)
        if more is not None:
            logger.warning("%s: %s%s", self._broker.shown, said, more)
        if not (client.is_connected or client.is_closed):
            self._failures += 1
            await asyncio.sleep(rest(self._failures, len(self._broker.servers)))

    async def _make(self, client: Client) -> None:
        """The stream is there from now on."""
        found = await self._asked(client, "INFO", {})
        if found.error is not None and found.error.err_code == NO_STREAM:
            found = await self._asked(client, "CREATE", self._wanted())
        if found.error is not None:
            raise self.failed(f"cannot be used: {found.error.description}")
        subject = SUBJECT.format(name=self.stream.name, shard="*")
        if found.config.subjects != (subject,) or not found.config.allow_direct:
            raise self.failed(
                f"is another's stream: it is not the one of {subject} with allow_direct; give "
                "another name with ?stream="
            )

    def _wanted(self) -> dict[str, Any]:
        return {
            "name": self.stream.name,
            "subjects": [SUBJECT.format(name=self.stream.name, shard="*")],
            "description": "bodies of events, sealed; track-middleware's ledger has the keys",
            "retention": "limits",
            "storage": "file",
            "discard": "new",
            "num_replicas": self.stream.replicas,
            "duplicate_window": _WINDOW * 10**9,
            "max_age": 0,
            "max_msgs": -1,
            "max_bytes": -1,
            "max_msgs_per_subject": -1,
            "max_msg_size": -1,
            "max_consumers": -1,
            "allow_direct": True,
            "deny_delete": False,
        }

    async def _asked(self, client: Client, about: str, given: Mapping[str, Any]) -> About:
        subject = f"$JS.API.STREAM.{about}.{self.stream.name}"
        question = msgspec.json.encode(given) if given else b""
        try:
            answer = await client.request(subject, question, timeout=_ASK)
            return _about.decode(answer.data)
        except (Error, OSError, msgspec.DecodeError) as error:
            raise self.failed(f"does not answer: {error}") from error


def rest(failures: int, servers: int) -> float:
    """How many seconds to wait after so many tries in a row that failed: none until each server was
    tried, then longer with every round."""
    rounds, begun = divmod(failures, servers)
    return 0.0 if begun else min(_MOST, _AGAIN * 2.0 ** min(rounds - 1, 10))


async def _closed(client: Client) -> None:
    """Ends a connection; one that does not end in time is left."""
    try:
        async with asyncio.timeout(_CONNECT):
            await client.close()
    except (TimeoutError, OSError, Error):
        return
    except asyncio.CancelledError:
        # A task of the client's may wait for the same end; where that one was cancelled, the end is
        # there, and it was not we.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
