"""What a worker says of each batch: a line at INFO, and numbers and a span for OpenTelemetry.

The line is ``key=value`` pairs on the logger ``track_middleware.batch``; a record's attribute
``batch`` holds the same as a dict, for whoever writes JSON. OpenTelemetry is told where somebody in
this process has loaded it: without a provider of his nothing comes of it.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from .batch import Batch
    from .sending import Sending

logger = logging.getLogger("track_middleware.batch")

#: A batch that was put into the store, and one that was sent to a destination.
What = Literal["stored", "sent"]

Fields = Mapping[str, str | int | float]


class Report:
    """Of the drain, or of one destination. One thread uses it: ``begin``, then ``stored`` or
    ``sent``."""

    def __init__(self, **labels: str) -> None:
        self._labels = labels
        self._began = 0.0

    def begin(self) -> None:
        """A batch begins here."""
        self._began = time.time()

    def stored(self, batch: Batch) -> None:
        """A batch is in the store."""
        if not _is_heard():
            return
        counts = {reason: number for reason, number in batch.counts.items() if number}
        events = len(batch.positions)
        if events or counts or batch.letters:
            self._say("stored", {"events": events, "letters": len(batch.letters), **counts})

    def sent(self, sending: Sending, delivered: int) -> None:
        """A batch was sent, as far as it went; so many events are delivered and noted."""
        if not sending.calls or not _is_heard():
            return
        states = Counter(fate.state for fate in sending.fates.values())
        numbers: dict[str, str | int | float] = {
            "events": len(sending.fates), "delivered": delivered, "refused": states["refused"],
            "retry": states["retry"], "doubtful": sending.doubtful, "calls": sending.calls,
            "answer": sending.answer,
        }  # fmt: skip
        self._say("sent", numbers)

    def _say(self, what: What, fields: Fields) -> None:
        now = time.time()
        whole = {"batch": what, **self._labels, **fields, "seconds": round(now - self._began, 3)}
        if logger.isEnabledFor(logging.INFO):
            logger.info("%s", line(whole), extra={"batch": whole})
        instruments = _instruments() if _is_loaded() else None
        if instruments is not None:
            instruments.take(what, self._labels, fields, self._began, now)


def line(fields: Fields) -> str:
    """``key=value`` pairs; a value that is no single word is written as JSON writes texts."""
    return " ".join(f"{name}={_word(value)}" for name, value in fields.items())


def _word(value: str | int | float) -> str:
    text = str(value)
    plain = text.isprintable() and not set(' "=') & set(text)
    return text if plain and text else msgspec.json.encode(text).decode()


def _is_heard() -> bool:
    return logger.isEnabledFor(logging.INFO) or _is_loaded()


def _is_loaded() -> bool:
    """Whether OpenTelemetry is in use here. Who sets up a provider has loaded it; nobody else has
    to pay for it."""
    return "opentelemetry.metrics" in sys.modules or "opentelemetry.trace" in sys.modules


class _Instruments:
    """What OpenTelemetry is told. Names and units: opentelemetry.io/docs/specs/semconv/general."""

    def __init__(self, metrics: Any, trace: Any) -> None:
        meter = metrics.get_meter("track_middleware")
        self._tracer = trace.get_tracer("track_middleware")
        self._events = meter.create_counter(
            "track_middleware.events", unit="{event}", description="Events by what became of them."
        )
        self._counted = meter.create_counter(
            "track_middleware.counted", unit="{event}", description="Events by what was counted."
        )
        self._seconds = meter.create_histogram(
            "track_middleware.batch.duration", unit="s", description="How long batches take."
        )

    def take(
        self, what: What, labels: Mapping[str, str], fields: Fields, began: float, ended: float
    ) -> None:
        """Counts a batch, and leaves a span of it."""
        about = {f"track_middleware.{name}": value for name, value in labels.items()}
        for name, value in fields.items():
            if not isinstance(value, int) or not value:
                continue
            if name in _OUTCOMES[what]:
                outcome = _OUTCOMES[what][name]
                self._events.add(value, {**about, "track_middleware.outcome": outcome})
            elif what == "stored":
                self._counted.add(value, {**about, "track_middleware.reason": name})
        self._seconds.record(ended - began, {**about, "track_middleware.batch": what})
        numbers = {f"track_middleware.{name}": value for name, value in fields.items()}
        span = self._tracer.start_span(
            f"track_middleware {what}", start_time=int(began * 1e9), attributes={**about, **numbers}
        )
        span.end(end_time=int(ended * 1e9))


#: A field of a batch -> what became of so many events. Of what is stored the other fields are the
#: counters' reasons.
_OUTCOMES: Mapping[What, Mapping[str, str]] = {
    "stored": {"events": "stored", "letters": "dead_letter"},
    "sent": {"delivered": "delivered", "refused": "refused", "retry": "retry"},
}


@cache
def _instruments() -> _Instruments | None:
    try:
        from opentelemetry import metrics, trace
    except ImportError:
        return None
    return _Instruments(metrics, trace)
