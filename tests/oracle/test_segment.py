"""segment-analytics-python and we make the same calls: what differs on the wire, and why."""

from __future__ import annotations

from pathlib import Path

from segment.analytics.client import Client

from tests.delivery.recorder import Got, Recorder
from tests.oracle import by_us
from tests.oracle.requests import IDS, MOMENT, around, flat, inside, whole
from track_middleware import alias, group, identify, page, screen, track

ORDER = {"order_id": "1001", "revenue": 39.5, "products": [{"sku": "a", "price": 1}]}
TRAITS = {"email": "ann@shop.test", "plan": "pro"}

AROUND = {
    "headers.user-agent": "another library",
    "body.sentAt": "another moment; ours to the millisecond, as Segment's spec has it",
}
INSIDE = {
    "every: timestamp": "the same moment, written Z and not +00:00",
    "every: integrations": "theirs is empty: no destination is chosen, which leaving it out says",
    "every: context.library.name": "another library",
    "every: context.library.version": "another library",
    "every: context.platform": "ours: where the event was made",
    "every: context.consent": "ours: what the person permitted",
    "track: anonymousId": "theirs is null where there is none",
    "page: anonymousId": "theirs is null where there is none",
    "page: category": "theirs is null: neither was given one",
    "screen: anonymousId": "theirs is null where there is none",
    "screen: category": "theirs is null: neither was given one",
    "group: anonymousId": "theirs is null where there is none",
    "alias: anonymousId": "theirs is null where there is none",
}


def say() -> None:
    track("Order Completed", ORDER, user_id="42", timestamp=MOMENT, event_id=IDS[0])
    page("Home", {"step": 2}, user_id="42", timestamp=MOMENT, event_id=IDS[1])
    screen("Cart", {"step": 3}, user_id="42", timestamp=MOMENT, event_id=IDS[2])
    identify("42", TRAITS, anonymous_id="visitor-1", timestamp=MOMENT, event_id=IDS[3])
    group("acme", {"name": "Acme"}, user_id="42", timestamp=MOMENT, event_id=IDS[4])
    alias("42", "visitor-1", timestamp=MOMENT, event_id=IDS[5])


def by_sdk() -> list[Got]:
    with Recorder() as vendor:
        client = Client("KEY", host=vendor.url)
        client.track("42", "Order Completed", ORDER, timestamp=MOMENT, message_id=IDS[0])
        client.page("42", None, "Home", {"step": 2}, timestamp=MOMENT, message_id=IDS[1])
        client.screen("42", None, "Cart", {"step": 3}, timestamp=MOMENT, message_id=IDS[2])
        client.identify("42", TRAITS, anonymous_id="visitor-1", timestamp=MOMENT, message_id=IDS[3])
        client.group("42", "acme", {"name": "Acme"}, timestamp=MOMENT, message_id=IDS[4])
        client.alias("visitor-1", "42", timestamp=MOMENT, message_id=IDS[5])
        client.shutdown()
        return list(vendor.got)


def test_only_what_is_explained_differs_from_segments_own_library(tmp_path: Path) -> None:
    ours, theirs = whole(by_us(tmp_path, "segment://KEY", say)), whole(by_sdk())
    assert around(ours, theirs) == AROUND.keys()
    assert flat(inside(ours, theirs, lambda message: message["type"])) == INSIDE.keys()
