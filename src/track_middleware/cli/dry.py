"""A backfill's first events as they would be sent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ..address import Address, address
from ..delivery.emission import content
from ..delivery.store import Stored
from ..destinations import registry
from ..destinations.registry import Route
from ..event import Entry, encode_event, wire_id
from ..history.source import Source, without_secrets
from .place import WELL, Place, say

#: Options of a destination's URL that are secrets.
_SECRET = ("token", "secret", "key", "api_key")


def shown(
    where: Place,
    source: Source,
    first: Sequence[Entry],
    chosen: Sequence[Route],
    said: Sequence[str],
    *,
    as_json: bool,
) -> int:
    """Prints these events as the wire has them, and each destination's calls with them; nothing is
    kept, nothing is sent. Keys and passwords are not shown."""
    events = [_stored(place, each) for place, each in enumerate(first, 1)]
    calls = [call for route in chosen for call in _calls(where, route, events)]
    total = source.total(None)
    told = {
        "rows": total,
        "events": [msgspec.Raw(each.body) for each in events],
        "calls": calls,
        "warnings": list(said),
    }
    say(told, _lines(total, events, calls, said), as_json=as_json)
    return WELL


def _lines(
    total: int | None,
    events: Sequence[Stored],
    calls: Sequence[dict[str, Any]],
    said: Sequence[str],
) -> Iterator[str]:
    rows = "nobody counted the rows" if total is None else f"{total:,} rows"
    yield f"{rows}; the first {len(events)} as they would be sent:"
    for event in events:
        yield event.body.decode()
    for call in calls:
        yield f"{call['destination']}: POST {call['url']}"
        yield from str(call["body"]).splitlines()
    for each in said:
        yield f"warning      {each}"


def _stored(position: int, entry: Entry) -> Stored:
    event = entry.event
    assert event is not None
    event_id = wire_id(entry.origin, event.message_id)
    event.message_id = event_id
    key = event.anonymous_id or event.user_id or event_id
    body = encode_event(event)
    return Stored(position, event_id, key, entry.at, event.type, event.label, body, None, None)


def _calls(where: Place, route: Route, events: Sequence[Stored]) -> Iterator[dict[str, Any]]:
    wanted = [e for e in events if route.filter.wants(e.label, bot=None)]
    made = content(route.fields, on_the_wire=False)
    ready: Any = [made(each) for each in wanted]
    urls = where.settings.destinations
    named = dict(zip([r.name for r in registry.routes(urls)], map(address, urls), strict=True))
    for call in route.destination.calls(ready, time.time()).calls:
        body = _hidden(call.body.decode("utf-8", "replace"), named[route.name])
        yield {"destination": route.name, "url": without_secrets(call.url), "body": body}


def _hidden(body: str, where: Address) -> str:
    """A body whose JSON texts do not hold the keys of its destination's URL."""
    options = [value for name, value in where.options.items() if name in _SECRET]
    for secret in {where.user, where.password, where.host, *options} - {""}:
        body = body.replace(f'"{secret}"', '"…"')
    return body
