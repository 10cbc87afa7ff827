"""What may happen to a call between us and a vendor."""

from __future__ import annotations

from collections.abc import Callable

from track_middleware.delivery.lines import Silence
from track_middleware.destinations import Answer, Call

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
