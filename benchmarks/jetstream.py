"""The JetStream store beside nats-py alone: events in and out, in one run on one server.

nats-py alone publishes the same bodies, each with its id, awaits their acknowledgements a drain's
transaction at a time, and has them all sent again by an ordered consumer, the fastest way that it
offers. The store does what it does for the worker, with its ledger in SQLite: it drops ids that are
known, seals, publishes, gives positions and writes rows, reads, fetches and opens, moves the job.
Both take turns. The server is the tests' own.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.delivery.nats_servers import Servers, servers
from tests.programs import there
from track_middleware.delivery.drain import AT_ONCE
from track_middleware.delivery.store import NewRow, opening

if TYPE_CHECKING:
    from nats.aio.msg import Msg

EVENTS = int(os.environ.get("BENCH_EVENTS", "40000"))
ROUNDS = 3

#: The least of nats-py's own rate.
RATE = 0.5

#: Events that a destination reads at once, and acknowledgements that are awaited at once.
_BATCH = 500

_BODY = b'{"type":"track","event":"Order Completed","properties":{"revenue":39.5},"context":{%s}}'


def main() -> int:
    """Prints the table; 1 when the bar is missed. Without nats-server it says so."""
    if not there("nats"):
        print("no nats-server is installed here")
        return 0
    rows = [_row(number) for number in range(EVENTS)]
    alone: list[float] = []
    ours: list[float] = []
    with servers() as running:
        for number in range(ROUNDS):
            began = time.perf_counter()
            asyncio.run(_alone(running, f"raw{number}", rows))
            alone.append(time.perf_counter() - began)
            with tempfile.TemporaryDirectory() as folder:
                began = time.perf_counter()
                _store(running.url(stream=f"ours{number}"), rows, Path(folder))
                ours.append(time.perf_counter() - began)
    ratio = statistics.median(a / o for a, o in zip(alone, ours, strict=True))
    for name, seconds in (("nats-py alone", alone), ("the store", ours)):
        print(f"{name:<16} {EVENTS / statistics.median(seconds):>10,.0f} events/s in and out")
    print(f"ratio            {ratio:>10.2f}   (bar: at least {RATE})")
    return ratio < RATE


def _row(number: int) -> NewRow:
    body = _BODY % (b'"x":"%s"' % (b"y" * 500))
    return NewRow(
        str(uuid.uuid4()), f"visitor-{number % 997}", time.time(), "track", "Order Completed", body
    )


async def _alone(running: Servers, name: str, rows: Sequence[NewRow]) -> None:
    import nats

    client = await nats.connect(f"nats://127.0.0.1:{running.all[0].port}")
    stream = client.jetstream(publish_async_max_pending=2 * AT_ONCE)
    await stream.add_stream(name=name, subjects=[f"{name}.*"])
    for start in range(0, len(rows), AT_ONCE):
        for at in range(start, min(start + AT_ONCE, len(rows)), _BATCH):
            acks = [
                await stream.publish_async(
                    f"{name}.{number % 8}", row.body, headers={"Nats-Msg-Id": row.event_id}
                )
                for number, row in enumerate(rows[at : at + _BATCH])
            ]
            await asyncio.gather(*acks)
    got, over = 0, asyncio.Event()

    async def count(message: Msg) -> None:
        nonlocal got
        got += 1
        if got == len(rows):
            over.set()

    await stream.subscribe(f"{name}.*", stream=name, ordered_consumer=True, cb=count)
    await over.wait()
    await client.close()


def _store(url: str, rows: Sequence[NewRow], folder: Path) -> None:
    store = opening.opened(url, folder)
    job = store.job("webhook")
    for start in range(0, len(rows), AT_ONCE):
        with store.batch():
            store.append(rows[start : start + AT_ONCE])
            store.intake.moved("v1-segment", start)
    last = job.position
    while found := store.read(last, _BATCH):
        last = found[-1].position
        store.advance(job, last, [])
    store.close()
