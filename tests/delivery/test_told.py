"""By settings alone: a worker repairs, tells of the past, enriches, and a replay says the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.recorder import Recorder
from tests.delivery.site import GRANTED, new_id
from track_middleware import cli
from track_middleware.delivery import handover
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.worker import Worker
from track_middleware.errors import SettingsError
from track_middleware.event import Entry, Event, iso
from track_middleware.plan.repairs import Move, Rename, Repair
from track_middleware.reading import load

REPAIRS = [Repair("Order Done", [Rename("Order Completed"), Move("total", "revenue")], ["ios"])]


def enricher(event: Event) -> None:
    event.context["segment"] = "new"


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


def delivered(vendor: Recorder) -> list[dict[str, Any]]:
    return [event for got in vendor.got for event in json.loads(got.body)["batch"]]


def test_a_worker_does_all_of_it_by_its_settings_and_a_replay_says_the_same(
    tmp_path: Path, vendor: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "data_dir": str(tmp_path), "min_free": "1", "secret_key": "a secret for the tests",
        "destinations": [f"webhook+{vendor.url}/?name=hook"],
        "repairs": f"{__name__}.REPAIRS", "enrichers": [f"{__name__}.enricher"],
        "history": {"spent": {"sum": "Order Completed.revenue"}, "session_number": True},
    }  # fmt: skip
    handover.write(load(given, {}), tmp_path)
    settings = handover.read(tmp_path).loaded(tmp_path)  # type: ignore[union-attr]

    def work(*names: str) -> None:
        spool = Spool(tmp_path, now=time.time, min_free="1")
        context = {"platform": "ios", "session": {"id": "s"}}
        for name in names:
            event = Event(new_id(), "track", iso(time.time()), event=name, user_id="42",
                          properties={"total": 2}, context=context)  # fmt: skip
            assert spool.append([Entry("event", time.time(), event, consent=GRANTED)])
        spool.close()
        worker = Worker(settings, data_dir=tmp_path)
        worker.once()
        worker.close()

    work()
    work("Order Done", "Order Done", "Seen")
    first = delivered(vendor)
    assert [each["event"] for each in first] == ["Order Completed", "Order Completed", "Seen"]
    assert [each["context"]["history"] for each in first] == [
        {"spent": spent, "session_number": 1} for spent in (0, 2, 4)
    ]
    assert {each["context"]["segment"] for each in first} == {"new"}
    vendor.got.clear()
    assert cli.run(["replay", "--destination", "hook"], given=given) == 0
    work("Order Done")
    again = {each["messageId"]: each for each in delivered(vendor)}
    assert {each["messageId"]: each for each in first}.items() <= again.items()
    assert len(again) == 4
    capsys.readouterr()


@pytest.mark.parametrize("wrong", ["json.dumps", "no_such_module.REPAIRS", f"{__name__}.enricher"])
def test_repairs_that_are_none_are_told_before_a_worker_starts(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingsError, match="repairs: "):
        Worker(load({"data_dir": str(tmp_path), "repairs": wrong}, {}), data_dir=tmp_path)
