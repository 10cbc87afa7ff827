"""One call of each kind of Segment's spec: through us, and through a client such as Segment's and
RudderStack's Python libraries have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.delivery.recorder import Got, Recorder
from tests.oracle.requests import IDS, MOMENT
from track_middleware import alias, group, identify, page, screen, track

ORDER = {"order_id": "1001", "revenue": 39.5, "products": [{"sku": "a", "price": 1}]}
TRAITS = {"email": "ann@shop.test", "plan": "pro"}

#: The fields that differ inside messages of both vendors, and why.
INSIDE = {
    "every: timestamp": "the same moment, written Z and not +00:00",
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


def by_sdk(made: Callable[..., Any]) -> list[Got]:
    """What a client sends; ``made`` is its class."""
    with Recorder() as vendor:
        client = made("KEY", host=vendor.url)
        client.track("42", "Order Completed", ORDER, timestamp=MOMENT, message_id=IDS[0])
        client.page("42", None, "Home", {"step": 2}, timestamp=MOMENT, message_id=IDS[1])
        client.screen("42", None, "Cart", {"step": 3}, timestamp=MOMENT, message_id=IDS[2])
        client.identify("42", TRAITS, timestamp=MOMENT, anonymous_id="visitor-1", message_id=IDS[3])
        client.group("42", "acme", {"name": "Acme"}, timestamp=MOMENT, message_id=IDS[4])
        client.alias("visitor-1", "42", timestamp=MOMENT, message_id=IDS[5])
        client.shutdown()
        return list(vendor.got)
