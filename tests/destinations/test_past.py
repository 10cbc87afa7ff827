"""What is known of a person's past reaches every destination that takes properties."""

from __future__ import annotations

import json

import pytest

from tests.destinations.samples import CONTEXT, NOW, event, made, page

PAST = {"orders": 3, "last_plan": "pro", "first_touch": {"channel": "Email", "path": "/a"}}
FLAT = {"orders": 3, "last_plan": "pro", "first_touch_channel": "Email", "first_touch_path": "/a"}


def body(url: str, **more) -> str:
    context = {**CONTEXT, "history": PAST}
    given = event(context=context, **more)
    (call, *_) = made(url).calls([given], NOW).calls
    return call.body.decode()


def properties(text: str) -> dict[str, object]:
    """The innermost object of a call in which one of the names stands."""
    found: list[dict[str, object]] = []

    def look(value: object) -> None:
        if isinstance(value, list):
            for each in value:
                look(each)
        elif isinstance(value, dict):
            if "last_plan" in value:
                found.append(value)
            for each in value.values():
                look(each)

    for line in text.splitlines():
        look(json.loads(line))
    return found[0]


@pytest.mark.parametrize(
    "url",
    ["amplitude://key", "mixpanel://token", "posthog://key", "heap://11", "ga4://G-1:secret"],
)
def test_a_past_stands_flat_among_the_properties(url):
    told = properties(body(url))
    assert {name: told.get(name) for name in FLAT} == FLAT


@pytest.mark.parametrize("url", ["amplitude://key", "mixpanel://token", "posthog://key"])
def test_what_the_event_says_itself_wins(url):
    assert properties(body(url, properties={"orders": 1}))["orders"] == 1


@pytest.mark.parametrize("url", ["amplitude://key", "mixpanel://token", "posthog://key"])
def test_a_page_has_it_too(url):
    (call, *_) = made(url).calls([page(context={**CONTEXT, "history": PAST})], NOW).calls
    assert properties(call.body.decode())["orders"] == 3


@pytest.mark.parametrize(
    "url", ["segment://key", "webhook+https://x.test/", "jsonl:///tmp/never-written"]
)
def test_who_takes_events_as_they_stand_finds_it_in_the_context(url):
    assert properties(body(url)) == PAST
