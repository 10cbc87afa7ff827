"""What a vendor makes of an event that comes a second time, or late: declared facts, one table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..address import Address

DAY = 86400.0

FOR_EVER = math.inf


@dataclass(frozen=True, slots=True)
class Window:
    """``age_limit``: an event that happened longer ago is refused or dropped (None: no such
    limit is documented). ``dedupe``: for how long a repeated id is recognised, after it came first
    (0: never, None: ``said`` tells, else it is not documented). Both in seconds."""

    age_limit: float | None = None
    dedupe: float | None = None
    said: str = ""


#: Mixpanel's /track, which a project's token alone can reach.
_MIXPANEL_TRACK = Window(age_limit=5 * DAY, dedupe=FOR_EVER)

#: By the scheme of a destination's URL; what is not here says nothing about it.
WINDOWS: Mapping[str, Window] = {
    # amplitude.com/docs/apis/analytics/http-v2: the same insert_id on the same device within 7 days
    "amplitude": Window(dedupe=7 * DAY),
    # docs.mixpanel.com/reference/import-events: $insert_id with event, time and distinct_id
    "mixpanel": Window(dedupe=FOR_EVER),
    # developers.google.com/analytics/devguides/collection/protocol/ga4: 72 hours, and no id
    "ga4": Window(age_limit=3 * DAY, dedupe=0.0),
    # Ids in the tables' keys.
    "clickhouse": Window(dedupe=FOR_EVER),
    "postgresql": Window(dedupe=FOR_EVER),
    # delivery/lines.py
    "jsonl": Window(said="a file knows the ids of its last 4,000 lines; others are written again"),
}

UNKNOWN = Window()


def window(address: Address) -> Window:
    """The facts about a destination, by its URL."""
    if address.scheme == "mixpanel" and not address.user:
        return _MIXPANEL_TRACK
    return WINDOWS.get(address.scheme, UNKNOWN)
