"""Segment's batch protocol, which Segment and RudderStack take: events as they stand on the wire.

``POST /v1/batch`` with ``{"batch": [message, …], "sentAt": …}``. A message's own JSON is spliced
into the body: what decides about it is read by ``Outline``, the rest is not decoded. Source:
segment.com/docs/connections/sources/catalog/libraries/server/http-api.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ..event import Event, encode_event, iso
from . import Answer, Call, Outbound, Verdict
from .limits import Piece, ids, listed, packed

#: A message id has fewer characters than this.
ID_LENGTH = 100

PATH = "/v1/batch"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may hold: messages, bytes of its body, bytes of one message."""

    most: int
    size: int
    message: int


class Outline(msgspec.Struct, rename="camel", gc=False):
    """The fields of a message that decide about it."""

    type: str
    event: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    previous_id: Any = None
    group_id: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    received_at: Any = None


#: A message's JSON as one vendor wants it; the same object where nothing has to change.
Shape = Callable[[Outline, bytes], bytes]

#: What one vendor means by an answer to a whole batch, in words without these secrets.
Judge = Callable[[Answer | None, Sequence[str]], Verdict]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one vendor speaks the protocol; ``most`` events are taken from the log at once.

    ``cookie``: where the vendor's own script keeps its anonymous id. ``shape``: what the vendor
    wants besides; None where a message of the protocol is all.
    """

    limits: Limits
    judge: Judge
    most: int
    cookie: str
    shape: Shape | None = None


_outline = msgspec.json.Decoder(Outline)
_outlines = msgspec.json.Decoder(list[Outline])
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode

#: Kind -> the fields without which it says nothing, and how people call them.
_NEEDS = {
    "track": (("event", "name"),),
    "group": (("group_id", "group id"),),
    "alias": (("user_id", "user id"), ("previous_id", "previous id")),
}

#: A client's times: the vendor would correct them a second time, by our ``sentAt``.
_CLOCKS = ("originalTimestamp", "sentAt", "receivedAt")

#: A context that holds what vendors' cookies said.
_VENDOR_IDS = b'"vendorIds":'

#: What the spec's page call says of a page among its properties, as in ``context.page``.
_PAGE = ("path", "referrer", "title", "url")


class Source:
    """Sends events to one source. ``tail`` is what a call's body holds behind ``batch``."""

    def __init__(
        self, name: str, base_url: str, write_key: str, *, dialect: Dialect, tail: bytes = b""
    ) -> None:
        self.name = name
        self.most = dialect.most
        self._url = base_url + PATH
        self._dialect = dialect
        self._tail = tail + b"}"
        self._headers = {"content-type": "application/json", "authorization": basic(write_key)}
        self._secrets = (write_key, basic(write_key))

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        return self.wire_calls(wired(events), now)

    def wire_calls(self, events: Sequence[tuple[str, bytes]], now: float) -> Outbound:
        limits, whole = self._dialect.limits, listed(events)
        outlines = _outlined(events, whole)
        settled: dict[str, Verdict] = {}
        # One look at all of them costs far less than one at each.
        stand = _VENDOR_IDS not in whole and _all_stand(outlines)
        pieces = _shaped(events, outlines, self._dialect.shape) if stand else events
        if not (stand and _all_fit(pieces, limits.message)):
            pieces = self._pieces(events, outlines, settled)
        end = b',"sentAt":"' + iso(now).encode() + b'"' + self._tail
        return Outbound(
            [self._call(*run, end) for run in _runs(pieces, limits, events, whole)], settled
        )

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        return [self._dialect.judge(answer, self._secrets)] * len(call.ids)

    def _call(self, run: Sequence[Piece], batch: bytes, end: bytes) -> Call:
        return Call(self._url, b'{"batch":' + batch + end, ids(run), headers=self._headers)

    def _pieces(
        self,
        events: Sequence[Piece],
        outlines: Sequence[Outline | None],
        settled: dict[str, Verdict],
    ) -> Sequence[Piece]:
        """Messages as this vendor wants them; ``settled`` is told of those that cannot be sent."""
        pieces: list[Piece] = []
        for (event_id, body), outline in zip(events, outlines, strict=True):
            made = self._message(body, outline)
            if isinstance(made, Verdict):
                settled[event_id] = made
            elif not _all_fit([(event_id, made)], self._dialect.limits.message):
                settled[event_id] = _too_long((event_id, made), self._dialect.limits.message)
            else:
                pieces.append((event_id, made))
        return pieces

    def _message(self, body: bytes, outline: Outline | None) -> bytes | Verdict:
        if outline is None:
            return Verdict("refused", "it is no message of Segment's spec")
        problem = _missing(outline)
        if problem:
            return Verdict("refused", f"it has {problem}")
        body = bridged(plain(outline, body), self._dialect.cookie)
        return body if self._dialect.shape is None else self._dialect.shape(outline, body)


def _outlined(events: Sequence[Piece], whole: bytes) -> Sequence[Outline | None]:
    """What decides about each message, None for what is none: in one call on ``whole``, the list of
    them, which costs less than a call for each; those are made when it fails."""
    try:
        outlines = _outlines.decode(whole)
        if len(outlines) == len(events):
            return outlines
    except msgspec.DecodeError:
        pass  # whose fault it is, each says for itself
    return [_outline_of(body) for _, body in events]


def _runs(
    pieces: Sequence[Piece], limits: Limits, events: Sequence[Piece], whole: bytes
) -> list[tuple[Sequence[Piece], bytes]]:
    """The messages of each call, and these as one list, which ``whole`` is of all ``events``."""
    if pieces == events and len(pieces) <= limits.most and len(whole) <= limits.size:
        return [(pieces, whole)]  # each goes as it is, with one call
    return [(run, listed(run)) for run in packed(pieces, most=limits.most, size=limits.size)]


def _all_stand(outlines: Sequence[Outline | None]) -> bool:
    """Whether no message has anything that must be changed, and none lacks anything: nearly
    always."""
    return all(
        each is not None
        and each.type == "track"
        and each.event
        and (each.user_id or each.anonymous_id)
        and not (each.original_timestamp or each.sent_at or each.received_at)
        for each in outlines
    )


def _shaped(
    events: Sequence[Piece], outlines: Sequence[Outline | None], shape: Shape | None
) -> Sequence[Piece]:
    """Messages that all stand as they are, as one vendor wants them."""
    if shape is None:
        return events
    pairs = zip(events, outlines, strict=True)
    return [(name, shape(outline, body)) for (name, body), outline in pairs if outline is not None]


def _all_fit(pieces: Sequence[Piece], largest: int) -> bool:
    """Whether no message is longer than the vendor takes it, and no id."""
    longest = max([len(body) for _, body in pieces], default=0)
    return longest <= largest and max([len(each) for each, _ in pieces], default=0) < ID_LENGTH


def _too_long(piece: Piece, largest: int) -> Verdict:
    if len(piece[0]) >= ID_LENGTH:
        return Verdict("refused", f"its id has {ID_LENGTH} characters or more")
    return Verdict("refused", f"it is larger than {largest} bytes")


def _outline_of(body: bytes) -> Outline | None:
    try:
        return _outline.decode(body)
    except msgspec.DecodeError:
        return None


def wired(events: Sequence[Event]) -> Sequence[tuple[str, bytes]]:
    """Events as (message id, JSON) pairs."""
    return [(each.message_id, encode_event(each)) for each in events]


def plain(outline: Outline, body: bytes) -> bytes:
    """A message as Segment's spec has it: the right time alone, a page's address in its properties.

    Only pages, and what came from a browser's clock, are taken apart.
    """
    timed = outline.original_timestamp or outline.sent_at or outline.received_at
    if outline.type != "page" and not timed:
        return body
    fields = {name: value for name, value in taken_apart(body).items() if name not in _CLOCKS}
    if outline.type == "page":
        properties = {**_page(fields), **taken_apart(fields.get("properties"))}
        fields["properties"] = msgspec.Raw(put_together(properties))
    return put_together(fields)


def bridged(body: bytes, cookie: str) -> bytes:
    """A message under the anonymous id that the vendor's own script keeps in this cookie; its
    session's id, where the cookie tells one, goes into the context. Most messages tell of none."""
    if _VENDOR_IDS not in body:
        return body
    fields = taken_apart(body)
    context = taken_apart(fields.get("context"))
    told = taken_apart(taken_apart(context.get("vendorIds")).get(cookie))
    if "id" not in told or not bytes(told["id"]).startswith(b'"') or "anonymousId" not in fields:
        return body
    fields["anonymousId"] = told["id"]
    if "session" in told:
        context["sessionId"] = told["session"]
        fields["context"] = msgspec.Raw(put_together(context))
    return put_together(fields)


def taken_apart(value: bytes | msgspec.Raw | None) -> dict[str, msgspec.Raw]:
    """A JSON object's fields by name, their values as they stand; {} for anything else."""
    try:
        return _fields.decode(value) if value else {}
    except msgspec.DecodeError:
        return {}


def put_together(fields: dict[str, msgspec.Raw]) -> bytes:
    """The reverse of ``taken_apart``."""
    return _encode(fields)


def basic(write_key: str) -> str:
    """The write key as a user without a password."""
    return "Basic " + base64.b64encode(f"{write_key}:".encode()).decode()


def _page(fields: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    page = taken_apart(taken_apart(fields.get("context")).get("page"))
    return {name: page[name] for name in _PAGE if name in page}


def _missing(outline: Outline) -> str:
    """What a message lacks that the vendor would drop it for, after answering 200."""
    if not (outline.user_id or outline.anonymous_id):
        return "neither a user id nor an anonymous id"
    for field, words in _NEEDS.get(outline.type, ()):
        if not getattr(outline, field):
            return f"no {words}"
    return ""
