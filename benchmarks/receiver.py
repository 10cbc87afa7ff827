"""The destination of the benchmarks: a process of its own that counts what arrives.

Every contender's batch is one POST; events are recognised by ``order-0000123``, which none of their
encodings changes, so that a body costs one search and the receiver never limits the rate.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import http.client
import json
import re
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

_NUMBER = re.compile(rb"order-(\d{7})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GZIP = re.compile(rb"\r\ncontent-encoding: *gzip", re.IGNORECASE)

#: What every vendor's SDK takes for a success.
_TAKEN = b'{"status":1,"code":200,"success":true,"error":null}'


class _Counts:
    """When each event came first, by number; 0.0: not yet."""

    def __init__(self) -> None:
        self.down = False
        self.latency = 0.0
        self.expect(0)

    def expect(self, number: int) -> None:
        self.times = array("d", bytes(8 * number))
        self.repeated = 0

    def take(self, body: bytes) -> None:
        now, times = time.monotonic(), self.times
        for found in _NUMBER.findall(body):
            place = int(found)
            if place >= len(times):
                continue
            if times[place]:
                self.repeated += 1
            else:
                times[place] = now


class _Connection(asyncio.Protocol):
    def __init__(self, counts: _Counts) -> None:
        self._counts = counts
        self._came = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._came[: end + 2])
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._came) < whole:
                return
            body = bytes(self._came[end + 4 : whole])
            del self._came[:whole]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        if method == b"GET":
            self._say(self._counts.times.tobytes())
        elif path.startswith(b"/bench/"):
            self._order(path.split(b"/")[2], body)
        elif self._counts.down:
            self._transport.abort()
        else:
            self._counts.take(gzip.decompress(body) if _GZIP.search(head) else body)
            asyncio.get_running_loop().call_later(self._counts.latency, self._say, _TAKEN)

    def _order(self, what: bytes, body: bytes) -> None:
        counts = self._counts
        if what == b"expect":
            counts.expect(int(body))
        elif what == b"slow":
            counts.latency = float(body)
        elif what in (b"down", b"up"):
            counts.down = what == b"down"
        self._say(json.dumps({"repeated": counts.repeated}).encode())

    def _say(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self._transport.write(head % len(body) + body)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What has come: the moment of each event by its number (monotonic clock, 0.0: it has not
    come), and how many came more than once."""

    times: array[float]
    repeated: int

    @property
    def lost(self) -> int:
        return self.times.count(0.0)

    @property
    def last(self) -> float:
        return max(self.times)

    @property
    def first(self) -> float:
        return min(filter(None, self.times), default=0.0)


class Receiver:
    """The receiver as the benchmarks see it: its ``url``, and orders to it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def expect(self, number: int) -> None:
        """Begins anew, for events numbered from 0."""
        self._ask("POST", "/bench/expect", str(number))

    def down(self) -> None:
        """From now on every connection that brings events breaks off."""
        self._ask("POST", "/bench/down")

    def up(self) -> None:
        self._ask("POST", "/bench/up")

    def slow(self, seconds: float) -> None:
        """From now on every answer to events takes so long."""
        self._ask("POST", "/bench/slow", str(seconds))

    def arrivals(self) -> Arrivals:
        """What has come by now."""
        repeated = json.loads(self._ask("POST", "/bench/report"))["repeated"]
        return Arrivals(array("d", self._ask("GET", "/")), repeated)

    def _ask(self, method: str, path: str, body: str = "") -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            return connection.getresponse().read()


@contextlib.contextmanager
def running() -> Iterator[Receiver]:
    """A receiver, until the block ends."""
    command = [sys.executable, "-m", "benchmarks.receiver"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield Receiver(int(process.stdout.readline()))
        finally:
            process.terminate()


async def _serve() -> None:
    counts = _Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(counts), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve())
