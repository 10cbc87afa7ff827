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
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.delivery.nats_servers import Servers, servers
from tests.programs import there
from track_middleware.delivery.drain import AT_ONCE
from track_middleware.delivery.store import NewRow, opening

if TYPE_CHECKING:
    from nats.aio.msg import Msg

from .beside import BATCH, ROUNDS, in_and_out, is_missed, made

EVENTS = int(os.environ.get("BENCH_EVENTS", "40000"))


def main() -> int:
    """Prints the table; 1 when the bar is missed. Without nats-server it says so."""
    if not there("nats"):
        print("no nats-server is installed here")
        return 0
    rows = made(EVENTS)
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
    return is_missed("nats-py", EVENTS, alone, ours)


async def _alone(running: Servers, name: str, rows: Sequence[NewRow]) -> None:
    import nats

    client = await nats.connect(f"nats://127.0.0.1:{running.all[0].port}")
    stream = client.jetstream(publish_async_max_pending=2 * AT_ONCE)
    await stream.add_stream(name=name, subjects=[f"{name}.*"])
    for start in range(0, len(rows), AT_ONCE):
        for at in range(start, min(start + AT_ONCE, len(rows)), BATCH):
            acks = [
                await stream.publish_async(
                    f"{name}.{number % 8}", row.body, headers={"Nats-Msg-Id": row.event_id}
                )
                for number, row in enumerate(rows[at : at + BATCH])
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
    in_and_out(opening.opened(url, folder), rows)
