"""rudder-sdk-python and we make the same calls: what differs on the wire, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle import by_us, spec
from tests.oracle.requests import around, flat, inside, whole

AROUND = {
    "headers.user-agent": "another library",
    "headers.content-encoding": "theirs is gzip: ours spares the processor that the app runs on",
    "body.sentAt": "another moment; ours to the millisecond, as the spec has it",
}
INSIDE = {
    **spec.INSIDE,
    "every: integrations": "theirs is All: true, which is what the server takes for a missing one",
}


def test_only_what_is_explained_differs_from_rudderstacks_own_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its import would read a .env of whoever runs these tests into their environment.
    monkeypatch.setattr("dotenv.load_dotenv", lambda: False)
    from rudderstack.analytics.client import Client

    theirs = whole(spec.by_sdk(Client))
    ours = whole(by_us(tmp_path, "rudderstack://KEY@dataplane.test", spec.say))
    assert around(ours, theirs) == AROUND.keys()
    assert flat(inside(ours, theirs, lambda message: message["type"])) == INSIDE.keys()
