"""``mixpanel://TOKEN`` or ``mixpanel://USER:SECRET@PROJECT_ID?token=TOKEN``: Mixpanel.

With a service account events go to ``/import?strict=1``, which tells what it refuses and takes any
age; with the token alone to ``/track``, which takes the last five days. Profiles go to ``/engage``
and ``/groups``. Source: docs.mixpanel.com/reference (import-events, track-event, profile-set),
/docs/tracking-methods/id-management (simplified: ``$device_id`` and ``$user_id``). A strict import
answered 400 has taken all but its ``failed_records``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import uuid5

import msgspec

from ..event import NAMESPACE, Event
from ..settings import Address
from . import DELIVERED, Answer, Call, Outbound, Verdict
from .answers import scrubbed, verdict
from .context import campaign, facts, milliseconds, own, renamed
from .limits import Cutter, Piece, ids, listed, packed
from .options import base, check, key, wrong

REGIONS = {
    "us": "https://api.mixpanel.com",
    "eu": "https://api-eu.mixpanel.com",
    "in": "https://api-in.mixpanel.com",
}

#: The vendor takes 2,000 events; fewer, so that a list of all of them as failed fits an answer.
MOST = 200
SIZE = 2_000_000
_EVENT = 1_000_000
_KEYS = 254

#: How old and how far ahead an event may be, in seconds.
TRACK_AGE = 5 * 86_400
IMPORT_FROM = 365 * 86_400
AHEAD = 3_600

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

_encoder = msgspec.json.Encoder()

Road = Literal["events", "engage", "groups"]


class Mixpanel:
    """Sends events and profiles to one Mixpanel project."""

    most = MOST

    def __init__(
        self, name: str, base_url: str, *, token: str, account: str = "", project: str = ""
    ) -> None:
        self.name = name
        self._token = token
        self._secrets = (token, account.partition(":")[2])
        self._strict = bool(account)
        events = f"/import?strict=1&project_id={project}" if account else "/track?verbose=1&ip=0"
        self._urls: Mapping[Road, str] = {
            "events": base_url + events,
            "engage": base_url + "/engage?verbose=1",
            "groups": base_url + "/groups?verbose=1",
        }
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        basic = "Basic " + base64.b64encode(account.encode()).decode()
        self._authorized = {**self._headers, "authorization": basic} if account else self._headers

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        cutter = Cutter(keys=_KEYS)
        settled: dict[str, Verdict] = {}
        roads: dict[Road, list[Piece]] = {"events": [], "engage": [], "groups": []}
        for event in events:
            made = self._made(event, now, cutter)
            if isinstance(made, Verdict):
                settled[event.message_id] = made
                continue
            for road, body in made:
                roads[road].append((event.message_id, body))
        calls = [self._call(road, run) for road in roads for run in self._runs(roads[road])]
        return Outbound(calls, settled, cutter.count)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        whole = verdict(answer, secrets=self._secrets)
        if answer is None:
            return [whole] * len(call.ids)
        said = _said(answer)
        if self._strict and call.url == self._urls["events"]:
            failed = _failed(said, call, self._secrets) if answer.status == 400 else {}
            if failed:
                return [failed.get(index, DELIVERED) for index in range(len(call.ids))]
            return [whole] * len(call.ids)
        return [self._told(said, whole)] * len(call.ids)

    def _told(self, said: Any, whole: Verdict) -> Verdict:
        """``/track`` and ``/engage`` answer 200 with ``status: 0`` (or a bare 0) for a refusal."""
        error = said.get("error") if isinstance(said, dict) else None
        status = said.get("status") if isinstance(said, dict) else said
        if whole.state != "delivered" or status != 0 or isinstance(status, bool):
            return whole
        reason = scrubbed(f"status 0: {error or 'no reason given'}", self._secrets)
        if "token" in reason:
            return Verdict("retry", reason, pause=True)
        return Verdict("retry", reason, split=True)

    def _runs(self, pieces: Sequence[Piece]) -> Sequence[Sequence[Piece]]:
        return list(packed(pieces, most=MOST, size=SIZE))

    def _call(self, road: Road, run: Sequence[Piece]) -> Call:
        headers = self._authorized if road == "events" else self._headers
        return Call(self._urls[road], listed(run), ids(run), headers=headers)

    def _made(self, event: Event, now: float, cutter: Cutter) -> list[tuple[Road, bytes]] | Verdict:
        try:
            at = milliseconds(event)
        except ValueError:
            return Verdict("refused", "its timestamp is no ISO 8601 time")
        if not (event.user_id or event.anonymous_id):
            return Verdict("refused", "it has neither a user id nor an anonymous id")
        made: list[tuple[Road, dict[str, Any]]]
        if event.type in ("identify", "group", "alias"):
            made = self._profile(event, at)
        else:
            late = self._untimely(at / 1000, now)
            if late:
                return Verdict("refused", late)
            made = [("events", self._event(event, at))]
        if not made:
            return DELIVERED  # nothing to tell; ids are joined by the first event that has both
        bodies = [(road, _encoder.encode(cutter.cut(value))) for road, value in made]
        if any(len(body) > _EVENT for _, body in bodies):
            return Verdict("refused", f"it is larger than {_EVENT} bytes")
        return bodies

    def _untimely(self, at: float, now: float) -> str:
        if at > now + AHEAD:
            return "it is more than an hour ahead"
        if not self._strict and at < now - TRACK_AGE:
            return "it is older than 5 days, which needs mixpanel://USER:SECRET@PROJECT_ID"
        return "it is from before 1971" if at < IMPORT_FROM else ""

    def _event(self, event: Event, at: int) -> dict[str, Any]:
        found = facts(event)
        said = {**renamed(found, _PROPERTIES), **campaign(event)}
        first = campaign(event, first=True)
        said |= {f"initial_{name}": value for name, value in first.items()}
        name = str(event.event)
        if event.type != "track":
            name = "$mp_web_page_view" if event.type == "page" else "Screen Viewed"
            said.update(renamed(found, _PAGE))
            if event.name:
                said["page_name" if event.type == "page" else "screen_name"] = event.name
        fixed = {**self._ids(event), "time": at, "$insert_id": _insert_id(event.message_id)}
        token = {} if self._strict else {"token": self._token}
        # The fixed ones first: what is cut for being too many keys comes from the end.
        given = {**said, **own(event.properties)}
        properties = {**token, **fixed, **{k: v for k, v in given.items() if k not in fixed}}
        return {"event": name, "properties": {**properties, **token}}

    def _ids(self, event: Event) -> dict[str, str]:
        found = {"distinct_id": _distinct_id(event)}
        if event.anonymous_id:
            found["$device_id"] = event.anonymous_id
        if event.user_id:
            found["$user_id"] = event.user_id
        return found

    def _profile(self, event: Event, at: int) -> list[tuple[Road, dict[str, Any]]]:
        traits = own(event.traits)
        # Without an address of its own a profile would get the place of our server.
        address = str(facts(event).get("ip", "0"))
        who: dict[str, Any] = {"$token": self._token, "$distinct_id": _distinct_id(event)}
        who |= {"$ip": address, "$time": at // 1000}
        if event.type == "identify" and traits:
            values = {_TRAITS.get(name, name): value for name, value in traits.items()}
            return [("engage", {**who, "$set": values})]
        if event.type != "group":
            return []
        made: list[tuple[Road, dict[str, Any]]] = [
            ("engage", {**who, "$union": {"$group_id": [event.group_id]}})
        ]
        if traits:
            group = {"$token": self._token, "$group_key": "$group_id", "$group_id": event.group_id}
            made.append(("groups", {**group, "$set": traits}))
        return made


def make(address: Address) -> Mixpanel:
    """A Mixpanel project of its URL."""
    check(address, extra=("token",))
    target = key(address, "TOKEN or mixpanel://USER:SECRET@PROJECT_ID?token=TOKEN")
    name = address.options.get("name", "mixpanel")
    base_url = base(address, REGIONS)
    token = address.options.get("token", "")
    if not address.user:
        if token and token != target:
            raise wrong(address, "has two tokens; a service account is USER:SECRET@PROJECT_ID")
        return Mixpanel(name, base_url, token=target)
    if not address.password:
        raise wrong(address, "has a service account without its secret: USER:SECRET@PROJECT_ID")
    if not target.isdigit():
        raise wrong(address, "needs the project's number behind @: USER:SECRET@PROJECT_ID")
    if not token:
        raise wrong(address, "needs ?token= beside a service account: profiles are sent with it")
    account = f"{address.user}:{address.password}"
    return Mixpanel(name, base_url, token=token, account=account, project=target)


def _distinct_id(event: Event) -> str:
    return event.user_id or f"$device:{event.anonymous_id}"


def _insert_id(event_id: str) -> str:
    """At most 36 letters, digits and hyphens."""
    plain = event_id.replace("-", "")
    if len(event_id) <= 36 and plain.isascii() and plain.isalnum():
        return event_id
    return str(uuid5(NAMESPACE, event_id))


def _said(answer: Answer) -> Any:
    try:
        return msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return None


def _failed(said: Any, call: Call, secrets: Sequence[str]) -> dict[int, Verdict]:
    """The refused events by index; {} when the answer does not account for every event."""
    records = said.get("failed_records") if isinstance(said, dict) else None
    if not isinstance(records, list):
        return {}
    failed: dict[int, Verdict] = {}
    for record in records:
        index = record.get("index") if isinstance(record, dict) else None
        if type(index) is not int or not 0 <= index < len(call.ids):
            return {}
        told = f"{record.get('field', '')}: {record.get('message', '')}".strip(": ")
        failed[index] = Verdict("refused", scrubbed(told or "refused", secrets))
    imported = said.get("num_records_imported", len(call.ids) - len(failed))
    return failed if imported == len(call.ids) - len(failed) else {}
