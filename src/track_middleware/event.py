"""The event, in Segment's spec, and the entry that carries it through the spool.

Values only. ``Event`` is what destinations, webhooks and files see; ``Entry`` is one frame of
the spool: an event, or one half of a page view, with the raw facts that the worker needs.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from json.encoder import encode_basestring
from math import floor
from typing import Any, Literal

import msgspec

from .errors import EventError

Kind = Literal["track", "page", "screen", "identify", "group", "alias"]

#: Namespace of the UUIDs made from ids that are only unique within their origin.
NAMESPACE = uuid.UUID("6f1c4f0e-3a5e-5e0b-9a67-2f9f0b7a4d11")

#: What the script tells when a page is left: it belongs to that page's session and opens none.
PARTING = frozenset(("Page Left", "Web Vitals"))

#: Longest id that a caller may give an event.
ID_LENGTH = 100

#: What the doctor calls itself in its User-Agent, and the class of the events that it leaves: no
#: person's, and no destination's. Whoever else calls himself so leaves himself out alike.
DOCTOR_AGENT, DOCTOR = "track-middleware-doctor", "doctor"

#: Events that are kept, but delivered only where they are asked for: a request that is no page
#: view, and what the console alone asks about (setting ``bait``).
REQUEST, CHECKED = "Request", "Blocker Checked"


class Event(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """One message in Segment's spec (segment.com/docs/connections/spec/common).

    ``timestamp``, ``sent_at`` and ``received_at`` are ISO 8601 in UTC with milliseconds.
    ``context`` and ``properties`` may be ``msgspec.Raw`` while an event is being built; a decoded
    event holds plain values.
    """

    message_id: str
    type: Kind
    timestamp: str
    event: str | None = None
    name: str | None = None
    anonymous_id: str | None = None
    user_id: str | None = None
    previous_id: str | None = None
    group_id: str | None = None
    properties: Any = None
    traits: Any = None
    context: Any = None
    integrations: Any = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    received_at: str | None = None

    @property
    def label(self) -> str:
        """The name that filters, tables and people use for this event.

        A track event's own name, ``Page`` or ``Screen`` for views, else the kind capitalised.
        """
        return self.event or self.type.capitalize()


class Person(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """Whose something is, as one cookie or one page said it.

    ``fresh``: the visitor was minted by a request that carried no visitor cookie, and not by a
    sign-out, reset or change of user. ``minted`` is epoch seconds. ``number`` and ``start`` (epoch
    seconds) describe the session.
    """

    visitor: str
    session: str | None = None
    user: str | None = None
    number: int = 1
    start: float = 0.0
    fresh: bool = False
    minted: float = 0.0


#: What the server said about a page view when it made a page token.
#: ``counted``: the server's half exists; ``shown``: to be counted when a browser shows it
#: (prefetch, prerender, boosted and restored visits); ``never``: not a page view (errors, POST).
Counting = Literal["counted", "shown", "never"]


class PageRef(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """A page token's content, with the load id that the browser sent beside it.

    ``made`` is epoch seconds by the server's clock; ``host`` the id of the data folder's host.
    """

    id: str
    made: float
    counting: Counting
    host: str = ""
    load: str | None = None
    service_worker: bool = False


#: ``event``   a finished event.
#: ``view``    the server's half of a page view; ``person`` is its page mark.
#: ``mark``    a page that got a token and was not counted by the server; ``person`` is its mark.
#: ``served``  a shareable response; a number for the loss meter, no event.
#: ``confirm`` the browser's half: ``page`` says which view, the event holds what the browser saw.
#: ``browser`` any other event of our script.
#: ``counted`` an event that is counted without cookies, before a choice; it is nobody's.
#: ``choice``  a consent choice (the event is ``Consent Changed``).
#: ``door``    what the collector refused; ``reason`` says why, ``raw`` holds what came.
EntryKind = Literal[
    "event", "view", "mark", "served", "confirm", "browser", "counted", "choice", "door"
]


class Entry(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """One frame of the spool.

    ``at`` is when it was accepted (epoch seconds, the server's clock). ``origin`` is the scope in
    which the event's id is unique: ``server``, a write key, or a load id. ``person`` is the page's
    mark (``view``, ``mark``) or what the cookie said beside a browser's message. ``consent`` is the
    choice that held, by purpose; None for events made outside a request, to which the worker
    applies the user's stored choice. ``facts`` are raw request values that only enrichment reads
    (``country`` from a CDN header). ``url`` is the page of a mark without an event. ``await_half``:
    a view that may be completed by the browser, because its response carried a token. ``how`` says
    of an identify that a sign-in said it, or of a mark without a page that its visitor was
    ``former`` before (``crossing``, ``migrated``).
    """

    kind: EntryKind
    at: float
    event: Event | None = None
    origin: str = "server"
    person: Person | None = None
    page: PageRef | None = None
    consent: dict[str, str] | None = None
    facts: dict[str, str] | None = None
    url: str | None = None
    await_half: bool = False
    reason: str | None = None
    raw: str | None = None
    how: str | None = None
    former: str | None = None


#: What reading JSON raises that anybody may have written.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

#: An entry as it leaves the core: what is usual is JSON already.
Last = Entry | bytes

#: Where entries leave the core: True when every entry is in the operating system's hands.
Sink = Callable[[Sequence[Last]], bool]

#: A text as a JSON string, every character above U+001F as it is.
quoted: Callable[[str], str] = encode_basestring

_entry_decoder = msgspec.json.Decoder(Entry)
_event_decoder = msgspec.json.Decoder(Event)


def _stringified(value: Any) -> Any:
    return str(value)


def _unknown_type(value: Any) -> Any:
    raise EventError(
        f"properties hold a {type(value).__name__}, which is no JSON value; "
        "pass numbers, strings, booleans, lists, dicts, datetime, date, Decimal, UUID or Enum"
    )


#: In development an unknown type is the caller's error; in production it is kept as a string.
strict_encoder = msgspec.json.Encoder(enc_hook=_unknown_type, decimal_format="number")
lenient_encoder = msgspec.json.Encoder(enc_hook=_stringified, decimal_format="number")


def decode_entry(frame: bytes | memoryview) -> Entry:
    """The entry that one spool frame holds; msgspec.DecodeError when it is none."""
    return _entry_decoder.decode(frame)


def encoded(entry: Last) -> bytes:
    """An entry as JSON, without its frame."""
    return entry if isinstance(entry, bytes) else lenient_encoder.encode(entry)


def encode_event(event: Event) -> bytes:
    """An event as JSON, the form of the log, webhooks and files."""
    return lenient_encoder.encode(event)


def decode_event(body: bytes | memoryview) -> Event:
    """An event from its JSON; msgspec.DecodeError when it is none."""
    return _event_decoder.decode(body)


def wire_id(origin: str, event_id: str) -> str:
    """The id under which destinations know an event.

    The server's own UUIDs stay as they are; every other id is the UUIDv5 of origin and id, so that
    nobody can use up an id of another origin.
    """
    if origin == "server":
        if _CANONICAL(event_id):
            return event_id
        try:
            return str(uuid.UUID(event_id))
        except ValueError:
            pass
    return str(uuid.uuid5(NAMESPACE, f"{origin}/{event_id}"))


#: A UUID as everybody writes it: the usual case, and parsing it would take five times as long.
_CANONICAL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


def uuid_bytes(texts: Sequence[str]) -> bytes | None:
    """The 16 bytes of each of these UUIDs, one behind the other; None where any is not written as
    everybody writes it. Many at once cost a quarter of what they cost singly."""
    joined, dashes = "".join(texts), "-" * len(texts)
    digits = joined.replace("-", "")
    if {*map(len, texts)} != {36} or len(digits) != 32 * len(texts):
        return None
    if not joined[8::36] == joined[13::36] == joined[18::36] == joined[23::36] == dashes:
        return None
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        return None
    return found if found.hex() == digits else None


def derived_page_id(page_id: str, load_id: str) -> str:
    """The page id of a further load of a page whose token was used up."""
    return str(uuid.uuid5(NAMESPACE, f"{page_id}/{load_id}"))


def iso(moment: float | datetime | date) -> str:
    """ISO 8601 in UTC with milliseconds, from epoch seconds or a datetime (naive means UTC)."""
    if type(moment) is not float:
        if type(moment) is int:
            return f"{_SECONDS[moment]}.000Z"
        if not isinstance(moment, (int, float)):
            return iso(_aware(moment).timestamp())
    second = floor(moment)
    # A float holds a time to a quarter of a microsecond: .123 may come as .1229999.
    return _SECONDS[second] + _MILLISECONDS[floor((moment - second) * 1e3 + 5e-4)]


def iso_of(millisecond: int) -> str:
    """As ``iso``, from milliseconds since 1970."""
    second, rest = divmod(millisecond, 1000)
    return _SECONDS[second] + _MILLISECONDS[rest]


def epoch(text: str) -> float:
    """Epoch seconds of an ISO 8601 text; ValueError when it is none. Without a zone it is UTC."""
    return _aware(datetime.fromisoformat(text)).timestamp()


def _aware(moment: date) -> datetime:
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# The last one is for the last half microsecond of a second.
_MILLISECONDS = [f".{min(number, 999):03d}Z" for number in range(1001)]


class _Seconds(dict[int, str]):
    """The text of a second, up to its point; the last ones are remembered."""

    def __missing__(self, second: int) -> str:
        text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        if len(self) >= 1024:
            self.clear()
        self[second] = text
        return text


_SECONDS = _Seconds()
