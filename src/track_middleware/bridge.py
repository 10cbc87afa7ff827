"""The ids that vendors' own scripts keep in first-party cookies, read from raw facts. Pure.

Each reader takes a cookie's raw value, which a visitor may have made up, and says ``id`` (the
browser at that vendor), ``session`` and ``number`` where the session was not over when the event
happened; {} for what is none of that vendor's. Sources of the forms: ``vendor_cookies.py``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard
from urllib.parse import unquote

import msgspec

from . import vendor_cookies
from .event import Event, epoch

Ids = dict[str, Any]

#: Seconds of silence after which these vendors' scripts begin a new session.
IDLE = 1800.0

#: A visitor's own words: printable, not long, and not what broken front ends write for nobody.
_ID = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_NOBODY = frozenset(
    ("null", "undefined", "none", "anonymous", "guest", "true", "false", "0", "nan")
)
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
#: UUIDs, and the five hexadecimal groups of older releases.
_POSTHOGS = re.compile(r"[0-9a-f]{4,16}(?:-[0-9a-f]{4,16}){4}")
_NUMBER = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_RUDDER = "RS_ENC_v3_"
_SNOWPLOW = vendor_cookies.SNOWPLOW + "."
_AT_NO_TIME = Event("", "track", "")


def vendor_ids(event: Event, facts: Mapping[str, str]) -> dict[str, Ids]:
    """Cookie name -> what it says, of the cookies among the facts that are such a vendor's."""
    found: dict[str, Ids] = {}
    for name, value in facts.items():
        read = _reader(name)
        told = read(event, value) if read is not None and isinstance(value, str) else {}
        if told:
            found[name] = told
    rudder, session = found.get(vendor_cookies.RUDDERSTACK), vendor_cookies.RUDDERSTACK_SESSION
    if rudder is not None and session in facts:
        rudder.update(_rudder_session(event, facts[session]))
    return found


def browser_id(name: str, value: str) -> str:
    """The browser's id in a vendor's cookie of this name; "" where there is none."""
    read = _reader(vendor_cookies.SNOWPLOW if name.startswith(_SNOWPLOW) else name)
    found = read(_AT_NO_TIME, value) if read is not None else {}
    return str(found.get("id", ""))


def _reader(name: str) -> Callable[[Event, str], Ids] | None:
    exact = _EXACT.get(name)
    if exact is not None:
        return exact
    for start, end, read in _SHAPED:
        if name.startswith(start) and name.endswith(end):
            return read
    return None


def _segment(event: Event, value: str) -> Ids:
    return _named(unquote(value).strip('"'))


def _posthog(event: Event, value: str) -> Ids:
    """Whoever the browser has identified is known there by the device they were before: the
    cookie's word on a user is only a claim. Users and browsers share one kind of id there, so that
    only what has the form of the script's own ids names a browser."""
    said = _object(unquote(value))
    who, device = said.get("distinct_id"), said.get("$device_id")
    anonymous = who == device or said.get("$user_state") == "anonymous" or device is None
    known = who if anonymous else device
    found = {"id": known} if isinstance(known, str) and _POSTHOGS.fullmatch(known) else {}
    session = said.get("$sesid")
    if found and isinstance(session, list) and len(session) == 3:
        last, session_id, start = session
        is_id = isinstance(session_id, str) and _UUID7.fullmatch(session_id)
        if is_id and _is_number(last) and _is_number(start) and not _is_over(event, last / 1000):
            found["session"] = session_id
    return found


def _mixpanel(event: Event, value: str) -> Ids:
    said = _object(unquote(value))
    who = str(said.get("distinct_id") or "")
    prefixed = who.removeprefix("$device:") if who.startswith("$device:") else None
    return _named(said.get("$device_id") or prefixed)


def _amplitude(event: Event, value: str) -> Ids:
    said = _object(unquote(_unpacked(unquote(value))))
    found, start, last = (
        _named(said.get("deviceId")),
        said.get("sessionId"),
        said.get("lastEventTime"),
    )
    if found and _is_number(start) and _is_number(last) and not _is_over(event, last / 1000):
        found["session"] = start
    return found


def _heap(event: Event, value: str) -> Ids:
    who = _object(unquote(value)).get("userId")
    return {"id": who} if isinstance(who, str) and _NUMBER.fullmatch(who) else {}


def _rudder(event: Event, value: str) -> Ids:
    text = _rudder_text(value)
    return _named(text[1:-1]) if len(text) > 2 and text[0] == text[-1] == '"' else {}


def _rudder_session(event: Event, value: str) -> Ids:
    said = _object(_rudder_text(value))
    session, ends = said.get("id"), said.get("expiresAt")
    if not _is_number(session) or not _is_number(ends) or _is_over(event, ends / 1000 - IDLE):
        return {}
    return {"session": session}


def _rudder_text(value: str) -> str:
    """What RudderStack's script stored; what older releases encrypted with AES stays closed."""
    text = unquote(value)
    return _unpacked(text.removeprefix(_RUDDER)) if text.startswith(_RUDDER) else text


def _snowplow(event: Event, value: str) -> Ids:
    parts = value.split(".")
    found = _named(parts[0]) if len(parts) >= 6 else {}
    if not found or not _UUID.fullmatch(parts[5]):
        return found
    known = all(map(_NUMBER.fullmatch, parts[2:4]))
    if known and not _is_over(event, float(parts[3])):
        found |= {"session": parts[5], "number": int(parts[2])}
    return found


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EXACT = {
    vendor_cookies.SEGMENT: _segment,
    vendor_cookies.RUDDERSTACK: _rudder,
    vendor_cookies.SNOWPLOW: _snowplow,
}
_SHAPED = (
    ("ph_", "_posthog", _posthog), ("mp_", "_mixpanel", _mixpanel), ("AMP_", "", _amplitude),
    ("_hp2_id.", "", _heap),
)  # fmt: skip


def _named(who: object) -> Ids:
    known = isinstance(who, str) and _ID.fullmatch(who) and who.lower() not in _NOBODY
    return {"id": who} if known else {}


def _object(text: str) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _unpacked(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _is_number(value: Any) -> TypeGuard[int]:
    """Whether it can be a moment in milliseconds, or an id made of one."""
    return type(value) is int and 0 < value < 10**15


def _is_over(event: Event, last: float) -> bool:
    """Whether the session's last event was too long before this one."""
    try:
        return epoch(event.timestamp) - last > IDLE
    except ValueError:
        return False
