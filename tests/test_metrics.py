"""Prometheus' text format, checked against its grammar."""

from __future__ import annotations

import re
from typing import Any

from track_middleware.metrics import CONTENT_TYPE
from track_middleware.metrics import metrics as exposition

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9.e+-]+)")


def facts(**more: Any) -> dict[str, Any]:
    return {
        "events": 12,
        "disk": {"storeBytes": 4096, "spoolBytes": 480, "freeBytes": 9e9, "minFreeBytes": 5e8},
        "former": [],
        "erasures": [],
        "worker": {"alive": True, "leaseAge": 0.5},
        "spool": {"segments": 2, "bytesWaiting": 480, "unknown": []},
        "destinations": [],
        "replays": [],
        "counters": {},
        **more,
    }


def destination(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "lag": 3, "lagSeconds": 1.5, "retry": 1, "held": 2, "dead": 4, "pause": "",
        "pausedUntil": None, "pauseReason": "", "delivered": 90, "doubtful": 0, "cut": 0,
        "rate": 2.5, "answeredAt": 1_800_000_000.5, **more,
    }  # fmt: skip


def metrics(given: dict[str, Any]) -> str:
    return exposition(given, version="0.1.0")


def test_every_line_is_of_the_format_and_every_metric_has_a_type_before_its_samples() -> None:
    text = metrics(
        facts(
            destinations=[destination("amplitude"), destination("heap", pause="tries again")],
            counters={"consent": 7, "torn": 1},
            replays=[
                {"id": 5, "destination": "heap", "events": 9, "progress": 0.25, "ended": None}
            ],
        )
    )
    typed: set[str] = set()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in ("counter", "gauge")
            assert name not in typed, "the lines of one metric stand together"
            typed.add(name)
        elif not line.startswith("# HELP "):
            found = SAMPLE.fullmatch(line)
            assert found, line
            assert found[1] in typed


def test_numbers_of_destinations_replays_and_reasons() -> None:
    lines = metrics(
        facts(
            destinations=[destination("heap", pause="tries again")],
            counters={"consent": 7},
            replays=[
                {"id": 5, "destination": "heap", "events": 9, "progress": 0.25, "ended": None}
            ],
        )
    ).splitlines()
    assert 'track_middleware_destination_lag_seconds{destination="heap"} 1.5' in lines
    assert 'track_middleware_destination_paused{destination="heap"} 1' in lines
    assert 'track_middleware_destination_delivered_total{destination="heap"} 90' in lines
    assert 'track_middleware_not_kept_total{reason="consent"} 7' in lines
    assert 'track_middleware_replay_progress_ratio{destination="heap",replay="5"} 0.25' in lines
    assert "track_middleware_worker_alive 1" in lines


def test_a_metric_without_samples_is_left_out() -> None:
    assert "destination" not in metrics(facts())
    nothing_yet = metrics(facts(worker={"alive": False, "leaseAge": None}, disk={}))
    assert "age_seconds" not in nothing_yet
    assert "disk" not in nothing_yet
    silent = metrics(facts(destinations=[destination("heap", answeredAt=None)]))
    assert "last_answer" not in silent


def test_a_name_follows_prometheus_conventions() -> None:
    """A counter, and nothing else, ends in _total; units are seconds, bytes or ratios, in full."""
    text = metrics(facts(destinations=[destination("heap")], counters={"torn": 1}))
    kinds = dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)$", text))
    assert {"counter", "gauge"} == set(kinds.values())
    for name, kind in kinds.items():
        assert name.startswith("track_middleware_")
        assert name.endswith("_total") == (kind == "counter"), name
        assert not re.search(r"_(ms|milliseconds|kb|mb|percent|sec)(_|$)", name), name


def test_the_release_the_disk_and_what_is_left_behind() -> None:
    former = [{"name": "heap-3f", "waiting": 12}]
    lines = metrics(facts(former=former, erasures=[{}, {}])).splitlines()
    assert 'track_middleware_build_info{version="0.1.0"} 1' in lines
    assert "track_middleware_store_bytes 4096" in lines
    assert "track_middleware_disk_free_bytes 9000000000.0" in lines
    assert 'track_middleware_former_waiting_events{destination="heap-3f"} 12' in lines
    assert "track_middleware_erasures_open 2" in lines


def test_a_label_cannot_leave_its_quotes() -> None:
    text = metrics(facts(destinations=[destination('a"b\\c\nd')]))
    assert r'{destination="a\"b\\c\nd"}' in text


def test_the_content_type_names_the_format() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")
