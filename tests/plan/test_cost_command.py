"""``plan cost`` over a store: what codecs make of events, and whether the advice halves it."""

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

URLS = ["mixpanel://token?name=mix", "jsonl:///nowhere/events.jsonl?name=file&events=Order*"]


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    return {"data_dir": str(tmp_path), "min_free": "1"}


def stored(given: dict[str, Any], *events: Event) -> None:
    folder = Path(given["data_dir"])
    spool = Spool(folder, now=time.time, min_free="1")
    assert spool.append([Entry("event", time.time(), each, consent=GRANTED) for each in events])
    spool.close()
    worker = Worker(load({**given, "destinations": []}, {}), data_dir=folder)
    worker.once()
    worker.close()


def said(name: str, user: str = "42", **properties: Any) -> Event:
    return Event(
        new_id(), "track", iso(time.time()), event=name, user_id=user, properties=properties
    )


@pytest.fixture
def call(given: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> Any:
    def called(*argv: str, **more: Any) -> Any:
        settings = {**given, "destinations": URLS, **more}
        assert cli.run(["plan", "cost", "--json", *argv], given=settings) == 0
        return json.loads(capsys.readouterr().out)

    return called


def places(told: Any) -> dict[str, dict[str, Any]]:
    return {
        place["name"]: {each["event"]: each for each in place["events"]} for place in told["places"]
    }


def test_each_place_says_what_each_event_costs_there(call, given):
    stored(given, *[said("Order Completed", note="x" * 1000)] * 1, *[said("Click")] * 1,
           *(said("Click") for _ in range(8)))  # fmt: skip
    told = call()
    found = places(told)
    assert list(found) == ["store", "mix", "file"]
    assert {name: each["rows"] for name, each in found["mix"].items()} == {
        "Click": 9, "Order Completed": 1
    }  # fmt: skip
    assert found["file"]["Click"]["rows"] == 0
    assert 1000 < found["file"]["Order Completed"]["bytes"] < 2000
    assert 1000 < found["store"]["Order Completed"]["bytes"] < 2000
    assert 1000 < told["properties"]["Order Completed"]["note"] < 1020
    assert told["places"][1]["halving"]["drop"] == ["Click"]


def test_by_bytes_another_event_is_the_costly_one(call, given):
    stored(given, said("Order Completed", note="x" * 5000), *(said("Click") for _ in range(8)))
    kept, sent, _ = call("--by", "bytes")["places"]
    assert kept["halving"]["drop"] == ["Order Completed"]
    assert sent["halving"]["drop"] == ["Click"]  # which cuts long texts


def test_the_sampling_that_is_advised_really_halves_it(call, given, tmp_path):
    stored(
        given,
        *(said("Click", f"user-{number}") for number in range(400)),
        *(said("Signup", f"user-{number}") for number in range(100)),
    )
    before = call()["places"][1]
    (event, share), = before["halving"]["sample"].items()  # fmt: skip
    assert (event, share) == ("Click", 0.37)
    plan = tmp_path / "plan.json"
    events = {"Click": {"sampling": share}, "Signup": {}}
    plan.write_text(json.dumps({"name": "shop", "events": events}))
    after = places(call(plan=str(plan)))["mix"]
    assert 200 < sum(each["rows"] for each in after.values()) < 300
    assert after["Signup"]["rows"] == 100


def test_a_key_metric_is_never_advised_to_go(call, given, tmp_path):
    stored(given, *(said("Order Completed") for _ in range(8)), said("Click"))
    plan = tmp_path / "plan.json"
    events = {"Order Completed": {"server_only": True}, "Click": {}}
    plan.write_text(json.dumps({"name": "shop", "events": events}))
    how = call(plan=str(plan))["places"][1]["halving"]
    assert (how["drop"], how["sample"]) == (["Click"], None)


def test_text_says_it_in_lines(given, capsys):
    stored(given, *(said("Click") for _ in range(8)), said("Signup", plan="pro"))
    assert cli.run(["plan", "cost"], given={**given, "destinations": URLS}) == 0
    out = capsys.readouterr().out
    assert "half the rows: without Click 11% is left;" in out
    assert "Signup: of each plan 13 B" in out


def test_without_a_store_it_is_a_wrong_call(given):
    assert cli.run(["plan", "cost"], given=given) == 2
