"""``posthog://KEY``: PostHog's ``/batch/``.

Source of shapes and limits: posthog.com/docs/api/capture, /docs/migrate, PostHog's capture service
and its own Python library. ``uuid`` is the event's id. A 200 says that the batch was read, and
nothing of an event without a name or a distinct id, so such events are refused here.

Whoever is not signed in has no profile there (``$process_person_profile: false``, the default of
PostHog's own browser script); ``$identify`` joins what they did before to the user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from typing import Any
from uuid import UUID, uuid5

import msgspec

from ..address import Address
from ..event import NAMESPACE, Event, epoch
from ..vendor_cookies import cookie
from . import Answer, Call, Outbound, Verdict
from .answers import content, verdict
from .context import bridged, browser_ids, campaign, facts, own, past, renamed, session_start
from .limits import Cutter, Piece, ids, listed, packed
from .options import ERASING, base, check, key, wrong

REGIONS = {"us": "https://us.i.posthog.com", "eu": "https://eu.i.posthog.com"}

VOCABULARY: Mapping[str, str] = {
    "page": "$pageview",
    "screen": "$screen",
    "identify": "$identify",
    "group": "$groupidentify",
    "alias": "$create_alias",
}

#: Names that join or change people there: said as a mere event, by a browser that would be another,
#: they must not (github.com/PostHog/posthog, person-merge-service).
_ORDERS = frozenset(("$identify", "$create_alias", "$merge_dangerously", "$groupidentify"))

#: The vendor names no number of events; it takes 20 MB. Its own library stops at these sizes.
MOST = 1_000
SIZE = 5 << 20
EVENT = 900 << 10

#: Longest ids and names in characters: what is longer it cuts, or drops with a warning.
_ID = 200
_GROUP = 400
_NAME = 200

#: Events at least so old (seconds) go as a migration, in calls of their own.
HISTORY = 48 * 3600.0
#: An event further ahead than this is moved to the time of its arrival.
AHEAD = 23 * 3600.0

#: Ids that PostHog joins with nobody, in any case and in this one.
_NOBODY = frozenset((
    "", "anonymous", "guest", "distinctid", "distinct_id", "id", "not_authenticated", "email",
    "undefined", "true", "false",
))  # fmt: skip
_NOBODY_AS_WRITTEN = frozenset(("[object Object]", "NaN", "None", "none", "null", "0"))

_PROPERTIES = {
    "url": "$current_url", "path": "$pathname", "host": "$host", "referrer": "$referrer",
    "referrer_host": "$referring_domain", "title": "title", "browser": "$browser",
    "browser_version": "$browser_version", "os": "$os", "os_version": "$os_version",
    "device_model": "$device_model", "device_brand": "$device_manufacturer",
    "screen_width": "$screen_width", "screen_height": "$screen_height",
    "viewport_width": "$viewport_width", "viewport_height": "$viewport_height", "ip": "$ip",
    "country": "$geoip_country_code", "locale": "$browser_language", "timezone": "$timezone",
    "user_agent": "$raw_user_agent", "app_version": "$app_version", "page_id": "page_id",
    "route": "page_route", "status": "page_status", "duration_ms": "page_duration_ms",
    "confirmed": "page_confirmed", "session_number": "session_number", "channel": "channel",
    "platform": "platform",
}  # fmt: skip

_encoder = msgspec.json.Encoder()


class PostHog:
    """Sends events to one PostHog project."""

    most = MOST
    joins = True

    def __init__(
        self, name: str, api_key: str, base_url: str, *, group_type: str, cookie: str
    ) -> None:
        self.name = name
        self._cookie = cookie
        self._key = api_key
        self._url = base_url + "/batch/"
        self._group_type = group_type

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        cutter = Cutter(text=_NAME)
        settled: dict[str, Verdict] = {}
        made: list[tuple[bool, Piece]] = []
        for event in events:
            body = self._body(event, now, cutter)
            if isinstance(body, Verdict):
                settled[event.message_id] = body
                continue
            made.append((epoch(event.timestamp) <= now - HISTORY, (event.message_id, body)))
        # Runs, not two heaps: one visitor's events stay in their order.
        calls = [
            self._call(run, historical=historical)
            for historical, pieces in groupby(made, key=lambda each: each[0])
            for run in packed((piece for _, piece in pieces), most=MOST, size=SIZE)
        ]
        return Outbound(calls, settled, cutter.count)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        whole = verdict(answer, secrets=(self._key,))
        if answer is not None and whole.state == "delivered" and _over_quota(answer):
            whole = Verdict("retry", "the project's quota of events is used up", pause=True)
        return [whole] * len(call.ids)

    def _call(self, run: Sequence[Piece], *, historical: bool) -> Call:
        head = _encoder.encode({"api_key": self._key, "historical_migration": historical})
        body = head[:-1] + b',"batch":' + listed(run) + b"}"
        return Call(self._url, body, ids(run), headers={"content-type": "application/json"})

    def _body(self, event: Event, now: float, cutter: Cutter) -> bytes | Verdict:
        event = bridged(event, browser_ids(event, self._cookie))
        problem = _problem(event, now)
        if problem:
            return Verdict("refused", problem)
        shape = self._shape(event, cutter)
        fixed = {"uuid": _uuid(event.message_id), "timestamp": event.timestamp}
        body = _encoder.encode({"distinct_id": _distinct_id(event), **shape, **fixed})
        if len(body) > EVENT:
            return Verdict("refused", f"it is larger than {EVENT} bytes")
        return body

    def _shape(self, event: Event, cutter: Cutter) -> dict[str, Any]:
        """What an event is called there and what it says."""
        said = _said(event)
        session = browser_ids(event, self._cookie).get("session")
        if isinstance(session, str):
            said["$session_id"] = session
        if event.type == "identify":
            return _identified(event, said)
        if event.type == "alias":
            both = {"distinct_id": event.previous_id, "alias": event.user_id}
            return {"event": "$create_alias", "distinct_id": event.previous_id,
                    "properties": {**said, **both}}  # fmt: skip
        if event.type == "group":
            about = {"$group_type": self._group_type, "$group_key": event.group_id,
                     "$group_set": own(event.traits)}  # fmt: skip
            return {"event": "$groupidentify", "properties": {**said, **about}}
        name = cutter.string(str(event.event)) if event.type == "track" else VOCABULARY[event.type]
        if event.name:
            said["$screen_name" if event.type == "screen" else "page_name"] = event.name
        group = event.group_id or own(event.context).get("groupId")
        if group:
            said["$groups"] = {self._group_type: group}
        if event.user_id:
            touch = _first_touch(event)
        else:
            touch, said = {}, {"$process_person_profile": False, **said}
        return {
            "event": name,
            "properties": {**past(event), **said, **own(event.properties)},
            **touch,
        }


def make(address: Address) -> PostHog:
    """A PostHog project of its URL; ``?group_type=`` says what ``group()`` is about."""
    check(address, extra=("group_type", *ERASING["posthog"]))
    group_type = address.options.get("group_type", "group")
    if not group_type:
        raise wrong(address, "has an empty group_type; write for example ?group_type=company")
    return PostHog(
        address.options.get("name", "posthog"),
        key(address, "KEY"),
        base(address, REGIONS),
        group_type=group_type,
        cookie=cookie(address),
    )


def _problem(event: Event, now: float) -> str:
    """Why PostHog would drop an event, or make something else of it, after answering 200."""
    try:
        if epoch(event.timestamp) > now + AHEAD:
            return "it is more than 23 hours ahead"
    except ValueError:
        return "its timestamp is no ISO 8601 time"
    who = _distinct_id(event)
    if not who:
        return "it has neither a user id nor an anonymous id"
    if event.type == "track" and not event.event:
        return "it has no name"
    if event.type == "track" and str(event.event).strip() in _ORDERS:
        return "its name is an order to PostHog; identify(), alias() and group() give those"
    if event.type == "group":
        return _overlong(who, _ID) or _overlong(event.group_id or "", _GROUP, "group id")
    if event.type in ("identify", "alias"):
        return _unjoinable(event)
    return _overlong(who, _ID)


def _unjoinable(event: Event) -> str:
    joined = [event.user_id or event.anonymous_id]
    if event.type == "alias":
        joined = [event.user_id, event.previous_id]
    for each in joined:
        if _is_nobody(each or ""):
            return f"PostHog joins nobody with the id {each or ''!r}"
    return next(filter(None, (_overlong(each or "", _ID) for each in joined)), "")


def _overlong(value: str, most: int, what: str = "id") -> str:
    """A longer one would be cut there, and two of them become one."""
    if not value:
        return f"it has no {what}"
    return f"its {what} is longer than {most} characters" if len(value) > most else ""


def _is_nobody(value: str) -> bool:
    plain = value.strip().strip("'\"")
    return plain.lower() in _NOBODY or plain in _NOBODY_AS_WRITTEN


def _distinct_id(event: Event) -> str | None:
    return event.user_id or event.anonymous_id


def _uuid(message_id: str) -> str:
    try:
        return str(UUID(message_id))
    except ValueError:  # one bad uuid and the whole batch is not read
        return str(uuid5(NAMESPACE, message_id))


def _said(event: Event) -> dict[str, Any]:
    """The properties that every event of ours has."""
    found = facts(event)
    said = {**renamed(found, _PROPERTIES), **campaign(event), **_library(event)}
    if "device_type" in found:
        said["$device_type"] = str(found["device_type"]).capitalize()
    if "ip" not in found:
        said["$geoip_disable"] = True  # or the person lives where our server stands
    if found.get("platform") == "server":
        said["$is_server"] = True
    session = _session(event, found)
    return {**said, "$session_id": session} if session else said


def _library(event: Event) -> dict[str, Any]:
    """Who made the event."""
    told = own(own(event.context).get("library"))
    made = {"$lib": told.get("name"), "$lib_version": told.get("version")}
    return {name: value for name, value in made.items() if value}


def _session(event: Event, found: Mapping[str, Any]) -> str | None:
    """PostHog counts sessions by UUIDv7 alone, whose time is the session's start."""
    start = session_start(event)
    if start is None or "session_id" not in found:
        return None
    bits = int.from_bytes(sha256(str(found["session_id"]).encode()).digest()[:10])
    return str(UUID(int=start << 80 | bits & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62))


def _identified(event: Event, said: Mapping[str, Any]) -> dict[str, Any]:
    """``$identify`` joins a visitor to the user; where there is none, ``$set`` tells the traits."""
    traits = own(event.traits)
    shape: dict[str, Any] = {"event": "$identify", "properties": said, **_first_touch(event)}
    if traits:
        shape["$set"] = traits
    visitor = event.anonymous_id
    if event.user_id and visitor and visitor != event.user_id and not _is_nobody(visitor):
        return {**shape, "properties": {**said, "$anon_distinct_id": visitor}}
    return {**shape, "event": "$set"} if traits else shape


def _first_touch(event: Event) -> Mapping[str, Any]:
    first = {f"$initial_{name}": value for name, value in campaign(event, first=True).items()}
    return {"$set_once": first} if first else {}


def _over_quota(answer: Answer) -> bool:
    said = content(answer)
    limited = said.get("quota_limited") if isinstance(said, dict) else None
    return isinstance(limited, list) and "events" in limited
