"""What Mixpanel is told of an event: its records, and the road that each of them takes.

Source: docs.mixpanel.com/reference (import-events, track-event, profile-set, group-set-property,
create-identity, identity-create-alias, identity-merge) and /docs/tracking-methods/id-management.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from ..event import NAMESPACE, Event
from . import DELIVERED, Verdict
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
)

#: Canonical name -> the vendor's: of its event, or what is done to a profile.
VOCABULARY: Mapping[str, str] = {
    "page": "$mp_web_page_view",
    "screen": "Screen Viewed",
    "identify": "$set of the profile",
    "group": "$union of the group key",
    "alias": "$merge, for ?identity=original",
}

#: How old and how far ahead an event may be, in seconds.
TRACK_AGE = 5 * 86_400
IMPORT_FROM = 365 * 86_400
AHEAD = 3_600

#: Ids that the vendor refuses; an event of nobody has an empty one.
NO_IDS = frozenset((
    "anon", "anonymous", "nil", "none", "null", "n/a", "na", "undefined", "unknown", "<nil>", "0",
    "-1", "true", "false", "[]", "{}", "00000000-0000-0000-0000-000000000000",
))  # fmt: skip

_PROPERTIES = {
    "url": "$current_url", "referrer": "$referrer", "referrer_host": "$referring_domain",
    "browser": "$browser", "browser_version": "$browser_version", "os": "$os",
    "os_version": "$os_version", "device_model": "$device", "device_brand": "$manufacturer",
    "screen_width": "$screen_width", "screen_height": "$screen_height", "ip": "ip",
    "country": "mp_country_code", "app_version": "$app_version_string", "page_id": "page_id",
    "route": "page_route", "status": "page_status", "duration_ms": "page_duration_ms",
    "confirmed": "page_confirmed", "session_id": "session_id", "session_number": "session_number",
    "channel": "channel", "device_type": "device_type", "locale": "locale",
    "timezone": "timezone", "platform": "platform", "viewport_width": "viewport_width",
    "viewport_height": "viewport_height",
}  # fmt: skip
_PAGE = {
    "title": "current_page_title", "host": "current_domain", "path": "current_url_path",
    "scheme": "current_url_protocol", "query": "current_url_search",
}  # fmt: skip
_TRAITS = {
    "email": "$email", "name": "$name", "firstName": "$first_name", "lastName": "$last_name",
    "phone": "$phone", "avatar": "$avatar", "createdAt": "$created",
}  # fmt: skip

#: Names that join people there: said as a mere event, by a browser that would be another, they must
#: not (docs.mixpanel.com, Identity Management: Legacy).
_ORDERS = frozenset(("$identify", "$create_alias", "$merge"))

#: A record, behind the road it takes: events, engage or groups.
Made = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Records:
    """Makes the records of one project.

    ``track``: its events go to ``/track``, not to the import. ``original``: it has the older
    identity merge. ``group`` is its group key, ``cookie`` that of its own script.
    """

    token: str
    track: bool
    original: bool
    group: str
    cookie: str = ""

    def of(self, event: Event, now: float) -> list[Made] | Verdict:
        """An event's records, or what is to become of it without any."""
        try:
            at = milliseconds(event)
        except ValueError:
            return Verdict("refused", "its timestamp is no ISO 8601 time")
        event = bridged(event, browser_ids(event, self.cookie))
        late = self._untimely(at / 1000, now)
        if event.type == "track" and str(event.event).strip() in _ORDERS:
            why = "its name is an order to Mixpanel; identify() and alias() give those"
            return Verdict("refused", why)
        if event.type not in ("identify", "group", "alias"):
            return Verdict("refused", late) if late else [("events", self._event(event, at))]
        if not self._distinct_id(event):
            return Verdict("refused", "it has neither a user id nor an anonymous id")
        joined = self._joined(event, at)
        if late and joined and not self.track:
            return Verdict("refused", late)
        made = [*joined, *self._profile(event, at)]
        return made or DELIVERED  # nothing to tell: the next event with both ids joins them

    def _untimely(self, at: float, now: float) -> str:
        if at > now + AHEAD:
            return "it is more than an hour ahead"
        if self.track and at < now - TRACK_AGE:
            return "it is older than 5 days, which needs mixpanel://TOKEN without ?api=track"
        return "it is from before 1971" if at < IMPORT_FROM else ""

    def _event(self, event: Event, at: int) -> dict[str, Any]:
        found = facts(event)
        said = {**renamed(found, _PROPERTIES), **campaign(event), **_first(event)}
        # Without an address of its own an imported event would get the place of our server.
        if not self.track:
            said.setdefault("ip", 0)
        group = group_id(event)
        if group:
            said[self.group] = group
        name = VOCABULARY.get(event.type) or str(event.event)
        if event.type != "track":
            said.update(renamed(found, _PAGE))
            if event.name:
                said["page_name" if event.type == "page" else "screen_name"] = event.name
        return self._record(name, event, at, {**past(event), **said, **own(event.properties)})

    def _record(self, name: str, event: Event, at: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """An event with what every one must have, which nothing that is ``given`` can replace."""
        fixed = {
            "token": self.token,
            **self._ids(event),
            "time": at,
            "$insert_id": _insert_id(event.message_id),
        }
        # The fixed ones first: what is cut for being too many keys comes from the end.
        return {"event": name, "properties": {**fixed, **given, **fixed}}

    def _ids(self, event: Event) -> dict[str, str]:
        found = {"distinct_id": self._distinct_id(event)}
        if self.original:
            return found
        both = {"$device_id": _known(event.anonymous_id), "$user_id": _known(event.user_id)}
        return found | {name: value for name, value in both.items() if value}

    def _distinct_id(self, event: Event) -> str:
        device = _known(event.anonymous_id)
        own_script = not self.original or bool(browser_ids(event, self.cookie))
        prefix = "$device:" if device and own_script else ""
        return _known(event.user_id) or prefix + device

    def _joined(self, event: Event, at: int) -> list[Made]:
        """What tells the original merge that two ids are one person's.

        ``$identify`` takes a UUIDv4 as the anonymous id, ``$merge`` takes any two ids but only on
        the import, where every record needs what an event has.
        """
        user, other = _known(event.user_id), _known(event.anonymous_id)
        if event.type == "alias":
            other = _known(event.previous_id)
        if not self.original or event.type == "group" or not user or not other or user == other:
            return []
        told: dict[str, Any]
        if event.type == "identify" and _is_uuid4(other):
            name, told = "$identify", {"$identified_id": user, "$anon_id": other}
        elif self.track:
            name, told = "$create_alias", {"distinct_id": other, "alias": user}
        else:
            name, told = "$merge", {"$distinct_ids": [user, other]}
        if self.track:
            return [("events", {"event": name, "properties": {**told, "token": self.token}})]
        return [("events", self._record(name, event, at, told))]

    def _profile(self, event: Event, at: int) -> list[Made]:
        token = {"$token": self.token, "$time": at // 1000}
        who = {**token, "$distinct_id": self._distinct_id(event)}
        address = facts(event).get("ip")
        if address:
            who["$ip"] = address
        traits = own(event.traits)
        if event.type == "identify":
            known = {_TRAITS.get(name, name): value for name, value in traits.items()}
            told = {"$set": known, "$set_once": _first(event)}
            return [("engage", {**who, name: said}) for name, said in told.items() if said]
        if event.type == "alias":
            return []
        made: list[Made] = [("engage", {**who, "$union": {self.group: [event.group_id]}})]
        if traits:
            group = {"$group_key": self.group, "$group_id": event.group_id}
            made.append(("groups", {**token, **group, "$set": traits}))
        return made


def _known(text: str | None) -> str:
    return text if text and text.lower() not in NO_IDS else ""


def _first(event: Event) -> dict[str, str]:
    return {f"initial_{name}": value for name, value in campaign(event, first=True).items()}


def _insert_id(event_id: str) -> str:
    """At most 36 letters, digits and hyphens."""
    plain = event_id.replace("-", "")
    if len(event_id) <= 36 and plain.isascii() and plain.isalnum():
        return event_id
    return str(uuid5(NAMESPACE, event_id))


def _is_uuid4(text: str) -> bool:
    """Whether the original merge takes this as an anonymous id."""
    try:
        return UUID(text).version == 4
    except ValueError:
        return False
