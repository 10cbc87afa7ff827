"""What vendors' scripts keep in first-party cookies, in the forms that they write."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track_middleware.bridge import vendor_ids
from track_middleware.enrichment import enrich
from track_middleware.event import Event, epoch

EVENT = Event("1", "track", "2026-01-01T00:00:00.000Z", event="Order Completed")
NOW = round(epoch(EVENT.timestamp) * 1000)
SESSION = "019b7700-0000-7000-8000-0123456789ab"
SOON, LATE = NOW - 60_000, NOW - 1_801_000


def encoded(value: Any) -> str:
    return quote(json.dumps(value, separators=(",", ":")), safe="")


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def ids(name: str, value: str, **more: str) -> dict[str, Any]:
    return vendor_ids(EVENT, {name: value, **more}).get(name, {})


@pytest.mark.parametrize("value", ["ab-1", "%22ab-1%22", "ab%2D1"])
def test_segments_id_is_plain_or_in_quotes(value: str) -> None:
    assert ids("ajs_anonymous_id", value) == {"id": "ab-1"}


DEVICE = "019b7700-0000-7000-8000-00000000d001"


def posthog(last: int = SOON, **more: Any) -> str:
    return encoded({"distinct_id": DEVICE, "$device_id": DEVICE,
                    "$sesid": [last, SESSION, NOW - 90_000], **more})  # fmt: skip


def test_posthogs_cookie_tells_the_browser_and_its_session() -> None:
    assert ids("ph_KEY_posthog", posthog()) == {"id": DEVICE, "session": SESSION}


def test_a_session_that_was_silent_for_half_an_hour_is_over() -> None:
    assert ids("ph_KEY_posthog", posthog(LATE)) == {"id": DEVICE}
    assert ids("AMP_KEY", amplitude(LATE)) == {"id": "dev-1"}
    assert ids("_sp_id", snowplow(LATE)) == {"id": "u-1"}


def test_a_user_that_posthogs_cookie_claims_is_the_device_they_were() -> None:
    assert ids("ph_KEY_posthog", posthog(distinct_id="boss"))["id"] == DEVICE
    new = "16ff262c4301e5-0aa346c03894bc-39667c0e-1aeaa0-16ff262c431767"
    after_reset = posthog(**{"distinct_id": new, "$user_state": "anonymous"})
    assert ids("ph_KEY_posthog", after_reset)["id"] == new


@pytest.mark.parametrize("forged", [
    {"$user_state": "anonymous"}, {"$device_id": "42"}, {"$device_id": None},
])  # fmt: skip
def test_a_forged_posthog_cookie_names_no_user(forged: dict[str, Any]) -> None:
    assert ids("ph_KEY_posthog", posthog(distinct_id="42", **forged)) == {}


def test_mixpanels_device_is_found_also_where_only_the_distinct_id_names_it() -> None:
    both = encoded({"distinct_id": "42", "$device_id": "dev-1", "$user_id": "42"})
    assert ids("mp_KEY_mixpanel", both) == {"id": "dev-1"}
    assert ids("mp_KEY_mixpanel", encoded({"distinct_id": "$device:dev-2"})) == {"id": "dev-2"}
    assert ids("mp_KEY_mixpanel", encoded({"distinct_id": "42"})) == {}


def amplitude(last: int = SOON) -> str:
    said = {"deviceId": "dev-1", "userId": "42", "sessionId": NOW - 90_000, "lastEventTime": last}
    return packed(encoded(said))


def test_amplitudes_cookie_tells_device_and_session() -> None:
    assert ids("AMP_KEY", amplitude()) == {"id": "dev-1", "session": NOW - 90_000}
    assert ids("AMP_KEY", quote(amplitude(), safe="")) == ids("AMP_KEY", amplitude())


def test_heaps_cookie_tells_the_number() -> None:
    value = encoded({"userId": "1234567890123456", "sessionId": "1", "identity": "boss"})
    assert ids("_hp2_id.APP", value) == {"id": "1234567890123456"}


def test_rudderstacks_id_is_opened_and_its_session_stands_beside_it() -> None:
    who = "RS_ENC_v3_" + packed('"r-1"')
    running, over = ({"id": NOW // 1000, "expiresAt": NOW + offset} for offset in (60_000, -1))
    assert ids("rl_anonymous_id", who) == ids("rl_anonymous_id", "%22r-1%22") == {"id": "r-1"}
    assert ids("rl_anonymous_id", who, rl_session="RS_ENC_v3_" + packed(json.dumps(running))) == {
        "id": "r-1", "session": NOW // 1000,
    }  # fmt: skip
    assert ids("rl_anonymous_id", who, rl_session=encoded(over)) == {"id": "r-1"}
    assert ids("rl_anonymous_id", "RudderEncrypt%3AU2FsdGVkX18") == {}


def snowplow(last: int = SOON) -> str:
    session = "00000000-0000-4000-8000-000000000001"
    return f"u-1.1767000000.7.{last // 1000}.1767000000.{session}.p.f.1.2"


def test_snowplows_cookie_tells_user_session_and_visit() -> None:
    told = {"id": "u-1", "session": "00000000-0000-4000-8000-000000000001", "number": 7}
    assert ids("_sp_id", snowplow()) == told


NAMES = (
    "ajs_anonymous_id", "ph_K_posthog", "mp_K_mixpanel", "AMP_K", "_hp2_id.K", "rl_anonymous_id",
    "_sp_id",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value",
    [
        "", "%22%22", "null", "%22undefined%22", "x y", "%0d%0aSet-Cookie", "%7B", "[]", "%5B%5D",
        "a" * 201, "%7B%22distinct_id%22%3A7%7D", "RS_ENC_v3_????", "%FF%FE", "%00",
    ],
)  # fmt: skip
def test_what_is_no_id_says_nothing(name: str, value: str) -> None:
    if name == "ajs_anonymous_id" and value.startswith(("%7B", "[]", "%5B", "RS_")):
        return  # any printable text may be an id that a site gave Segment
    assert ids(name, value) == {}


KEYS = ("distinct_id", "$device_id", "$sesid", "deviceId", "sessionId", "lastEventTime", "userId")
VALUES = st.none() | st.text() | st.integers() | st.lists(st.integers())


@given(st.sampled_from(NAMES), st.text(), st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_no_cookie_makes_it_raise_or_say_what_is_unprintable(
    name: str, text: str, said: dict[str, Any]
) -> None:
    for value in (text, encoded(text), packed(text), encoded(said), packed(encoded(said))):
        who = ids(name, value, rl_session=value).get("id", "x")
        assert who.isascii()
        assert who.isprintable()
        assert 0 < len(who) <= 200


def test_the_derived_context_holds_them_by_their_cookies() -> None:
    facts = {"ajs_anonymous_id": "ab-1", "country": "DE"}
    assert enrich(EVENT, facts)["vendorIds"] == {"ajs_anonymous_id": {"id": "ab-1"}}
    assert "vendorIds" not in enrich(EVENT, {"country": "DE", "_ga": "GA1.1.1.2"})
