"""Destinations: pure codecs between events and a vendor's calls, one file per vendor.

No I/O happens here. A codec turns events into calls (``calls``) and a vendor's answer into one
verdict per event (``judge``); ``delivery`` sends, waits, retries and remembers.

Other packages add destinations of their own (docs/destinations.md shows one). They may rely on this
module and on ``options`` (reading the URL), ``context`` (an event's facts under flat names),
``limits`` (cutting and packing) and ``answers`` (what HTTP answers mean).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ..address import Address
from ..event import Event


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one event at one destination.

    ``retry``: not taken, to be sent again: after ``after`` seconds (0: at once, None: the retry
    rules decide), in halves of its call when ``split`` (a lone event that still comes back is
    refused with ``reason``), or when the operator has mended something (``pause``: wrong key).
    Both, on every event of a call: it is one of them or the whole destination. Then halves find the
    poison, which is refused if the destination takes others afterwards, or one that it has had
    already (asked with again where calls are ``repeatable``). Else it pauses, and nothing is
    refused; but without one to ask with, fewer than 8 events are taken for poison.
    ``alone``: this event or its visitor must wait, and the destination is well (a vendor's 429 that
    names users).
    ``refused``: never to be sent again; ``reason`` is in the vendor's own words.
    """

    state: Literal["delivered", "retry", "refused"]
    reason: str = ""
    after: float | None = None
    split: bool = False
    pause: bool = False
    alone: bool = False


DELIVERED = Verdict("delivered")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a destination.

    ``ids`` are the message ids of the events it carries, in the body's order; one event may be in
    several calls, or several times in one (it is delivered when all of them are). ``url`` is
    ``http://``, ``https://``, ``file:///`` or ``postgresql://``. ``repeatable``: the vendor drops
    what it has had already, so that a call which nobody answered may be sent again; where it is
    not, the URL's ``?on_doubt=`` decides, and an event should be in one call of each URL only.
    Secrets may stand in url, headers and body: never log them.
    """

    url: str
    body: bytes
    ids: tuple[str, ...]
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers by lower-case name, the body's first 64 KiB.

    There is always a ``date``: the transport adds the time of receipt where the answer had none.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Outbound:
    """What a codec makes of a batch of events.

    ``settled`` holds verdicts that need no call, by message id (refused: over a limit that no cut
    can mend; delivered: this destination has nothing for such an event). ``cut`` counts values that
    were shortened to the vendor's limits.
    """

    calls: Sequence[Call]
    settled: Mapping[str, Verdict] = field(default_factory=dict)
    cut: int = 0


class Destination(Protocol):
    """A codec, configured from its URL. ``most`` is the number of events of one batch.

    A codec that makes a call of its own out of "this visitor is that user" has ``joins = True``: it
    gets each identify or alias of the two once, and what follows as the user's alone.
    Its module also says, as ``VOCABULARY``, what the vendor calls our canonical events ("page",
    "screen", "identify", "group", "alias", and the e-commerce names that are renamed).
    """

    name: str
    most: int

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        """The calls that carry these events; ``now`` (epoch seconds) stamps and signs them."""
        ...

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        """One verdict per id of the call; ``answer`` is None when nobody answered."""
        ...


class WireDestination(Destination, Protocol):
    """A destination that takes events as they stand on the wire, so that nobody decodes them."""

    def wire_calls(self, events: Sequence[tuple[str, bytes]], now: float) -> Outbound:
        """As ``calls``, of (message id, JSON of one line) pairs."""
        ...


#: Makes a destination of its URL; SettingsError names what is wrong with it.
Maker = Callable[[Address], Destination]
