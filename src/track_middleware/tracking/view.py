"""The server's half of a page view as the spool keeps it: an ``Entry`` written in one go.

Every page costs this, so the frame is joined from pieces that are mostly there already instead of
being encoded from values. It says what ``decode_entry`` reads back, and nothing else.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from ..event import Counting, iso
from .context import json
from .whose import Whose


def view(
    page_id: str,
    at: float,
    *,
    whose: Whose,
    context: bytes,
    consent: bytes,
    facts: dict[str, str] | None,
    counting: Counting,
    host: bytes,
    await_half: bool,
) -> msgspec.Raw:
    """The entry of a page view; ``host`` is the data folder's id, as JSON."""
    named, moment = json(page_id), json(at)
    said = [
        b'{"kind":"view","at":', moment, b',"event":{"messageId":', named,
        b',"type":"page","timestamp":"', iso(at).encode(), b'",', whose.ids,
        b'"context":', context, b'},"page":{"id":', named, b',"made":', moment,
        b',"counting":"', counting.encode(), b'","host":', host, b'},"consent":', consent,
    ]  # fmt: skip
    if whose.person:
        said += (b',"person":', whose.person)
    if facts is not None:
        said += (b',"facts":', json(facts))
    said.append(b',"awaitHalf":true}' if await_half else b"}")
    return msgspec.Raw(b"".join(said))


def of_page(status: int, milliseconds: float) -> bytes:
    """What a context says of the page's response."""
    return _by_status(status) + json(milliseconds)


@lru_cache(maxsize=256)
def _by_status(status: int) -> bytes:
    return b',"status":%d,"durationMs":' % status
