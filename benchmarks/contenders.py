"""The vendors' own SDKs and we, each sending the same events as fast as it can.

Each runs in a process of its own (``python -m benchmarks.contenders NAME URL EVENTS FOLDER``) and
is used as its documentation says for speed: its background consumer where it has one, batches as
they are by default, its queue raised so that it never drops, its flush and shutdown at the end.

- ``posthog``: ``capture``, one consumer thread, batches of 100.
- ``segment``, ``rudder``: ``track``, one consumer thread, batches of 100; RudderStack's compresses.
- ``mixpanel``: ``BufferedConsumer`` (batches of 50, sent by the calling thread: it has no other).
- ``amplitude``: ``track``, a pool of 16 threads, batches of 200.
- ``snowplow``: ``AsyncEmitter`` with a ``requests`` session, batches of 10, structured events.
- ``ours``: ``track()`` with ``deliver="process"``, to Segment's protocol: the event is on disk when
  the call returns. Its worker is started, as in a running site, by one event before the first
  measured one; how long that took is told apart.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from .usage import family

#: What each event says besides its number.
PROPERTIES = {"revenue": 39.5, "currency": "EUR", "items": 3, "plan": "pro", "first": False}

Send = Callable[[str, dict[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Told:
    """What a contender says of itself: when it began (monotonic clock), how many seconds the calls
    took; seconds of CPU and the highest MiB of memory, of producer and worker together. ``start``
    is what starting the worker took, in seconds."""

    began: float
    calling: float
    cpu: float
    memory: float
    start: float


@contextmanager
def posthog(url: str, number: int, folder: str) -> Iterator[Send]:
    from posthog import Posthog

    client = Posthog("key", host=url, max_queue_size=number + 1)
    yield lambda user, said: client.capture("Order Completed", distinct_id=user, properties=said)
    client.shutdown()


@contextmanager
def segment(url: str, number: int, folder: str) -> Iterator[Send]:
    from segment.analytics import Client

    client = Client("key", host=url, max_queue_size=number + 1)
    yield lambda user, said: client.track(user, "Order Completed", said)
    client.shutdown()


@contextmanager
def rudder(url: str, number: int, folder: str) -> Iterator[Send]:
    from rudderstack.analytics.client import Client

    client = Client("key", host=url, max_queue_size=number + 1)
    yield lambda user, said: client.track(user, "Order Completed", said)
    client.shutdown()


@contextmanager
def mixpanel(url: str, number: int, folder: str) -> Iterator[Send]:
    from mixpanel import BufferedConsumer, Mixpanel

    consumer = BufferedConsumer(events_url=f"{url}/track")
    client = Mixpanel("token", consumer=consumer)
    yield lambda user, said: client.track(user, "Order Completed", said)
    consumer.flush()


@contextmanager
def amplitude(url: str, number: int, folder: str) -> Iterator[Send]:
    from amplitude import Amplitude, BaseEvent

    client = Amplitude("key")
    client.configuration.server_url = f"{url}/2/httpapi"
    yield lambda user, said: client.track(
        BaseEvent("Order Completed", user_id=user, event_properties=said)
    )
    client.shutdown()


@contextmanager
def snowplow(url: str, number: int, folder: str) -> Iterator[Send]:
    import requests
    from snowplow_tracker import AsyncEmitter, StructuredEvent, Subject, Tracker

    logging.getLogger("snowplow_tracker.emitters").setLevel(logging.WARNING)
    emitter = AsyncEmitter(
        urlsplit(url).netloc, protocol="http", session=requests.Session(),
        buffer_capacity=number + 1,
    )  # fmt: skip
    tracker = Tracker("bench", emitters=emitter, app_id="bench")

    def send(user: str, said: dict[str, Any]) -> None:
        subject = Subject()
        subject.set_user_id(user)
        event = StructuredEvent(
            category="shop", action="Order Completed", label=said["order_id"],
            property_=said["plan"], value=said["revenue"], event_subject=subject,
        )  # fmt: skip
        tracker.track(event)

    yield send
    tracker.flush()


@contextmanager
def ours(url: str, number: int, folder: str, deliver: str = "process") -> Iterator[Send]:
    from track_middleware import configure, flush, track

    configure(data_dir=folder, deliver=deliver, secret_key="bench", destinations=[destination(url)])
    track("Started", {}, user_id="0")
    assert flush(300), "the worker did not start"
    yield lambda user, said: track("Order Completed", said, user_id=user)
    assert flush(300), "the worker was too slow"


def destination(url: str) -> str:
    """Our destination at the receiver."""
    return f"segment://key?endpoint={url}"


CONTENDERS: dict[str, Callable[[str, int, str], Any]] = {
    "posthog": posthog, "segment": segment, "rudder": rudder, "mixpanel": mixpanel,
    "amplitude": amplitude, "snowplow": snowplow, "ours": ours,
}  # fmt: skip


def orders(number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Users and properties of so many events, of 5,000 users in turn."""
    for place in range(number):
        yield f"user-{place % 5000}", {"order_id": f"order-{place:07}", **PROPERTIES}


def run(name: str, url: str, number: int, folder: str) -> Told:
    """Lets a contender send its events; returns when it says that it is done."""
    starting = time.monotonic()
    with CONTENDERS[name](url, number, folder) as send:
        start = time.monotonic() - starting
        before = sum(usage.cpu for usage in family())
        began = time.monotonic()
        for user, said in orders(number):
            send(user, said)
        calling = time.monotonic() - began
    after = family()
    cpu = sum(usage.cpu for usage in after) - before
    return Told(began, calling, cpu, sum(usage.peak for usage in after), start)


def main(name: str, url: str, number: str, folder: str) -> None:
    """Prints what a contender tells, as JSON."""
    print(json.dumps(asdict(run(name, url, int(number), folder))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
