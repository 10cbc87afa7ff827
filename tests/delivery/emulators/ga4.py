"""GA4's Measurement Protocol: any request is answered 204, so what the documentation refuses is an
assertion here (developers.google.com/analytics/devguides/collection/protocol/ga4: reference,
sending-events, validating-events)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.delivery.emulators import Emulator
from track_middleware.destinations import Answer, Call

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)
_PREFIXES = ("_", "firebase_", "ga_", "google_", "gtag.")
_LONGER = {"page_title": 300, "page_referrer": 420, "page_location": 1000}
_HEAD = {
    "client_id", "user_id", "timestamp_micros", "user_properties", "consent", "user_location",
    "ip_override", "device", "user_agent", "validation_behavior", "events",
}  # fmt: skip
_DEVICE = {
    "category", "language", "screen_resolution", "operating_system", "operating_system_version",
    "model", "brand", "browser", "browser_version",
}  # fmt: skip
_ITEM = {
    "item_id", "item_name", "affiliation", "coupon", "discount", "index", "item_brand",
    "item_category", "item_category2", "item_category3", "item_category4", "item_category5",
    "item_list_id", "item_list_name", "item_variant", "location_id", "price", "quantity",
    "promotion_id", "promotion_name", "creative_name", "creative_slot",
}  # fmt: skip
_TAKEN = """ad_activeview ad_click ad_exposure ad_impression ad_query ad_reward adunit_exposure
    app_clear_data app_exception app_install app_remove app_store_refund app_update app_upgrade
    dynamic_link_app_open dynamic_link_app_update dynamic_link_first_open error firebase_campaign
    firebase_in_app_message_action firebase_in_app_message_dismiss
    firebase_in_app_message_impression first_open first_visit in_app_purchase notification_dismiss
    notification_foreground notification_open notification_receive notification_send os_update
    screen_view session_start user_engagement"""
_RESERVED = frozenset(_TAKEN.split())
_RESERVED_PROPERTIES = {
    "first_open_time", "first_visit_time", "last_deep_link_referrer", "user_id",
    "first_open_after_install",
}  # fmt: skip


def violations(url: str, body: bytes, *, now: float) -> list[str]:
    """What the vendor's documentation refuses about a request sent at ``now``."""
    query = parse_qs(urlsplit(url).query)
    found = [f"no {key}" for key in ("measurement_id", "api_secret") if not query.get(key)]
    if urlsplit(url).path != "/mp/collect":
        found.append("the path is /mp/collect")
    if len(body) >= 130_000:
        found.append("smaller than 130 kB")
    whole = json.loads(body)
    found += [f"unknown {key}" for key in whole.keys() - _HEAD]
    if not re.fullmatch(r"[1-9]\d*\.[1-9]\d*", str(whole.get("client_id"))):
        found.append("client_id is two positive numbers, joined by a point")
    user = whole.get("user_id", "-")
    if not isinstance(user, str) or not 1 <= len(user) <= 256 or "@" in user:
        found.append("user_id has at most 256 characters, and is no mail address")
    found += _about(whole)
    events = whole.get("events")
    if not isinstance(events, list) or not 1 <= len(events) <= 25:
        return [*found, "1 to 25 events"]
    return found + [wrong for event in events for wrong in _event(event, now)]


def _about(whole: Mapping[str, Any]) -> list[str]:
    found = [f"device has no {key}" for key in whole.get("device", {}).keys() - _DEVICE]
    consent = whole.get("consent", {})
    if consent.keys() - {"ad_user_data", "ad_personalization"}:
        found.append("an unknown kind of consent")
    if set(consent.values()) - {"GRANTED", "DENIED"}:
        found.append("consent is GRANTED or DENIED")
    properties = whole.get("user_properties", {})
    if len(properties) > 25:
        found.append("at most 25 user properties")
    for key, told in properties.items():
        if not _NAME.fullmatch(key) or len(key) > 24 or key.startswith(_PREFIXES):
            found.append(f"user property name {key:.30}")
        if key in _RESERVED_PROPERTIES:
            found.append(f"reserved user property {key}")
        if (
            not isinstance(told, dict)
            or told.keys() != {"value"}
            or not _is_value(told["value"], 36)
        ):
            found.append(f"user property value of {key:.30}")
    return found


def _event(event: Mapping[str, Any], now: float) -> list[str]:
    found = [f"an event has no {k}" for k in event.keys() - {"name", "params", "timestamp_micros"}]
    name = event.get("name", "")
    if not _NAME.fullmatch(name):
        found.append(f"event name {name[:50]!r}")
    if name in _RESERVED or name.lower().startswith(_PREFIXES):
        found.append(f"reserved event name {name}")
    at = event.get("timestamp_micros", now * 1e6)
    if type(at) is float and "timestamp_micros" in event:
        found.append("timestamp_micros is an integer")
    if not now - 72 * 3600 <= at / 1e6 <= now:
        found.append("timestamp_micros is within the last 72 hours")
    return found + _params(event.get("params", {}))


def _params(params: Mapping[str, Any]) -> list[str]:
    found = [] if len(params) <= 25 else ["at most 25 parameters"]
    for key, value in params.items():
        if key == "items":
            found += [wrong for item in value for wrong in _item(item)]
            found += [] if 1 <= len(value) <= 200 else ["1 to 200 items"]
            continue
        found += _param(key, value)
    session, engaged = params.get("session_id", 1), params.get("engagement_time_msec", 1)
    if not str(session).isdigit() or int(session) <= 0:
        found.append("session_id is a positive number")
    if type(engaged) is not int or engaged <= 0:
        found.append("engagement_time_msec is a positive number")
    return found


def _item(item: Mapping[str, Any]) -> list[str]:
    found = [] if item.keys() & {"item_id", "item_name"} else ["item_id or item_name"]
    if len(item.keys() - _ITEM) > 10:
        found.append("at most 10 custom parameters of an item")
    return found + [wrong for key, value in item.items() for wrong in _param(key, value)]


def _param(key: str, value: Any) -> list[str]:
    found = []
    if not _NAME.fullmatch(key) or key.lower().startswith(_PREFIXES):
        found.append(f"parameter name {key[:50]!r}")
    if key == "firebase_conversion":
        found.append("reserved parameter firebase_conversion")
    if not _is_value(value, _LONGER.get(key, 100)):
        found.append(f"value of {key:.50}")
    return found


def _is_value(value: Any, most: int) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, (int, float)) or (isinstance(value, str) and 1 <= len(value) <= most)


class Ga4(Emulator):
    """It has no idempotency key: a repeated event counts twice, so that the sender is asked to
    repeat here, and events are told apart by a parameter of theirs."""

    url = "ga4://G-TEST:secret?on_doubt=repeat"
    counted = ("track", "page", "screen", "identify", "group")
    passing = ("alias",)

    #: What ``served.Shop`` begins at; its clock moves by hours while a vendor is down.
    now = 1_795_435_200.0 + 48 * 3600

    def __call__(self, call: Call) -> Answer:
        assert not call.repeatable
        assert violations(call.url, call.body, now=self.now) == []
        self.take([each["params"]["event_id"] for each in json.loads(call.body)["events"]])
        return Answer(204)


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {"ga4": lambda folder: Ga4()}
