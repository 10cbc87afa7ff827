"""``ga4://MEASUREMENT_ID:API_SECRET``: Google Analytics 4 over the Measurement Protocol.

Source: developers.google.com/analytics/devguides/collection/protocol/ga4. One client a request, at
most 25 events and 130 kB. There is no idempotency key, so a repeat would be counted twice; and any
request is answered 2xx, so everything the vendor would drop in silence is cut, renamed or refused
here. The secret stands in the URL's query, where the vendor wants it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid5

import msgspec

from ..address import Address
from ..event import NAMESPACE, Event
from . import DELIVERED, Answer, Call, Outbound, Verdict, commerce, ga4_events
from .answers import usual
from .context import campaign, facts, milliseconds, own, session_start
from .limits import Cutter, Piece, ids, listed, packed
from .options import ERASING, base, check, key, wrong

REGIONS = {"us": "https://www.google-analytics.com", "eu": "https://region1.google-analytics.com"}

VOCABULARY: Mapping[str, str] = {
    **ga4_events.KINDS,
    **ga4_events.NAMES,
    "Page Left": "page_left",
}

#: Every visitor is a call of its own, so a batch is kept small.
MOST = 250
#: Events and bytes of one call ("must be smaller than 130kB").
EVENTS = 25
SIZE = 130_000 - 1

#: Older events would be put at another time; in seconds.
AGE = 72 * 3600.0

_USER_ID = 256
_CLIENT = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}", re.ASCII)
_SESSION = re.compile(r"[1-9][0-9]{0,19}", re.ASCII)
_STREAM = re.compile(r"G-[A-Za-z0-9]+", re.ASCII)

_DEVICE = {
    "device_type": "category", "locale": "language", "os": "operating_system",
    "os_version": "operating_system_version", "device_model": "model", "device_brand": "brand",
    "browser": "browser", "browser_version": "browser_version",
}  # fmt: skip

_encoder = msgspec.json.Encoder()


class Ga4:
    """Sends events to one web stream. ``currency`` is that of amounts that name none."""

    most = MOST

    def __init__(
        self, name: str, base_url: str, *, stream: str, secret: str, currency: str = ""
    ) -> None:
        self.name = name
        query = urlencode({"measurement_id": stream, "api_secret": secret})
        self._url = f"{base_url}/mp/collect?{query}"
        self._stream = stream
        self._secrets = (secret, quote(secret, safe=""))
        self._currency = currency

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        cutter = Cutter(text=ga4_events.VALUE)
        settled: dict[str, Verdict] = {}
        runs: list[tuple[bytes, list[Piece]]] = []
        # By visitor, so that each one's events keep their order over all calls.
        latest: dict[str, tuple[bytes, list[Piece]]] = {}
        for event in events:
            made = self._made(event, now, cutter)
            if isinstance(made, Verdict):
                settled[event.message_id] = made
                continue
            who, head, pieces = made
            run = latest.get(who)
            if run is None or run[0] != head:
                run = latest[who] = (head, [])
                runs.append(run)
            run[1].extend(pieces)
        calls = [call for head, pieces in runs for call in self._calls(head, pieces)]
        return Outbound(calls, settled, cutter.count)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        return usual(call, answer, secrets=self._secrets)

    def _calls(self, head: bytes, pieces: Sequence[Piece]) -> list[Call]:
        size = SIZE - len(head) - len(b',"events":[]}')
        return [
            Call(
                self._url,
                head[:-1] + b',"events":' + listed(run) + b"}",
                ids(run),
                headers={"content-type": "application/json"},
                repeatable=False,
            )
            for run in packed(pieces, most=EVENTS, size=size)
        ]

    def _made(
        self, event: Event, now: float, cutter: Cutter
    ) -> tuple[str, bytes, list[Piece]] | Verdict:
        """Whose an event is, what its request says of all its events, and GA4's events; or what
        becomes of it without any."""
        if event.type == "alias":
            return DELIVERED  # GA4 joins by user_id alone
        who = event.anonymous_id or event.user_id
        if not who:
            return Verdict("refused", "it has neither a user id nor an anonymous id")
        try:
            at = milliseconds(event)
        except ValueError:
            return Verdict("refused", "its timestamp is no ISO 8601 time")
        if at / 1000 < now - AGE:
            return Verdict("refused", "it is older than 72 hours, which GA4 would date anew")
        ga = _ga(event)
        head = _encoder.encode(_head(event, client_id(ga, who), cutter))
        micros = min(at, int(now * 1000)) * 1000
        bodies = self._events(event, ga, micros, cutter)
        if len(head) + sum(len(body) + 1 for body in bodies) + 64 > SIZE:
            return Verdict("refused", "it is larger than 130 kB")
        return who, head, [(event.message_id, body) for body in bodies]

    def _events(
        self, event: Event, ga: Mapping[str, Any], micros: int, cutter: Cutter
    ) -> list[bytes]:
        fixed = {"event_id": event.message_id[: ga4_events.VALUE], **self._session(event, ga)}
        made = ga4_events.params(event, cutter, fixed)
        if self._currency and "value" in made:
            made.setdefault("currency", self._currency)
        told = [{"name": ga4_events.name(event, cutter), "params": made}]
        if arrival := _arrival(event, ga):
            other = str(uuid5(NAMESPACE, f"{event.message_id}/campaign"))
            said = ga4_events.params(arrival, cutter, {**fixed, "event_id": other})
            told.insert(0, {"name": "campaign_details", "params": said})
        return [_encoder.encode({**each, "timestamp_micros": micros}) for each in told]

    def _session(self, event: Event, ga: Mapping[str, Any]) -> dict[str, Any]:
        """The session, and the time engaged since the event before (reports want both)."""
        told = str(ga.get("sessionId", ""))
        if not _SESSION.fullmatch(told) or ga.get("stream", self._stream) != self._stream:
            start = session_start(event)
            told = str(start // 1000) if start and start >= 1000 else ""
        if not told:
            return {}
        engaged = None
        if event.event == "Page Left":
            engaged = commerce.number(own(event.properties).get("engagedMs"))
        return {"session_id": told, "engagement_time_msec": max(1, int(engaged or 1))}


def make(address: Address) -> Ga4:
    """A web stream of its URL."""
    check(address, extra=("currency", *ERASING["ga4"]))
    stream, _, secret = key(address, "MEASUREMENT_ID:API_SECRET").partition(":")
    if not _STREAM.fullmatch(stream):
        raise wrong(address, "needs the stream's measurement id (G-…): ga4://G-…:API_SECRET")
    if not secret:
        raise wrong(address, "has no secret: ga4://MEASUREMENT_ID:API_SECRET")
    given = address.options.get("currency")
    code = commerce.currency({"currency": given}) if given is not None else ""
    if code is None:
        raise wrong(address, "has a currency that is not three letters, such as EUR")
    name = address.options.get("name", "ga4")
    return Ga4(name, base(address, REGIONS), stream=stream, secret=secret, currency=code)


def _ga(event: Event) -> Mapping[str, Any]:
    """What the visitor's own cookies said (``enrichment/vendor_ids.py``); {} without them."""
    context = event.context if isinstance(event.context, Mapping) else {}
    told = context.get("ga")
    return told if isinstance(told, Mapping) else {}


def client_id(ga: Mapping[str, Any], who: str) -> str:
    """The browser's own client id, else the visitor's where it has been one, else one made of it:
    two positive numbers."""
    for told in (str(ga.get("clientId", "")), who):
        if _CLIENT.fullmatch(told):
            return told
    digest = hashlib.sha256(who.encode("utf-8", "replace")).digest()
    first, second = (int.from_bytes(digest[at : at + 4]) % (2**31 - 1) + 1 for at in (0, 4))
    return f"{first}.{second}"


def _head(event: Event, client: str, cutter: Cutter) -> dict[str, Any]:
    """What a request says of all its events."""
    found = facts(event)
    head: dict[str, Any] = {"client_id": client}
    if event.user_id:
        is_mail = ga4_events.names_somebody(event.user_id)
        named = str(uuid5(NAMESPACE, event.user_id)) if is_mail else event.user_id
        head["user_id"] = named[:_USER_ID]
    if consent := _consent(event):
        head["consent"] = consent
    if event.type == "identify":
        made = ga4_events.user_properties(own(event.traits), cutter)
        if made:
            head["user_properties"] = made
    device = {term: str(found[name]) for name, term in _DEVICE.items() if name in found}
    if "screen_width" in found:
        device["screen_resolution"] = f"{found['screen_width']}x{found['screen_height']}"
    if device:
        head["device"] = device
    if "ip" in found:
        head["ip_override"] = str(found["ip"])
    elif "country" in found:
        head["user_location"] = {"country_id": str(found["country"])}
    return head


def _consent(event: Event) -> dict[str, str]:
    context = event.context if isinstance(event.context, Mapping) else {}
    told = context.get("consent")
    if not isinstance(told, Mapping) or "marketing" not in told:
        return {}
    word = "GRANTED" if told["marketing"] == "granted" else "DENIED"
    return {"ad_user_data": word, "ad_personalization": word}


def _arrival(event: Event, ga: Mapping[str, Any]) -> Event | None:
    """The event that names the campaign a page was reached by, where GA4's own script, which would
    read it off the address, is not there."""
    if event.type != "page" or ga:
        return None
    told, query = campaign(event), str(facts(event).get("query", ""))
    names = {"utm_id": "campaign_id", "utm_campaign": "campaign", "utm_source": "source",
             "utm_medium": "medium", "utm_term": "term", "utm_content": "content"}  # fmt: skip
    said = {term: told[name] for name, term in names.items() if name in told}
    if not said or not any(f"{name}=" in query for name in names):
        return None
    return Event(
        event.message_id, "track", event.timestamp,
        event="campaign_details", properties=said, context=event.context,
    )  # fmt: skip
