"""Hostile requests to the collector and to Segment's door, over real sockets.

``make fuzz`` sends 100,000 (``FUZZ`` says how many); the short form takes a few seconds. The seed
is in the name of the test: a failure can be repeated.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.fuzz.client import Client
from tests.fuzz.requests import BELIEVED, VICTIM, Hostile, Requests
from tests.stock.host import Host, hosted
from track_middleware.delivery.store import sqlite
from track_middleware.tracking.beacon import MESSAGE_LIMIT, too_much

COUNT = int(os.environ.get("FUZZ", "1200"))
SEED = int(os.environ.get("FUZZ_SEED", "20261125"))

#: What the server may grow by, once it is warm: tables of clients and caches that are bounded.
_GROWTH = 48 * 2**20
_WARM = COUNT // 5


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def stored(host: Host) -> Iterator[dict[str, Any]]:
    """Every event that has reached the store, as it was accepted."""
    store = sqlite.open(host.data_dir / "events.db", read_only=True)
    position = 0
    while rows := store.read(position, 1000):
        yield from (msgspec.json.decode(row.body) for row in rows)
        position = rows[-1].position
    store.close()


@pytest.mark.parametrize("seed", [SEED])
def test_no_request_breaks_a_door_or_speaks_for_another(
    seed: int, tmp_path: Path, free_port: int
) -> None:
    more = {"destinations": [], "trusted_proxies": 1, "linked_domains": ["linked.example"]}
    with hosted(tmp_path, free_port, **more) as host:
        requests, client = Requests(seed), Client(free_port, "/own")
        statuses: Counter[int] = Counter()
        warm = 0
        for number in range(COUNT):
            hostile = requests.next()
            status, body = client.ask(hostile)
            statuses[status] += 1
            assert_is_an_answer(hostile, status, body)
            if number == _WARM:
                warm = resident(host.pid)
            if number % 5_000 == 4_999:
                host.worker.once()
        client.close()
        grown = resident(host.pid) - warm
        host.worker.once()
        said = sorted(statuses.items())
        events = 0
        claimed: Counter[str] = Counter()
        for event in stored(host):
            events += 1
            claimed[assert_is_allowed(event)] += 1
        letters = len(host.letters())
    print(f"{COUNT} requests: {said}; {events} events ({dict(claimed)}), {letters} letters kept; "
          f"memory {warm >> 20} MiB and {grown >> 10} KiB")  # fmt: skip
    assert statuses[200] > COUNT / 10
    assert events > COUNT / 20
    assert letters > 0
    assert claimed.keys() >= {"web", "ios", "android", "server"}
    assert grown < _GROWTH


def assert_is_an_answer(hostile: Hostile, status: int, body: bytes) -> None:
    assert 200 <= status < 500, hostile
    if status >= 400 and hostile.method != "HEAD":
        assert b'"error"' in body, (hostile, body)
    assert VICTIM.encode() not in body, hostile
    assert BELIEVED.encode() not in body, hostile


def assert_is_allowed(event: dict[str, Any]) -> str:
    """That no limit and no identity was broken by a stored event; its platform."""
    platform = str(event["context"]["platform"])
    whose = {event.get(name) for name in ("userId", "anonymousId", "previousId")}
    assert VICTIM not in whose, event
    if platform in ("web", "server") and event.get("event") == "Consent Changed":
        return "consent"
    if platform == "web":
        assert event.get("userId") is None, event
        assert BELIEVED not in whose, event
        assert event["context"].get("session") != {"id": VICTIM}, event
    for name in ("properties", "traits", "context", "integrations"):
        bag = event.get(name)
        assert bag is None or not too_much(bag, keys=2_100, levels=18), event
    assert len(msgspec.json.encode(event)) < MESSAGE_LIMIT + 4096, event
    assert len(event.get("event") or event.get("name") or "") <= 200, event
    assert event["timestamp"] <= event["receivedAt"], event
    return platform
