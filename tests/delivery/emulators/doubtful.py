"""A vendor without ids, like GA4: whatever arrives is counted, as often as it arrives. Its events
and its profiles go different ways."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.delivery.emulators import POISON
from track_middleware.destinations import Answer, Call, Outbound, Verdict
from track_middleware.destinations.answers import usual
from track_middleware.event import Event

#: Events of one visitor in one call.
MOST = 2


class Counting:
    """Its codec: tracks go to ``/events``, identifies to ``/profiles``, groups to both."""

    name = "counting"
    most = 6

    def calls(self, events: Sequence[Event], now: float) -> Outbound:
        runs: dict[tuple[str, str], list[str]] = {}
        for event in events:
            for road in ROADS[event.type]:
                said = event.message_id + (POISON if POISON in (event.properties or {}) else "")
                runs.setdefault((road, event.anonymous_id or ""), []).append(said)
        calls = [
            _call(road, ids[start : start + MOST])
            for (road, _), ids in runs.items()
            for start in range(0, len(ids), MOST)
        ]
        return Outbound(calls)

    def judge(self, call: Call, answer: Answer | None) -> Sequence[Verdict]:
        return usual(call, answer)


ROADS = {"track": ("events",), "identify": ("profiles",), "group": ("events", "profiles")}


def _call(road: str, said: Sequence[str]) -> Call:
    ids = tuple(each.removesuffix(POISON) for each in said)
    body = json.dumps(said).encode()
    return Call(f"https://counting.test/{road}", body, ids, repeatable=False)


class Vendor:
    """Counts. ``taken`` holds (road, id), in order."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    def __call__(self, call: Call) -> Answer:
        ids = json.loads(call.body)
        if any(each.endswith(POISON) for each in ids):
            return Answer(400, {}, b"poison")
        road = call.url.rpartition("/")[2]
        self.taken.extend((road, each) for each in ids)
        return Answer(204)
