"""Orders of the example's Django shop whose events were held back, found and mended: exactly these,
and once."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import MAX_WBITS, decompress

import pytest

from tests.delivery.recorder import Got, Recorder, Say
from tests.programs import ROOT
from track_middleware.event import iso

SHOP = ROOT / "examples" / "django_app"
SETTINGS = """
import os
from shop.settings import *
TRACK = TRACK | {"destinations": [os.environ["DESTINATION"]], "deliver": "worker"}
"""


class Shop:
    """The shop in a folder of its own, each call a process; its events go to a Mixpanel."""

    def __init__(self, folder: Path) -> None:
        self.got: dict[str, Any] = {}
        self.vendor = Recorder(self._import)
        (folder / "reconciled_shop.py").write_text(SETTINGS)
        project = f"mixpanel://user:secret@123?token=T&endpoint={self.vendor.url}"
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "reconciled_shop",
            "PYTHONPATH": os.pathsep.join([str(folder), str(SHOP), *sys.path]),
            "SHOP_VAR": str(folder),
            "SHOP_DEBUG": "0",
            "DESTINATION": project,
            "TRACK_MIN_FREE": "1",
            "TRACK_RESPECT_GPC": "all",
        }
        self.database = folder / "shop.sqlite3"

    def _import(self, got: Got) -> Say:
        """One event by its ``$insert_id``, however often it comes."""
        if not got.path.startswith("/import"):
            return Say(body=b'{"status": 1}')
        events = json.loads(_plain(got))
        self.got |= {each["properties"]["$insert_id"]: each for each in events}
        return Say(body=json.dumps({"code": 200, "num_records_imported": len(events)}).encode())

    def run(self, *argv: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *argv], env=self.environment | more, cwd=ROOT, text=True,
            capture_output=True, check=False, timeout=300,
        )  # fmt: skip

    def manage(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(SHOP / "manage.py"), *argv)

    def orders(self, *visitors: str, **more: str) -> list[list[str]]:
        """New orders; their numbers, by visitor."""
        done = self.run(str(ROOT / "tests" / "journeys" / "orders.py"), *visitors, **more)
        assert done.returncode == 0, done.stderr
        return [line.split() for line in done.stdout.splitlines()]

    def age(self) -> None:
        """The orders, as if they were an hour old: the events of younger ones may still come."""
        with sqlite3.connect(self.database) as database:
            rows = "UPDATE shop_order SET created_at = datetime(created_at, '-1 hour')"
            database.execute(rows)
        database.close()

    def truth(self) -> dict[str, tuple[Decimal, str]]:
        """Every order with its sum and its second."""
        with sqlite3.connect(self.database) as database:
            rows = database.execute("SELECT id, total, created_at FROM shop_order").fetchall()
        database.close()
        return {str(number): (Decimal(str(total)), at[:19]) for number, total, at in rows}

    def told(self) -> list[dict[str, Any]]:
        """The orders that the destination knows."""
        return [
            each["properties"] for each in self.got.values() if each["event"] == "Order Completed"
        ]

    def reconcile(self, *argv: str) -> tuple[int, dict[str, Any]]:
        done = self.manage("track", "reconcile", "--json", *argv)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)[0]


def _plain(got: Got) -> bytes:
    zipped = got.headers.get("content-encoding") == "gzip"
    return decompress(got.body, MAX_WBITS | 16) if zipped else got.body


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    with shop.vendor:
        yield shop


def test_orders_that_were_held_back_are_mended_exactly_and_nothing_else_twice_in_a_row(shop):
    live, refused_by_the_visitor = shop.orders("4", "1:sec-gpc=1")
    (refused_by_the_disk,) = shop.orders("2", TRACK_MIN_FREE="100%")
    shop.age()
    assert shop.manage("track", "worker", "--once").returncode == 0
    assert sorted(each["order_id"] for each in shop.told()) == sorted(live)

    status, found = shop.reconcile()
    held_back = sorted(refused_by_the_disk + refused_by_the_visitor)
    assert (status, found["missing"]) == (1, {"count": 3, "ids": held_back})
    assert (found["extra"]["count"], found["different"]["count"]) == (0, 0)

    for mended in (3, 0):
        status, found = shop.reconcile("--fix")
        assert (status, found["mended"], found["equal"]) == (0, mended, True)
        told, truth = shop.told(), shop.truth()
        assert len(told) == len(truth) == 7
        sums = {each["order_id"]: Decimal(str(each["revenue"])) for each in told}
        assert sums == {number: total for number, (total, _) in truth.items()}
        times = {each["order_id"]: iso(each["time"] / 1000 if each["time"] > 1e11 else each["time"])
                 for each in told if each["order_id"] in held_back}  # fmt: skip
        assert times.keys() == set(held_back)
        for number, at in times.items():
            assert at[:19].replace("T", " ") == truth[number][1]
    (day,) = found["days"]
    assert (day["rows"], day["events"], day["sumDifference"]) == (7, 7, 0.0)
