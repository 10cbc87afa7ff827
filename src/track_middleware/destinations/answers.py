"""What HTTP answers mean where a vendor says nothing of its own.

2xx: delivered. No answer, 408, 425, 429, 5xx: again later, after ``Retry-After`` when there is one.
413: in halves. A redirect, a refused key or an address that is not there: the set-up is wrong, so
the destination waits until somebody has mended it. Any other 4xx says that something in the batch
is bad, not what: it is halved until the poison stands alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from ..event import UNREADABLE
from . import DELIVERED, Answer, Call, Verdict

#: For the events of a call that was refused because of others.
RESENT = Verdict("retry", "resent without the ones refused", after=0)

_AGAIN = frozenset((408, 425, 429))
_SET_UP = frozenset((401, 402, 403, 404, 405, 407, 410, 421))

#: A day: a longer ``Retry-After`` is taken for a mistake.
LONGEST_WAIT = 86_400.0

#: Answers of a gateway that passed a call on and never learnt what became of it (RFC 9110, sections
#: 15.6.3 and 15.6.5; Cloudflare's 520 and 524). By 500 and 503 the server itself says that it has
#: not fulfilled the request.
GATEWAYS = frozenset((502, 504, 520, 524))

_WORDS = 300


def content(answer: Answer) -> Any:
    """What an answer says as JSON; None where its body is none that can be read."""
    try:
        return msgspec.json.decode(answer.body)
    except UNREADABLE:
        return None


def usual(call: Call, answer: Answer | None, *, secrets: Sequence[str] = ()) -> list[Verdict]:
    """The same verdict for every event of a call; ``secrets`` are kept out of its reason."""
    return [verdict(answer, secrets=secrets)] * len(call.ids)


def verdict(answer: Answer | None, *, secrets: Sequence[str] = ()) -> Verdict:
    """What an answer means for all that its call carried."""
    if answer is None:
        return Verdict("retry", "no answer")
    status = answer.status
    if 200 <= status < 300:
        return DELIVERED
    reason = words(answer, secrets=secrets)
    if status in _AGAIN or status >= 500:
        return Verdict("retry", reason, after=retry_after(answer))
    if status == 413:
        return Verdict("retry", reason, split=True)
    if status < 400 or status in _SET_UP:
        return Verdict("retry", reason, pause=True)
    return Verdict("retry", reason, split=True)


def by_id(call: Call, found: Mapping[int, Verdict]) -> dict[str, Verdict]:
    """Verdicts by message id, from verdicts by index; an index beyond the call is ignored."""
    ids = call.ids
    return {ids[index]: each for index, each in found.items() if 0 <= index < len(ids)}


def words(answer: Answer, *, secrets: Sequence[str] = ()) -> str:
    """``HTTP 400: `` and the beginning of what the vendor said."""
    said = _line(answer.body[: 4 * _WORDS].decode("utf-8", "replace"))
    return scrubbed(f"HTTP {answer.status}: {said}".rstrip(": "), secrets)


def scrubbed(text: str, secrets: Sequence[str]) -> str:
    """A vendor's words as one line, without the keys that it repeats."""
    text = _line(text[: 4 * _WORDS])
    for secret in secrets:
        text = text.replace(secret, "…") if secret else text
    return text[:_WORDS]


def retry_after(answer: Answer) -> float | None:
    """Seconds to wait, by ``Retry-After`` as a number or as a date (RFC 9110, section 10.2.3).

    A date is compared with the answer's own ``Date``, so that nobody's clock matters.
    """
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    seconds = _seconds(text, answer.headers.get("date", ""))
    if seconds is None or not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _seconds(text: str, date: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(text) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):  # one of them is no date, or has no zone
        return None


def _line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
