"""``amplitude://API_KEY``: Amplitude's HTTP API V2, and its batch API for what is old.

Source of shapes and limits: amplitude.com/docs/apis/analytics/http-v2, /batch-event-upload and
/docs/data/data-backfill. ``insert_id`` is the event's id: the same id on the same device within
seven days is dropped there, by either API, so every call may be repeated. Both answer alike
(``amplitude_answers``). ``?api=v2`` and ``?api=batch`` choose one of them for everything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid5

import msgspec

from ..address import Address
from ..event import NAMESPACE, Event
from ..vendor_cookies import cookie
from . import DELIVERED, Answer, Call, Outbound, Verdict
from .amplitude_answers import verdicts
from .context import (
    bridged,
    browser_ids,
    campaign,
    facts,
    group_id,
    milliseconds,
    own,
    past,
    renamed,
    session_start,
)
from .limits import Cutter, Piece, ids, listed, routed
from .options import ERASING, base, check, choice, key

REGIONS = {"us": "https://api2.amplitude.com", "eu": "https://api.eu.amplitude.com"}

#: Canonical name -> the vendor's. Alias has none: an event that carries both ids joins them.
VOCABULARY: Mapping[str, str] = {
    "page": "[Amplitude] Page Viewed",
    "screen": "[Amplitude] Screen Viewed",
    "identify": "$identify",
    "group": "$identify, $groupidentify",
}

_PATHS = {"v2": "/2/httpapi", "batch": "/batch"}

#: The vendor takes up to 2,000 events and 1 MB (V2) or 20 MB (batch) a call.
MOST = 1_000
SIZES = {"v2": 999_000, "batch": 10_000_000}
_EVENT = SIZES["v2"]
_TEXT = 1_024
_DEPTH = 39

#: Seconds from which on an event is history: to the batch API, and without touching what is known
#: of its user today (``$skip_user_properties_sync``).
HISTORY = 7 * 86_400

#: Ids that the vendor refuses, besides the empty one.
NO_IDS = frozenset((
    "anonymous", "nil", "none", "null", "n/a", "na", "undefined", "unknown", "true", "false",
    "[]", "{}", "0", "-1", "nan", "lmy47d", "00000000-0000-0000-0000-000000000000",
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
_PLACE = {"url": "[Amplitude] Page Location", "path": "[Amplitude] Page Path"}
_PAGE = {
    **_PLACE, "host": "[Amplitude] Page Domain", "title": "[Amplitude] Page Title",
    "plain_url": "[Amplitude] Page URL",
}  # fmt: skip
_PROPERTIES = {
    "referrer": "referrer", "referrer_host": "referring_domain", "page_id": "page_id",
    "route": "page_route", "status": "page_status", "duration_ms": "page_duration_ms",
    "confirmed": "page_confirmed", "channel": "channel", "device_type": "device_type",
    "timezone": "timezone", "screen_width": "screen_width", "screen_height": "screen_height",
    "viewport_width": "viewport_width", "viewport_height": "viewport_height",
}  # fmt: skip
_SALE = {"currency": "currency", "product_id": "productId", "revenue_type": "revenueType"}

_encoder = msgspec.json.Encoder()


class Amplitude:
    """Sends events to one Amplitude project. ``group`` is the type of its groups there."""

    most = MOST

    def __init__(
        self, name: str, api_key: str, base_url: str, *, api: str | None, group: str, cookie: str
    ) -> None:
        self.name = name
        self._cookie = cookie
        self._key = api_key
        self._api = api
        self._group = group
        self._urls = {each: base_url + path for each, path in _PATHS.items()}
        head = _encoder.encode({"api_key": api_key, "options": {"min_id_length": 1}})
        self._head = head[:-1] + b',"events":'
        self._headers = {"content-type": "application/json", "accept": "*/*"}

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        cutter = Cutter(text=_TEXT, depth=_DEPTH)
        settled: dict[str, Verdict] = {}
        pieces: list[tuple[str, str, Piece]] = []
        for event in events:
            made = self._pieces(event, now, cutter)
            if isinstance(made, Verdict):
                settled[event.message_id] = made
            else:
                pieces.extend(made)
        runs = routed(pieces, most=MOST, sizes=SIZES)
        return Outbound([self._call(*run) for run in runs], settled, cutter.count)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        return verdicts(call, answer, api_key=self._key)

    def _call(self, api: str, run: Sequence[Piece]) -> Call:
        body = self._head + listed(run) + b"}"
        return Call(self._urls[api], body, ids(run), headers=self._headers)

    def _pieces(
        self, event: Event, now: float, cutter: Cutter
    ) -> list[tuple[str, str, Piece]] | Verdict:
        """The vendor's events for one of ours, or what is to become of it without any."""
        if event.type == "alias":
            return DELIVERED  # an event that carries both ids joins them there
        found, told = facts(event), browser_ids(event, self._cookie)
        event = bridged(event, told)
        try:
            common = _common(event, found, told)
        except ValueError:
            return Verdict("refused", "its timestamp is no ISO 8601 time")
        if "user_id" not in common and "device_id" not in common:
            return Verdict("refused", "it has neither a user id nor an anonymous id")
        old = common["time"] / 1000 < now - HISTORY
        api = self._api or ("batch" if old else "v2")
        pieces = []
        for number, shape in enumerate(self._shapes(event, found)):
            whole = {**common, **shape, "insert_id": _insert_id(event, number)}
            if old and not str(shape["event_type"]).startswith("$"):
                whole["$skip_user_properties_sync"] = True
            body = _encoder.encode(cutter.cut(whole))
            if len(body) > _EVENT:
                return Verdict("refused", f"it is larger than {_EVENT} bytes")
            visitor = event.anonymous_id or event.user_id or ""
            pieces.append((api, visitor, (event.message_id, body)))
        return pieces

    def _shapes(self, event: Event, found: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What an event is called there and says; the second event of a group is its traits."""
        if event.type == "identify":
            touches = _touches(event, _stated(event.traits))
            return [{"event_type": "$identify", "user_properties": touches}]
        if event.type == "group":
            return _joined({self._group: str(event.group_id)}, _stated(event.traits))
        shape = _viewed(event, found) if event.type != "track" else _tracked(event, found)
        touches = _touches(event, {})
        if touches:
            shape["user_properties"] = touches
        group = group_id(event)
        if group:
            shape["groups"] = {self._group: group}
        return [shape]


def make(address: Address) -> Amplitude:
    """An Amplitude project of its URL."""
    check(address, extra=("api", "group_type", *ERASING["amplitude"]))
    return Amplitude(
        address.options.get("name", "amplitude"),
        key(address, "API_KEY"),
        base(address, REGIONS),
        api=choice(address, "api", [*_PATHS]),
        group=address.options.get("group_type") or "group",
        cookie=cookie(address),
    )


def _insert_id(event: Event, number: int) -> str:
    if number == 0:
        return event.message_id
    return str(uuid5(NAMESPACE, f"{event.message_id}/{number}"))


def _common(event: Event, found: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    app = found.get("platform") in ("ios", "android")
    common: dict[str, Any] = renamed(found, _APP_FIELDS if app else _FIELDS)
    platform = found.get("platform")
    if platform:
        common["platform"] = _PLATFORMS.get(platform, platform)
    who = {"user_id": event.user_id, "device_id": event.anonymous_id}
    common.update({k: v for k, v in who.items() if v and v.lower() not in NO_IDS})
    common["time"] = milliseconds(event)
    session = told.get("session")
    start = session if type(session) is int else session_start(event)
    if start is not None:
        common["session_id"] = start
    return common


def _tracked(event: Event, found: Mapping[str, Any]) -> dict[str, Any]:
    properties = _stated(event.properties)
    said = {**renamed(found, _PROPERTIES), **campaign(event), **renamed(found, _PLACE)}
    return {
        "event_type": str(event.event),
        "event_properties": {**past(event), **said, **properties},
        **_revenue(properties, refund=event.event == "Order Refunded"),
    }


def _viewed(event: Event, found: Mapping[str, Any]) -> dict[str, Any]:
    said = {**renamed(found, _PROPERTIES), **campaign(event), **renamed(found, _PAGE)}
    if event.name:
        said["page_name" if event.type == "page" else "[Amplitude] Screen Name"] = event.name
    return {
        "event_type": VOCABULARY[event.type],
        "event_properties": {**past(event), **said, **_stated(event.properties)},
    }


def _revenue(properties: Mapping[str, Any], *, refund: bool) -> dict[str, Any]:
    """The vendor's revenue fields, for an event that states its ``revenue``; less than nothing for
    a ``refund``.

    A price alone would make revenue of a product that was only looked at; and where price and
    quantity are given, their product counts instead of the revenue: so only when they agree.
    """
    revenue, price = properties.get("revenue"), properties.get("price")
    if not _is_number(revenue):
        return {}
    sale: dict[str, Any] = {"revenue": _negative(revenue) if refund else revenue}
    sale |= {k: v for k, v in renamed(properties, _SALE).items() if isinstance(v, str)}
    quantity = properties.get("quantity")
    if _is_number(price) and type(quantity) is int and _agree(price, quantity, sale["revenue"]):
        sale |= {"price": price, "quantity": quantity}
    return sale


def _negative(number: Any) -> Any:
    return -abs(number)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _agree(price: Any, quantity: int, revenue: Any) -> bool:
    return math.isclose(price * quantity, revenue, abs_tol=1e-6)


def _touches(event: Event, traits: Mapping[str, Any]) -> dict[str, Any]:
    """The user's properties: traits and the session's campaign, and once the first campaign."""
    first = {f"initial_{name}": value for name, value in campaign(event, first=True).items()}
    always = {**campaign(event), **traits}
    return {name: values for name, values in (("$set", always), ("$setOnce", first)) if values}


def _joined(groups: Mapping[str, str], traits: Mapping[str, Any]) -> list[dict[str, Any]]:
    member = {"event_type": "$identify", "groups": groups, "user_properties": {"$set": groups}}
    if not traits:
        return [member]
    about = {
        "event_type": "$groupidentify",
        "groups": groups,
        "group_properties": {"$set": traits},
    }
    return [member, about]


def _stated(values: Any) -> dict[str, Any]:
    """Properties or traits without the ones that say nothing, which the vendor's SDK leaves out."""
    return {name: value for name, value in own(values).items() if value is not None}
