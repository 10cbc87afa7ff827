"""segment-analytics-python and we make the same calls: what differs on the wire, and why."""

from __future__ import annotations

from pathlib import Path

from segment.analytics.client import Client

from tests.oracle import by_us, spec
from tests.oracle.requests import around, flat, inside, whole

AROUND = {
    "headers.user-agent": "another library",
    "body.sentAt": "another moment; ours to the millisecond, as Segment's spec has it",
}
INSIDE = {
    **spec.INSIDE,
    "every: integrations": "theirs is empty: no destination is chosen, which leaving it out says",
}


def test_only_what_is_explained_differs_from_segments_own_library(tmp_path: Path) -> None:
    ours = whole(by_us(tmp_path, "segment://KEY", spec.say))
    theirs = whole(spec.by_sdk(Client))
    assert around(ours, theirs) == AROUND.keys()
    assert flat(inside(ours, theirs, lambda message: message["type"])) == INSIDE.keys()
