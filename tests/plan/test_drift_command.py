"""``plan drift`` over a store."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.site import GRANTED, new_id
from track_middleware import cli
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.worker import Worker
from track_middleware.event import Entry, Event, iso
from track_middleware.reading import load


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    return {"data_dir": str(tmp_path), "min_free": "1"}


def stored(given: dict[str, Any], *events: tuple[str, str, dict[str, Any]], ago: float = 0) -> None:
    """Events (platform, name, properties) that a worker has stored."""
    folder, at = Path(given["data_dir"]), time.time() - ago
    spool = Spool(folder, now=time.time, min_free="1")
    for platform, name, properties in events:
        event = Event(
            new_id(), "track", iso(at), event=name, user_id="42", properties=properties,
            context={"platform": platform},
        )  # fmt: skip
        assert spool.append([Entry("event", at, event, consent=GRANTED)])
    spool.close()
    worker = Worker(load(given, {}), data_dir=folder)
    worker.once()
    worker.close()


def call(given: dict[str, Any], capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    status = cli.run(["plan", "drift", *argv], given=given)
    return status, capsys.readouterr().out


RIGHT, WRONG = {"order_id": "1", "revenue": 39.5}, {"order_id": "1", "total": 39.5}


def test_the_matrix_and_what_has_drifted_are_told(given, capsys):
    stored(given, *[("server", "Order", RIGHT)] * 6, *[("ios", "Order", WRONG)] * 6)
    status, out = call(given, capsys, "--json")
    said = json.loads(out)
    assert status == 1
    (order,) = said["events"]
    assert order["event"] == "Order"
    ios = order["platforms"]["ios"]
    assert ios["count"] == 6
    assert ios["properties"]["total"] == {"count": 6, "share": 1.0, "types": {"number": 6}}
    (finding,) = said["findings"]
    assert (finding["kind"], finding["property"], finding["other"]) == (
        "renamed",
        "revenue",
        "total",
    )
    status, out = call(given, capsys)
    assert status == 1
    assert "renamed: Order: ios says 'total' where server says 'revenue'" in out
    assert out.splitlines()[0].split() == ["event", "server", "ios"]


def test_only_the_last_days_are_looked_at(given, capsys):
    stored(given, *[("ios", "Order", WRONG)] * 6, ago=3 * 86400)
    stored(given, *[("server", "Order", RIGHT)] * 6, ("server", "Signup", {}))
    status, out = call(given, capsys, "--days", "2", "--json")
    said = json.loads(out)
    assert status == 0
    assert [list(each["platforms"]) for each in said["events"]] == [["server"], ["server"]]
    assert list(said["new"]) == ["Signup"]


def test_events_can_be_chosen(given, capsys):
    stored(given, ("web", "Order", RIGHT), ("web", "Signup", {}))
    status, out = call(given, capsys, "--events", "Sign*", "--json")
    assert [each["event"] for each in json.loads(out)["events"]] == ["Signup"]
    assert status == 0


def test_without_a_store_it_is_a_wrong_call(given, capsys):
    assert call(given, capsys)[0] == 2


def test_without_events_nothing_has_drifted(given, capsys):
    stored(given)
    assert call(given, capsys) == (0, "there were no events\n")
