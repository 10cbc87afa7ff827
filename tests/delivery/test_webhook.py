"""What docs/destinations.md promises a webhook's receiver, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.recorder import Got, Recorder, Say
from tests.delivery.served import Shop, event_id, row
from track_middleware.delivery.transport import HttpTransport
from track_middleware.destinations.webhook import signature


@pytest.fixture
def send() -> Iterator[HttpTransport]:
    transport = HttpTransport()
    yield transport
    transport.close()


class Receiver:
    """Keeps to the document's rules. Of its calls some are stored and not answered, some not even
    stored; the poisonous event is refused."""

    def __init__(self, poison: str) -> None:
        self.stored: list[tuple[str, str]] = []
        self._seen: set[str] = set()
        self._poison = poison
        self._calls = 0

    def __call__(self, got: Got) -> Say:
        self._calls += 1
        header, body = got.headers["x-track-signature"], got.body
        seconds = int(header.partition(",")[0].removeprefix("t="))
        assert signature("s3", body, seconds) == header
        events = json.loads(body)["batch"]
        if any(each["messageId"] == self._poison for each in events):
            return Say(422, b"never")
        if self._calls % 5 == 3:
            return Say(503)
        for each in events:
            if each["messageId"] not in self._seen:
                self._seen.add(each["messageId"])
                self.stored.append((each["anonymousId"], each["messageId"]))
        return Say(raw=b"") if self._calls % 5 == 4 else Say(204)


def test_a_visitors_events_arrive_in_their_order_over_every_failure(
    tmp_path: Path, send: HttpTransport
) -> None:
    receiver = Receiver(poison=event_id(60))
    with Recorder(receiver) as there:
        url = f"webhook+https://shop.test/?secret=s3&endpoint={there.url}"
        shop = Shop(tmp_path, url, send)
        for start in range(0, 200, 40):
            numbers = range(start, start + 40)
            shop.accept(*[row(number, visitor=f"v{number % 7}") for number in numbers])
            shop.run()
        shop.run_out()
        assert set(shop.dead()) == {event_id(60)}
        shop.close()
    for visitor in range(7):
        mine = [each for who, each in receiver.stored if who == f"v{visitor}"]
        assert mine == [event_id(number) for number in range(visitor, 200, 7) if number != 60]


def test_a_repeat_carries_the_same_ids_and_times(tmp_path: Path, send: HttpTransport) -> None:
    with Recorder(lambda got: Say(raw=b"") if len(there.got) == 1 else Say()) as there:
        shop = Shop(tmp_path, f"webhook+{there.url}/in", send)
        shop.accept(row(1), row(2))
        shop.run_out()
        shop.close()
    first, *again = (json.loads(got.body)["batch"] for got in there.got)
    # After the pause one event asks alone whether the receiver is back.
    assert [each for batch in again for each in batch] == first


def test_plain_http_reaches_this_machine_by_its_other_address(
    tmp_path: Path, send: HttpTransport
) -> None:
    with Recorder(host="::1") as there:
        assert there.url.startswith("http://[::1]:")
        shop = Shop(tmp_path, f"webhook+{there.url}/in", send)
        shop.accept(row(1))
        shop.run_out()
        shop.close()
    assert [got.path for got in there.got] == ["/in"]
