"""``segment://WRITE_KEY``: Segment's HTTP tracking API.

Source of limits and answers: segment.com/docs/connections/sources/catalog/libraries/server/http-api
and Segment's own Python library. ``messageId`` is the event's id: Segment drops what it has had.
A 200 means taken, a 400 that the batch is too large or no JSON; which message, it does not say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ..address import Address
from ..vendor_cookies import SEGMENT
from . import Answer, Verdict, spec
from .answers import LONGEST_WAIT, verdict, words
from .options import ERASING, base, check, key

REGIONS = {"us": "https://api.segment.io", "eu": "https://events.eu1.segmentapis.com"}

#: The vendor takes 2,500 messages and 500 KB a call, 32 KB a message. Its own library stops at
#: 475,000 bytes, so that there is room for what stands around the batch.
LIMITS = spec.Limits(most=1_000, size=475_000, message=32 << 10)

#: Segment's spec is ours: nothing is renamed.
VOCABULARY: Mapping[str, str] = {
    kind: kind for kind in ("page", "screen", "identify", "group", "alias")
}

#: Sent again by the vendor's own library, though they look final.
_AGAIN = frozenset((410, 460))
#: Never sent again by it: the address does not speak this protocol.
_SET_UP = frozenset((501, 505))


def make(address: Address) -> spec.Source:
    """A Segment source of its URL."""
    check(address, extra=ERASING["segment"])
    write_key = key(address, "WRITE_KEY")
    tail = b',"writeKey":' + msgspec.json.encode(write_key)
    name = address.options.get("name", "segment")
    return spec.Source(name, base(address, REGIONS), write_key, dialect=_DIALECT, tail=tail)


def _judged(answer: Answer | None, secrets: Sequence[str]) -> Verdict:
    usual = verdict(answer, secrets=secrets)
    if answer is None:
        return usual
    if answer.status in _AGAIN:
        return Verdict("retry", words(answer, secrets=secrets))
    if answer.status in _SET_UP:
        return Verdict("retry", usual.reason, pause=True)
    if answer.status == 429 and usual.after is None:
        return Verdict("retry", usual.reason, after=_reset(answer))
    return usual


def _reset(answer: Answer) -> float | None:
    """Seconds by ``X-RateLimit-Reset``; a figure beyond a day is none that was meant as seconds."""
    text = answer.headers.get("x-ratelimit-reset", "")
    seconds = float(text) if text.isascii() and text.isdigit() else None
    return seconds if seconds is not None and seconds <= LONGEST_WAIT else None


_DIALECT = spec.Dialect(LIMITS, _judged, most=LIMITS.most, cookie=SEGMENT)
