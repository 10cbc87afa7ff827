"""``snowplow://collector.host``: Snowplow's tracker protocol, POST ``…/tp2``.

Sources: docs.snowplow.io (tracker protocol: event parameters, HTTP headers), Iglu Central's
payload_data 1-0-4 (every value is a text) and atomic 1-0-0 (lengths; a longer one fails the event
in the pipeline). ``eid`` is the event's id. The collector answers 200 whatever the schemas say, so
what is sent here is of public schemas, or of those that the site has named.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid5

import msgspec

from ..address import Address
from ..event import NAMESPACE, Event, epoch
from ..vendor_cookies import SNOWPLOW
from . import Answer, Call, Outbound, Verdict, commerce, iglu
from .answers import usual
from .context import browser_ids, facts, milliseconds, own
from .limits import Cutter, Piece, ids, listed, packed
from .options import check, flag, wrong

PATH = "/com.snowplowanalytics.snowplow/tp2"
_SCHEMA = b'{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":'

VOCABULARY: Mapping[str, str] = {
    "page": "page_view",
    "screen": "screen_view",
    "identify": "com.segment/identify",
    "group": "com.segment/group",
    "alias": "com.segment/alias",
    "Page Left": "page_ping",
    **{name: f"snowplow_ecommerce_action: {kind}" for name, kind in iglu.ACTIONS.items()},
}

#: Events of one call; the collector refuses a body above 1 MB.
MOST = 500
SIZE = 900_000
_EVENT = SIZE - 1_000

#: A page ping stands for so much time engaged, as the vendor's models count it; in milliseconds.
HEARTBEAT = 10_000
#: Half an hour: nobody is believed to have been engaged for longer without a pause.
MOST_PINGS = 180

_PLATFORMS = {"server": "srv", "web": "web", "ios": "mob", "android": "mob", "backfill": "srv"}
_FIELDS = {
    "url": "url", "referrer": "refr", "title": "page", "ip": "ip", "user_agent": "ua",
    "locale": "lang", "timezone": "tz", "session_id": "sid", "session_number": "vid",
}  # fmt: skip
#: The longest values; an ``uid`` that is cut would be somebody else's.
_LENGTHS = {
    "url": 4096, "refr": 4096, "page": 2000, "ip": 128, "ua": 1000, "lang": 255, "tz": 255,
    "sid": 128, "se_ca": 1000, "se_ac": 1000, "se_la": 4096, "se_pr": 1000,
}  # fmt: skip
_USER, _VISITOR = 255, 128
_STRUCTURED = frozenset(("category", "label", "property", "value"))

_encoder = msgspec.json.Encoder()


class Snowplow:
    """Sends events to one collector. ``encoded``: JSON inside the payload is in base64."""

    most = MOST

    def __init__(
        self, name: str, url: str, *, app_id: str = "", vendor: str = "", encoded: bool = True
    ) -> None:
        self.name = name
        self._url = url
        self._vendor = vendor
        self._encoded = encoded
        self._fixed = {"tna": name[:128], **({"aid": app_id[:255]} if app_id else {})}
        # Without the second one the collector would take our server's address for the visitor's.
        self._headers = {"content-type": "application/json; charset=utf-8", "sp-anonymous": "*"}

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        cutter = Cutter()
        settled: dict[str, Verdict] = {}
        pieces: list[Piece] = []
        for event in events:
            made = self._payloads(event, now, cutter)
            if isinstance(made, Verdict):
                settled[event.message_id] = made
                continue
            pieces.extend((event.message_id, body) for body in made)
        calls = [
            Call(self._url, _SCHEMA + listed(run) + b"}", ids(run), headers=self._headers)
            for run in packed(pieces, most=MOST, size=_EVENT)
        ]
        return Outbound(calls, settled, cutter.count)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        return usual(call, answer)

    def _payloads(self, event: Event, now: float, cutter: Cutter) -> list[bytes] | Verdict:
        """The payloads of one event; several where it stands for several page pings."""
        try:
            at = milliseconds(event)
        except ValueError:
            return Verdict("refused", "its timestamp is no ISO 8601 time")
        if len(event.user_id or "") > _USER or len(event.anonymous_id or "") > _VISITOR:
            return Verdict("refused", "its user id or anonymous id is longer than Snowplow takes")
        common = self._common(event, cutter)
        common |= {"dtm": str(_device_time(event, at)), "stm": str(int(now * 1000))}
        said, added = self._said(event, common, cutter)
        around = iglu.entities(event)
        payload, last = {**common, **said}, {**common, **said}
        self._add(payload, "cx", "co", iglu.CONTEXTS, around)
        self._add(last, "cx", "co", iglu.CONTEXTS, [*around, *added])
        number = _pings(event, cutter) if said["e"] == "pp" else 1
        bodies = [
            _encoder.encode({**(payload if back else last), **_moment(event, at, back, common)})
            for back in reversed(range(number))
        ]
        if any(len(body) > _EVENT for body in bodies):
            return Verdict("refused", f"it is larger than {SIZE} bytes")
        return bodies

    def _common(self, event: Event, cutter: Cutter) -> dict[str, str]:
        found = facts(event)
        common = {"tv": _tracker(event), **self._fixed, "p": _platform(event, found)}
        for name, term in _FIELDS.items():
            if name in found:
                common[term] = _cut(str(found[name]), _LENGTHS.get(term), cutter)
        for term, name in (("res", "screen"), ("vp", "viewport")):
            if f"{name}_width" in found:
                common[term] = f"{found[f'{name}_width']}x{found[f'{name}_height']}"
        if event.user_id:
            common["uid"] = event.user_id
        if event.anonymous_id:
            common["duid"] = common["tnuid"] = event.anonymous_id
        told = browser_ids(event, SNOWPLOW)
        if "id" in told:
            common["duid"] = str(told["id"])[:_VISITOR]
        if "session" in told and "number" in told:
            common |= {"sid": str(told["session"])[:_VISITOR], "vid": str(told["number"])}
        return common

    def _said(
        self, event: Event, common: Mapping[str, str], cutter: Cutter
    ) -> tuple[dict[str, str], Sequence[iglu.Described]]:
        """The fields of the event's own type, and the entities that only it has."""
        if event.type == "page" and "url" in common:
            named = {"page": _cut(event.name, _LENGTHS["page"], cutter)} if event.name else {}
            return {"e": "pv", **({} if "page" in common else named)}, iglu.beside(event, cutter)
        if event.event == "Page Left" and "url" in common:
            return {"e": "pp"}, iglu.beside(event, cutter)
        properties = own(event.properties)
        if event.type == "track" and "category" in properties and properties.keys() <= _STRUCTURED:
            return _structured(str(event.event), properties, cutter), ()
        said = {"e": "ue"}
        told = iglu.telling(event, vendor=self._vendor, cutter=cutter)
        self._add(said, "ue_px", "ue_pr", iglu.UNSTRUCT, told.data)
        return said, told.entities

    def _add(self, said: dict[str, str], term: str, plain: str, schema: str, data: Any) -> None:
        if not data:
            return
        text = _encoder.encode({"schema": schema, "data": data})
        if self._encoded:
            said[term] = base64.urlsafe_b64encode(text).decode()
        else:
            said[plain] = text.decode()


def make(address: Address) -> Snowplow:
    """A collector of its URL. A path behind the host is its own instead of the usual one."""
    check(address, extra=("app_id", "vendor", "base64"))
    if "region" in address.options:
        raise wrong(address, "has a region, which a collector has not")
    if not address.host:
        raise wrong(address, "has no host: snowplow://collector.example.com")
    vendor = address.options.get("vendor", "")
    if vendor and not iglu.is_vendor(vendor):
        raise wrong(address, "has a vendor that is none of a schema's, such as com.acme")
    root = address.options.get("endpoint", f"https://{address.host}").rstrip("/")
    path = address.path if address.path not in ("", "/") else PATH
    return Snowplow(
        address.options.get("name", "snowplow"),
        root + path,
        app_id=address.options.get("app_id", ""),
        vendor=vendor,
        encoded=flag(address, "base64") if "base64" in address.options else True,
    )


def _tracker(event: Event) -> str:
    context = event.context if isinstance(event.context, Mapping) else {}
    library = context.get("library")
    told = library if isinstance(library, Mapping) else {}
    return f"{told.get('name', 'track-middleware')}-{told.get('version', '0')}"[:100]


def _platform(event: Event, found: Mapping[str, Any]) -> str:
    """Where it happened: a page is one of the web's, whoever saw it first."""
    told = _PLATFORMS.get(str(found.get("platform")), "srv")
    is_page = event.type == "page" or event.event == "Page Left"
    return "web" if is_page and told == "srv" else told


def _device_time(event: Event, at: int) -> int:
    """By the clock that saw it: the browser's own, where it has told."""
    try:
        return round(epoch(event.original_timestamp) * 1000) if event.original_timestamp else at
    except ValueError:
        return at


def _structured(name: str, properties: Mapping[str, Any], cutter: Cutter) -> dict[str, str]:
    """Category, action, label, property and value: an event that says nothing else is this one."""
    said = {"se_ca": properties["category"], "se_ac": name, "se_la": properties.get("label"),
            "se_pr": properties.get("property")}  # fmt: skip
    made = {term: _cut(str(text), _LENGTHS[term], cutter) for term, text in said.items() if text}
    value = commerce.number(properties.get("value"))
    return {"e": "se", **made, **({} if value is None else {"se_va": str(value)})}


def _pings(event: Event, cutter: Cutter) -> int:
    engaged = commerce.number(own(event.properties).get("engagedMs")) or 0
    number = max(1, int(engaged) // HEARTBEAT)
    if number > MOST_PINGS:
        cutter.count += 1
    return min(number, MOST_PINGS)


def _moment(event: Event, at: int, back: int, common: Mapping[str, str]) -> dict[str, str]:
    """Id and times of an event, or of the ping that was ``back`` heartbeats before its last."""
    eid = iglu.uuid_of(event.message_id)
    earlier = HEARTBEAT * back
    if back:
        eid = str(uuid5(NAMESPACE, f"{event.message_id}/{back}"))
    return {"eid": eid, "dtm": str(int(common["dtm"]) - earlier), "ttm": str(at - earlier)}


def _cut(text: str, most: int | None, cutter: Cutter) -> str:
    if most is None or len(text) <= most:
        return text
    cutter.count += 1
    return text[:most]
