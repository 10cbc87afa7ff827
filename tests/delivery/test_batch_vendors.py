"""Segment, RudderStack and PostHog: their stand-ins refuse what they refuse, and events over a
limit are dead letters that keep nothing else back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.emulators import Emulator
from tests.delivery.emulators.posthog import PostHog
from tests.delivery.emulators.rudderstack import RudderStack
from tests.delivery.emulators.segment import Segment
from tests.delivery.served import Shop, event_id, row
from tests.destinations.samples import event, made, sent
from track_middleware.destinations import Answer, Call

VENDORS: list[Callable[[], Emulator]] = [Segment, RudderStack, PostHog]


def batch(vendor: Emulator, change: Callable[[Any], object]) -> Answer:
    """What the vendor answers to a call of ours whose body was changed."""
    (call,) = sent(made(vendor.url), event(1), event(2))
    whole = json.loads(call.body)
    change(whole)
    answer = vendor(replace(call, body=json.dumps(whole).encode()))
    assert isinstance(answer, Answer)
    return answer


def first(**fields: Any) -> Callable[[Any], None]:
    return lambda whole: whole["batch"][0].update(fields)


@pytest.mark.parametrize("make", VENDORS)
def test_what_we_send_is_taken_once(make: Callable[[], Emulator]) -> None:
    vendor = make()
    calls: list[Call] = sent(made(vendor.url), event(1), event(2))
    assert [vendor(call).status for call in calls * 2] == [200, 200]
    assert vendor.taken == [event(1).message_id, event(2).message_id]


@pytest.mark.parametrize(
    ("make", "change", "status", "taken"),
    [
        (Segment, first(userId=None, anonymousId=None), 200, 1),
        (Segment, first(event=""), 200, 1),
        (Segment, first(messageId="m" * 100), 200, 1),
        (Segment, first(properties={"x": "y" * 33_000}), 400, 0),
        (Segment, lambda whole: whole.update(batch=whole["batch"] * 1_000), 400, 0),
        (Segment, lambda whole: whole.update(writeKey="other"), 401, 0),
        (RudderStack, first(userId=None, anonymousId=""), 400, 0),
        (RudderStack, first(type="identify", context={}), 400, 0),
        (RudderStack, first(properties={"x": "y" * 4_096_000}), 413, 0),
        (RudderStack, lambda whole: whole.update(batch=[]), 400, 0),
        (PostHog, first(distinct_id=""), 200, 1),
        (PostHog, first(event=""), 200, 1),
        (PostHog, first(uuid="order:1"), 400, 0),
        (PostHog, first(timestamp="soon"), 400, 0),
        (PostHog, first(properties={"x": "y" * 20_000_000}), 413, 0),
        (PostHog, lambda whole: whole.update(api_key="other"), 401, 0),
    ],
)
def test_a_stand_in_refuses_what_its_vendor_refuses(
    make: Callable[[], Emulator], change: Callable[[Any], object], status: int, taken: int
) -> None:
    vendor = make()
    assert batch(vendor, change).status == status
    assert len(vendor.taken) == taken


def test_posthog_counts_a_repeat_with_another_time_twice() -> None:
    vendor = PostHog()
    batch(vendor, lambda whole: None)
    batch(vendor, first(timestamp="2026-11-23T12:00:01Z"))
    assert vendor.taken.count(event(1).message_id) == 2


@pytest.mark.parametrize(
    ("make", "too_large"), [(Segment, 40_000), (RudderStack, 4_000_000), (PostHog, 930_000)]
)
def test_an_event_over_the_limit_is_a_dead_letter_and_the_rest_is_delivered(
    make: Callable[[], Emulator], too_large: int, tmp_path: Path
) -> None:
    vendor = make()
    shop = Shop(tmp_path, vendor.url, vendor)
    shop.accept(
        row(1),
        row(2, properties={"x": "y" * too_large}),
        row(3, event=""),
        row(4, visitor="v2"),
        row(5, anonymousId=None),
    )
    shop.run_out()
    assert vendor.taken == [event_id(1), event_id(4)]
    dead = shop.dead()
    assert "larger than" in dead[event_id(2)]
    assert (dead[event_id(3)], dead[event_id(5)]) == (
        "it has no name",
        "it has neither a user id nor an anonymous id",
    )
    assert shop.waiting() == {}
    shop.close()
