"""Vendors as functions: each checks what its vendor checks, and counts events by their id."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from track_middleware.delivery.lines import FileTransport, Silence
from track_middleware.destinations import Answer, Call

#: What a poisonous event carries in its properties.
POISON = "poison"


class Emulator:
    """Keeps what it took, in order, once by id."""

    url = ""
    reason = ""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def __call__(self, call: Call) -> Answer | Silence:
        raise AssertionError("each vendor answers in its own way")

    def restart(self) -> None:
        """The sender's process is started anew."""

    def take(self, ids: list[str]) -> None:
        self.taken.extend(each for each in ids if each not in self.taken)


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


class Heap(Emulator):
    url = "heap://APP"
    reason = "HTTP 400: poison"

    def __call__(self, call: Call) -> Answer:
        events = json.loads(call.body)["events"]
        if any(POISON in each["properties"] for each in events):
            return Answer(400, {}, b"poison")
        self.take([each["idempotency_key"] for each in events])
        return Answer(200)


class Webhook(Emulator):
    url = "webhook+https://example.test/"
    reason = "HTTP 422: poison"

    def __call__(self, call: Call) -> Answer:
        events = json.loads(call.body)["batch"]
        if any(POISON in each["properties"] for each in events):
            return Answer(422, {}, b"poison")
        self.take([each["messageId"] for each in events])
        return Answer(200)


class File(Emulator):
    """A real file: what is in it counts, twice when it is there twice. It refuses nothing."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.url = f"jsonl://{path}"
        self.path = path
        self.restart()

    def restart(self) -> None:
        self._append = FileTransport()

    def __call__(self, call: Call) -> Answer | Silence:
        answer = self._append(call)
        with open(self.path, encoding="utf-8") as file:
            self.taken = [json.loads(line)["messageId"] for line in file]
        return answer


Fault = Callable[[Callable[[Call], Answer | Silence], Call], Answer | Silence]


def _went_well(vendor: Callable[[Call], Answer | Silence], call: Call) -> Answer | Silence:
    return vendor(call)


def _took_it_and_fell_silent(
    vendor: Callable[[Call], Answer | Silence], call: Call
) -> Answer | Silence:
    vendor(call)
    return Silence("no answer: closed")


def _answers(answer: Answer | Silence) -> Fault:
    return lambda vendor, call: answer


#: What may happen to a call.
FAULTS: dict[str, Fault] = {
    "well": _went_well,
    "doubt": _took_it_and_fell_silent,
    "silence": _answers(Silence("no answer: refused")),
    "500": _answers(Answer(500)),
    "429": _answers(Answer(429, {"retry-after": "7"})),
    "413": _answers(Answer(413)),
    "401": _answers(Answer(401)),
    "302": _answers(Answer(302)),
    "garbage": _answers(Answer(503, {"retry-after": "\x00"}, b"\xff\xfe")),
}
