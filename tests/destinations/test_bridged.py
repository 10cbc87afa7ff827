"""Each vendor gets the browser's own ids, where its cookie has told them, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.destinations.samples import CONTEXT, body, event, identify, made, sent
from track_middleware.event import Event

SESSION = "019b7700-0000-7000-8000-0123456789ab"
TOLD: dict[str, dict[str, Any]] = {
    "ajs_anonymous_id": {"id": "seg"},
    "rl_anonymous_id": {"id": "rud", "session": 1_795_435_100},
    "ph_KEY_posthog": {"id": "post", "session": SESSION},
    "mp_KEY_mixpanel": {"id": "mix"},
    "AMP_KEY": {"id": "amp", "session": 1_795_435_100_000},
    "_hp2_id.KEY": {"id": "1234567890123456"},
    "_sp_id": {"id": "snow", "session": "s-9", "number": 7},
}


def told(number: int = 1, **given: Any) -> Event:
    given = {"user_id": None, **given}
    return event(number, context={**CONTEXT, "vendorIds": TOLD}, **given)


def first(url: str, *events: Event) -> Any:
    return body(sent(made(url), *events)[0])


def test_segment_gets_its_own_anonymous_id() -> None:
    (message,) = first("segment://KEY", told())["batch"]
    assert message["anonymousId"] == "seg"
    assert message["properties"] == {"revenue": 39.5}


def test_rudderstack_gets_its_own_anonymous_id_and_session() -> None:
    (message,) = first("rudderstack://KEY@data.example", told())["batch"]
    assert (message["anonymousId"], message["context"]["sessionId"]) == ("rud", 1_795_435_100)


def test_posthog_gets_its_own_distinct_id_and_session() -> None:
    (item,) = first("posthog://KEY", told())["batch"]
    assert (item["distinct_id"], item["properties"]["$session_id"]) == ("post", SESSION)


def test_posthog_joins_its_own_visitor_to_the_user() -> None:
    context = {**CONTEXT, "vendorIds": TOLD}
    (item,) = first("posthog://KEY", identify(context=context))["batch"]
    assert (item["distinct_id"], item["properties"]["$anon_distinct_id"]) == ("42", "post")


@pytest.mark.parametrize("url", ["mixpanel://KEY", "mixpanel://KEY?identity=original"])
def test_mixpanel_gets_its_own_device(url: str) -> None:
    (record,) = first(url, told())
    assert record["properties"]["distinct_id"] == "$device:mix"


def test_amplitude_gets_its_own_device_and_session() -> None:
    (item,) = first("amplitude://KEY", told())["events"]
    assert (item["device_id"], item["session_id"]) == ("amp", 1_795_435_100_000)


def test_heap_gets_its_own_number() -> None:
    (item,) = first("heap://KEY", told())["events"]
    assert item["user_id"] == "1234567890123456"


def test_snowplow_gets_its_own_user_session_and_visit_beside_our_visitor() -> None:
    (item,) = first("snowplow://c.example", told())["data"]
    known = {"duid": "snow", "sid": "s-9", "vid": "7", "tnuid": "visitor-1"}
    assert {name: item[name] for name in known} == known


@pytest.mark.parametrize(
    "url", ["posthog://OTHER", "mixpanel://OTHER", "amplitude://OTHER", "heap://OTHER"]
)
def test_another_project_does_not_get_them(url: str) -> None:
    plain, bridged = event(user_id=None), told()
    assert first(url, bridged) == first(url, plain)


def test_an_event_of_nobodys_browser_stays_nobodys() -> None:
    (message,) = first("segment://KEY", told(anonymous_id=None, user_id="42"))["batch"]
    assert "anonymousId" not in message
    (item,) = first("amplitude://KEY", told(anonymous_id=None, user_id="42"))["events"]
    assert "device_id" not in item


@pytest.mark.parametrize(
    "odd", [7, "x", [], *({"ajs_anonymous_id": each} for each in (7, {}, {"id": 7}))]
)
def test_ids_in_no_known_form_change_nothing(odd: Any) -> None:
    strange = event(context={**CONTEXT, "vendorIds": odd})
    (message,) = first("segment://KEY", strange)["batch"]
    assert message["anonymousId"] == "visitor-1"
