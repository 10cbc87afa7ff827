"""A ClickHouse table: a block whose token it has had is dropped, rows of one id become one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.delivery.emulators import POISON, Emulator
from track_middleware.destinations import Answer, Call


class Table(Emulator):
    url = "clickhouse://shop:pw@ch.test/shop"
    reason = "Cannot parse input"

    def __call__(self, call: Call) -> Answer:
        rows = [json.loads(line) for line in call.body.splitlines()]
        if any(POISON in row.get("properties", {}) for row in rows):
            told = b"Code: 27. DB::Exception: Cannot parse input (at row 1)"
            return Answer(400, {"x-clickhouse-exception-code": "27"}, told)
        self.take([row["event_id"] for row in rows])
        return Answer(200)


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {"clickhouse": lambda folder: Table()}
