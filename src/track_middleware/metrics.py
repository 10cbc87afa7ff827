"""The numbers of ``status`` in Prometheus' text format, version 0.0.4. No I/O happens here.

Source: prometheus.io/docs/instrumenting/exposition_formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: The Content-Type of what ``metrics`` gives.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: One number and the labels that it has.
Sample = tuple[Mapping[str, object], float]


def metrics(facts: Mapping[str, Any], *, version: str) -> str:
    """What ``facts.state`` gives, as text; ends with a line feed. ``version``: of the package."""
    spool, worker = facts["spool"], facts["worker"]
    lines = [
        *_family("build_info", "gauge", "Which release tells this.", [({"version": version}, 1)]),
        *_family(
            "events_total", "counter", "Events that the store was given.", [({}, facts["events"])],
        ),
        *_family("worker_alive", "gauge", "Whether a worker is alive.", [({}, worker["alive"])]),
        *_family(
            "worker_sign_of_life_age_seconds", "gauge", "Since when the worker says nothing.",
            [({}, worker["leaseAge"])] if worker["leaseAge"] is not None else [],
        ),
        *_disk(facts["disk"]),
        *_family("spool_segments", "gauge", "Files of the spool.", [({}, spool["segments"])]),
        *_family(
            "spool_waiting_bytes", "gauge", "Bytes that are accepted and not yet stored.",
            [({}, spool["bytesWaiting"])],
        ),
        *_family(
            "not_kept_total", "counter", "What was counted and not kept, by reason.",
            [({"reason": reason}, number) for reason, number in sorted(facts["counters"].items())],
        ),
        *_destinations(facts["destinations"]),
        *_family(
            "former_waiting_events", "gauge", "Events of destinations that are configured no more.",
            [({"destination": each["name"]}, each["waiting"]) for each in facts["former"]],
        ),
        *_family(
            "erasures_open", "gauge", "Erasures that some system has not answered.",
            [({}, len(facts["erasures"]))],
        ),
        *_replays(facts["replays"]),
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


#: Name of a destination's metric, its type, its meaning, its key among the facts.
_DESTINATION = (
    ("lag_events", "gauge", "Events that it takes and has before it.", "lag"),
    ("lag_seconds", "gauge", "Age of the first of them.", "lagSeconds"),
    ("retried_events", "gauge", "Events that wait for another attempt.", "retry"),
    ("held_events", "gauge", "Events behind a retry of their visitor.", "held"),
    ("delivered_total", "counter", "Events that it got.", "delivered"),
    ("doubtful_total", "counter", "Events that it got perhaps not, or twice.", "doubtful"),
    ("cut_total", "counter", "Values that were shortened to its limits.", "cut"),
    ("events_per_minute", "gauge", "Events that it got in about the last minute.", "rate"),
    ("dead_letters", "gauge", "Events that it refused for good, up to the cap.", "dead"),
    ("paused", "gauge", "Whether it is left alone for now.", "pause"),
    ("last_answer_timestamp_seconds", "gauge", "When it last answered.", "answeredAt"),
)

#: Name of a metric of the disk, its meaning, its key among the facts.
_DISK = (
    ("store_bytes", "What the store's files take.", "storeBytes"),
    ("spool_bytes", "What the spool's files take.", "spoolBytes"),
    ("disk_free_bytes", "What is free where the data folder lies.", "freeBytes"),
    ("disk_min_free_bytes", "Below how much of it events are refused.", "minFreeBytes"),
)

_REPLAY = (
    ("events", "gauge", "Events that a replay was to send.", "events"),
    ("progress_ratio", "gauge", "How much of its part of the log lies behind it.", "progress"),
)


def _disk(found: Mapping[str, int]) -> Iterator[str]:
    for name, meaning, key in _DISK:
        yield from _family(name, "gauge", meaning, [({}, found[key])] if found else [])


def _destinations(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for name, kind, meaning, key in _DESTINATION:
        samples = [
            ({"destination": each["name"]}, _number(each[key]))
            for each in found
            if each[key] is not None
        ]
        yield from _family(f"destination_{name}", kind, meaning, samples)


def _replays(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for name, kind, meaning, key in _REPLAY:
        samples = [
            ({"destination": each["destination"], "replay": each["id"]}, _number(each[key]))
            for each in found
            if each["ended"] is None
        ]
        yield from _family(f"replay_{name}", kind, meaning, samples)


def _family(name: str, kind: str, meaning: str, samples: Iterable[Sample]) -> Iterator[str]:
    """One metric; nothing where it has no samples."""
    full = f"track_middleware_{name}"
    for number, (labels, value) in enumerate(samples):
        if not number:
            yield f"# HELP {full} {meaning}"
            yield f"# TYPE {full} {kind}"
        yield f"{full}{_labels(labels)} {_number(value)!r}"


def _labels(labels: Mapping[str, object]) -> str:
    said = ",".join(f'{name}="{_escaped(str(value))}"' for name, value in labels.items())
    return f"{{{said}}}" if said else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: Any) -> float | int:
    """A number as it is; anything else as 1 when there is something, else 0."""
    return (
        value
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else int(bool(value))
    )
