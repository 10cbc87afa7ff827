"""Amplitude's HTTP API V2."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.delivery.emulators import POISON, Emulator
from track_middleware.destinations import Answer, Call


class Amplitude(Emulator):
    url = "amplitude://KEY"
    reason = "events with invalid fields"

    def __call__(self, call: Call) -> Answer:
        events = json.loads(call.body)["events"]
        bad = [at for at, each in enumerate(events) if POISON in each["event_properties"]]
        if bad:
            said = {
                "code": 400,
                "error": "Invalid values",
                "events_with_invalid_fields": {"poison": bad},
            }
            return Answer(400, {}, json.dumps(said).encode())
        self.take([each["insert_id"] for each in events])
        return Answer(200, {}, b'{"code":200}')


VENDORS: Mapping[str, Callable[[Path], Emulator]] = {"amplitude": lambda folder: Amplitude()}
