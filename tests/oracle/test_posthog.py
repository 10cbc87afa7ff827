"""posthog-python and we make the same calls: what differs on the wire, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from posthog import Posthog

from tests.delivery.recorder import Got, Recorder, Say
from tests.oracle import by_us
from tests.oracle.requests import IDS, MOMENT, around, flat, inside, whole
from track_middleware import alias, group, identify, page, screen, track

ORDER = {"order_id": "1001", "revenue": 39.5, "products": [{"sku": "a", "price": 1}]}
TRAITS = {"email": "ann@shop.test", "plan": "pro"}
SALE = {"url": "https://shop.test/sale", "title": "Sale"}

AROUND = {
    "headers.user-agent": "another library",
    "body.sent_at": "left out: PostHog would move the events' times by what the clocks differ, so "
    "that a repeat had another time and counted as another event",
}
INSIDE = {
    "every: timestamp": "the same moment, written Z and not +00:00",
    "every: properties.$lib": "another library",
    "every: properties.$lib_version": "another library",
    "every: properties.platform": "ours: where the event was made",
    **{
        f"{kind}: properties.{name}": "what the SDK runs on, which is not the person's"
        for kind in ("Order Completed", "$pageview", "$screen", "Signup")
        for name in ("$os", "$os_version", "$os_distro", "$python_runtime", "$python_version")
    },
    "$pageview: properties.channel": "ours: derived from the page",
    "$pageview: properties.$host": "ours: read from the address, as PostHog's browser script does",
    "Signup: distinct_id": "nobody was named: each makes an id of its own",
}


def say() -> None:
    track("Order Completed", ORDER, user_id="42", timestamp=MOMENT, event_id=IDS[0])
    page(context={"page": SALE}, user_id="42", timestamp=MOMENT, event_id=IDS[1])
    screen("Cart", {"step": 3}, user_id="42", timestamp=MOMENT, event_id=IDS[2])
    identify("42", TRAITS, timestamp=MOMENT, event_id=IDS[3])
    group("acme", {"name": "Acme"}, user_id="42", timestamp=MOMENT, event_id=IDS[4])
    alias("42", "visitor-1", timestamp=MOMENT, event_id=IDS[5])
    track("Signup", timestamp=MOMENT, event_id=IDS[6])


def said_by_sdk(client: Posthog) -> None:
    shown = {"$current_url": SALE["url"], "title": SALE["title"]}
    client.capture(
        "Order Completed", distinct_id="42", properties=ORDER, timestamp=MOMENT, uuid=IDS[0]
    )
    client.capture("$pageview", distinct_id="42", properties=shown, timestamp=MOMENT, uuid=IDS[1])
    named = {"$screen_name": "Cart", "step": 3}
    client.capture("$screen", distinct_id="42", properties=named, timestamp=MOMENT, uuid=IDS[2])
    client.set(distinct_id="42", properties=TRAITS, timestamp=MOMENT, uuid=IDS[3])
    client.group_identify(
        "company", "acme", {"name": "Acme"}, distinct_id="42", timestamp=MOMENT, uuid=IDS[4]
    )
    client.alias("visitor-1", "42", timestamp=MOMENT, uuid=IDS[5])
    client.capture("Signup", timestamp=MOMENT, uuid=IDS[6])


def by_sdk(say: Callable[[Posthog], object], *, historical: bool = False) -> list[Got]:
    with Recorder(lambda got: Say(body=b'{"status":"Ok"}')) as vendor:
        client = Posthog("KEY", host=vendor.url, historical_migration=historical)
        say(client)
        client.shutdown()
        return list(vendor.got)


def test_only_what_is_explained_differs_from_posthogs_own_library(tmp_path: Path) -> None:
    ours = whole(by_us(tmp_path, "posthog://KEY?group_type=company", say))
    theirs = whole(by_sdk(said_by_sdk))
    assert around(ours, theirs) == AROUND.keys()
    assert flat(inside(ours, theirs, lambda message: message["event"])) == INSIDE.keys()


def test_history_goes_as_a_migration_as_posthogs_own_library_sends_it(tmp_path: Path) -> None:
    then = MOMENT - timedelta(days=30)
    ours = by_us(tmp_path, "posthog://KEY", lambda: track("Signup", user_id="42", timestamp=then))
    theirs = by_sdk(
        lambda client: client.capture("Signup", distinct_id="42", timestamp=then), historical=True
    )
    assert around(whole(ours), whole(theirs)) == AROUND.keys()
    assert whole(ours)["body"]["historical_migration"] is True
