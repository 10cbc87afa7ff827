"""What may happen to a call between us and a vendor, and to a worker between any two steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from track_middleware.delivery.lines import Silence
from track_middleware.delivery.store import Ledger
from track_middleware.destinations import Answer, Call
from track_middleware.errors import StoreError

Vendor = Callable[[Call], Answer | Silence]
Fault = Callable[[Vendor, Call], Answer | Silence]


class Killed(BaseException):
    """The process is gone; what it had not written is forgotten."""


def _went_well(vendor: Vendor, call: Call) -> Answer | Silence:
    return vendor(call)


def _took_it_and(answer: Answer | Silence) -> Fault:
    def fault(vendor: Vendor, call: Call) -> Answer | Silence:
        vendor(call)
        return answer

    return fault


def _killed_before(vendor: Vendor, call: Call) -> Answer | Silence:
    raise Killed


def _killed_after(vendor: Vendor, call: Call) -> Answer | Silence:
    vendor(call)
    raise Killed


def _answers(answer: Answer | Silence) -> Fault:
    return lambda vendor, call: answer


#: What may happen to a call.
FAULTS: dict[str, Fault] = {
    "well": _went_well,
    "doubt": _took_it_and(Silence("no answer: closed")),
    "gateway": _took_it_and(Answer(504)),
    "silence": _answers(Silence("no answer: timed out")),
    "refused": _answers(Silence("no answer: refused", sent=False)),
    "500": _answers(Answer(500)),
    "502": _answers(Answer(502)),
    "429": _answers(Answer(429, {"retry-after": "7"})),
    "too many": _answers(Answer(429)),
    "413": _answers(Answer(413)),
    "401": _answers(Answer(401)),
    "302": _answers(Answer(302)),
    "garbage": _answers(Answer(503, {"retry-after": "\x00"}, b"\xff\xfe")),
    "killed before": _killed_before,
    "killed after": _killed_after,
}

#: What may happen to a write of the ledger.
WRITES = ("well", "killed before", "killed after", "full")


class Breaking:
    """A ledger whose writes go as ``happening`` says, one after the other, then well."""

    def __init__(self, ledger: Ledger, happening: list[str]) -> None:
        self._ledger = ledger
        self._happening = happening

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ledger, name)
        if name not in ("advance", "settle", "note", "landed", "pause"):
            return found

        def write(*given: Any, **named: Any) -> Any:
            how = self._happening.pop(0) if self._happening else "well"
            if how == "full":
                raise StoreError("the disk is full")
            if how == "killed before":
                raise Killed
            result = found(*given, **named)
            if how == "killed after":
                raise Killed
            return result

        return write
