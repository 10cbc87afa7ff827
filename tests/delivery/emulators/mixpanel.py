"""Mixpanel's strict import and its ``/track``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.delivery.emulators import POISON, Emulator
from track_middleware.destinations import Answer, Call


class MixpanelImport(Emulator):
    url = "mixpanel://user:secret@123?token=T"
    reason = "poison: is not valid"

    def __call__(self, call: Call) -> Answer:
        events = [each["properties"] for each in json.loads(call.body)]
        failed = [
            {
                "index": at,
                "insert_id": each["$insert_id"],
                "field": "poison",
                "message": "is not valid",
            }
            for at, each in enumerate(events)
            if POISON in each
        ]
        self.take([each["$insert_id"] for each in events if POISON not in each])
        if not failed:
            return Answer(200, {}, b'{"code":200,"status":"OK"}')
        said: dict[str, Any] = {
            "code": 400,
            "failed_records": failed,
            "num_records_imported": len(events) - len(failed),
        }
        return Answer(400, {}, json.dumps(said).encode())


class MixpanelTrack(Emulator):
    url = "mixpanel://T"
    reason = "status 0: poison"

    def __call__(self, call: Call) -> Answer:
        events = [each["properties"] for each in json.loads(call.body)]
        if any(POISON in each for each in events):
            return Answer(200, {}, b'{"status":0,"error":"poison"}')
        self.take([each["$insert_id"] for each in events])
        return Answer(200, {}, b'{"status":1,"error":null}')


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {
    "mixpanel import": lambda folder: MixpanelImport(),
    "mixpanel track": lambda folder: MixpanelTrack(),
}
