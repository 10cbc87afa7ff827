"""``amplitude://API_KEY``: Amplitude's HTTP API V2.

Source of limits and answers: amplitude.com/docs/apis/analytics/http-v2 and
/http-api-batching-retries. ``insert_id`` is the event's id: the same id on the same device within
seven days is dropped there. A 400 means that nothing of the batch was taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid5

import msgspec

from ..event import NAMESPACE, Event
from ..settings import Address
from . import DELIVERED, Answer, Call, Outbound, Verdict
from .answers import scrubbed, verdict, words
from .context import campaign, facts, milliseconds, own, renamed, session_start
from .limits import Cutter, Piece, ids, listed, packed
from .options import base, check, key

REGIONS = {"us": "https://api2.amplitude.com", "eu": "https://api.eu.amplitude.com"}

#: The vendor takes fewer than 2,000 events and 1 MB a call.
MOST = 1_000
SIZE = 1_000_000
_EVENT = SIZE - 1_000
_TEXT = 1_024
_DEPTH = 39

#: How long a user or device that sends too much is left alone, in seconds.
THROTTLED = 30.0

#: Ids that the vendor refuses, besides the empty one.
NO_IDS = frozenset((
    "anonymous", "nil", "none", "null", "n/a", "na", "undefined", "unknown", "true", "false",
    "[]", "{}", "0", "-1", "nan",
))  # fmt: skip

_FIELDS = {
    "ip": "ip", "locale": "language", "country": "country", "browser": "os_name",
    "browser_version": "os_version", "os": "device_model", "device_brand": "device_manufacturer",
    "app_version": "app_version",
}  # fmt: skip
_APP_FIELDS = {
    "ip": "ip", "locale": "language", "country": "country", "os": "os_name",
    "os_version": "os_version", "device_model": "device_model",
    "device_brand": "device_manufacturer", "app_version": "app_version",
}  # fmt: skip
_PLATFORMS = {"web": "Web", "ios": "iOS", "android": "Android", "server": "Server"}
_PAGE = {
    "host": "[Amplitude] Page Domain", "url": "[Amplitude] Page Location",
    "path": "[Amplitude] Page Path", "title": "[Amplitude] Page Title",
    "plain_url": "[Amplitude] Page URL",
}  # fmt: skip
_PROPERTIES = {
    "referrer": "referrer", "referrer_host": "referring_domain", "page_id": "page_id",
    "route": "page_route", "status": "page_status", "duration_ms": "page_duration_ms",
    "confirmed": "page_confirmed", "channel": "channel", "device_type": "device_type",
    "timezone": "timezone", "screen_width": "screen_width", "screen_height": "screen_height",
    "viewport_width": "viewport_width", "viewport_height": "viewport_height",
}  # fmt: skip

_encoder = msgspec.json.Encoder()


class Amplitude:
    """Sends events to one Amplitude project."""

    most = MOST

    def __init__(self, name: str, api_key: str, base_url: str) -> None:
        self.name = name
        self._key = api_key
        self._url = base_url + "/2/httpapi"
        head = _encoder.encode({"api_key": api_key, "options": {"min_id_length": 1}})
        self._head = head[:-1] + b',"events":'

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        cutter = Cutter(text=_TEXT, depth=_DEPTH)
        settled: dict[str, Verdict] = {}
        pieces: list[Piece] = []
        for event in events:
            made, verdict = _pieces(event, cutter)
            pieces.extend(made)
            if verdict:
                settled[event.message_id] = verdict
        calls = [
            Call(
                self._url,
                self._head + listed(run) + b"}",
                ids(run),
                headers={"content-type": "application/json", "accept": "*/*"},
            )
            for run in packed(pieces, most=MOST, size=_EVENT)
        ]
        return Outbound(calls, settled, cutter.count)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        whole = verdict(answer, secrets=(self._key,))
        if answer is None or answer.status not in (400, 429):
            return [whole] * len(call.ids)
        said = _said(answer)
        if answer.status == 400 and _about_the_key(said):
            whole = Verdict("retry", whole.reason, pause=True)
            return [whole] * len(call.ids)
        named = self._refused(said, answer) if answer.status == 400 else _throttled(said, whole)
        known = {index: each for index, each in named.items() if 0 <= index < len(call.ids)}
        if not known:
            return [whole] * len(call.ids)
        rest = Verdict("retry", "resent without the ones refused", after=0)
        return [known.get(index, rest) for index in range(len(call.ids))]

    def _refused(self, said: Mapping[str, Any], answer: Answer) -> dict[int, Verdict]:
        error = str(said.get("error") or words(answer))
        reasons: dict[int, str] = {}
        for field in _LISTS:
            part = said.get(field)
            named = part.items() if isinstance(part, Mapping) else [("", part)]
            for name, indexes in named:
                for index in _indexes(indexes):
                    detail = f"{field} {name}".strip().replace("_", " ")
                    reasons.setdefault(index, f"{error}: {detail}")
        return {
            index: Verdict("refused", scrubbed(reason, (self._key,)))
            for index, reason in reasons.items()
        }


_LISTS = (
    "events_with_invalid_fields",
    "events_with_missing_fields",
    "events_with_invalid_id_lengths",
    "silenced_events",
)


def make(address: Address) -> Amplitude:
    """An Amplitude project of its URL."""
    check(address)
    api_key = key(address, "API_KEY")
    return Amplitude(address.options.get("name", "amplitude"), api_key, base(address, REGIONS))


def _said(answer: Answer) -> Mapping[str, Any]:
    try:
        said = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _about_the_key(said: Mapping[str, Any]) -> bool:
    return said.get("missing_field") == "api_key" or "api key" in str(said.get("error")).lower()


def _indexes(value: Any) -> Iterable[int]:
    return [each for each in value if type(each) is int] if isinstance(value, list) else []


def _throttled(said: Mapping[str, Any], whole: Verdict) -> dict[int, Verdict]:
    after = THROTTLED if whole.after is None else whole.after
    wait = Verdict("retry", whole.reason, after=max(after, 1.0))
    return dict.fromkeys(_indexes(said.get("throttled_events")), wait)


def _pieces(event: Event, cutter: Cutter) -> tuple[list[Piece], Verdict | None]:
    """The vendor's events for one of ours, or what is to become of it without any."""
    found = facts(event)
    made = _shaped(event, found)
    if isinstance(made, Verdict):
        return [], made
    try:
        common = _common(event, found)
    except ValueError:
        return [], Verdict("refused", "its timestamp is no ISO 8601 time")
    if "user_id" not in common and "device_id" not in common:
        return [], Verdict("refused", "it has neither a user id nor an anonymous id")
    pieces = []
    for number, shape in enumerate(made):
        whole = cutter.cut({**common, **shape, "insert_id": _insert_id(event, number)})
        pieces.append((event.message_id, _encoder.encode(whole)))
    if any(len(body) > _EVENT for _, body in pieces):
        return [], Verdict("refused", f"it is larger than {SIZE} bytes")
    return pieces, None


def _insert_id(event: Event, number: int) -> str:
    if number == 0:
        return event.message_id
    return str(uuid5(NAMESPACE, f"{event.message_id}/{number}"))


def _common(event: Event, found: Mapping[str, Any]) -> dict[str, Any]:
    app = found.get("platform") in ("ios", "android")
    common: dict[str, Any] = renamed(found, _APP_FIELDS if app else _FIELDS)
    platform = found.get("platform")
    if platform:
        common["platform"] = _PLATFORMS.get(platform, platform)
    who = {"user_id": event.user_id, "device_id": event.anonymous_id}
    common.update({k: v for k, v in who.items() if v and v.lower() not in NO_IDS})
    common["time"] = milliseconds(event)
    start = session_start(event)
    common["session_id"] = -1 if start is None else start
    return common


def _shaped(event: Event, found: Mapping[str, Any]) -> list[dict[str, Any]] | Verdict:
    """What an event is called there and what it says; the second event of a group is its traits."""
    traits = own(event.traits)
    if event.type == "alias":
        return DELIVERED  # an event that carries both ids joins them there
    if event.type == "identify":
        return [{"event_type": "$identify", "user_properties": {"$set": traits} if traits else {}}]
    if event.type == "group":
        return _group(str(event.group_id), traits)
    touch = campaign(event)
    said = {**renamed(found, _PROPERTIES), **touch}
    if event.type == "track":
        name = str(event.event)
        said.update(renamed(found, {"url": _PAGE["url"], "path": _PAGE["path"]}))
    else:
        name = "[Amplitude] Page Viewed" if event.type == "page" else "[Amplitude] Screen Viewed"
        said.update(renamed(found, _PAGE))
        if event.name:
            field = "page_name" if event.type == "page" else "[Amplitude] Screen Name"
            said[field] = event.name
    properties = own(event.properties)
    shape: dict[str, Any] = {"event_type": name, "event_properties": {**said, **properties}}
    revenue = properties.get("revenue")
    if type(revenue) in (int, float):
        shape["revenue"] = revenue
    touches = _touches(event, touch)
    return [{**shape, **({"user_properties": touches} if touches else {})}]


def _touches(event: Event, touch: Mapping[str, str]) -> dict[str, Any]:
    first = {f"initial_{name}": value for name, value in campaign(event, first=True).items()}
    return {
        operator: values for operator, values in (("$set", touch), ("$setOnce", first)) if values
    }


def _group(group_id: str, traits: Mapping[str, Any]) -> list[dict[str, Any]]:
    member = {
        "event_type": "$identify",
        "groups": {"group": group_id},
        "user_properties": {"$set": {"group": group_id}},
    }
    if not traits:
        return [member]
    about = {
        "event_type": "$groupidentify",
        "groups": {"group": group_id},
        "group_properties": {"$set": traits},
    }
    return [member, about]
