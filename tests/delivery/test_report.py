"""What a worker says of each batch, to a log and to OpenTelemetry."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.recorder import Recorder, Say
from track_middleware.delivery import keeper
from track_middleware.delivery.report import line
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.worker import Worker
from track_middleware.event import Entry, Event, iso
from track_middleware.reading import load

ROOT = Path(__file__).resolve().parents[2]
GRANTED = {"analytics": "granted", "marketing": "granted"}


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    """Refuses its last event."""
    with Recorder(lambda got: Say(400 if b"Refused" in got.body else 200)) as recorder:
        yield recorder


def accept(data_dir: Path, *names: str) -> None:
    spool = Spool(data_dir, now=time.time, min_free="1")
    for number, name in enumerate(names):
        event = Event(f"{name}-{number}", "track", iso(time.time()), event=name, anonymous_id="v")
        assert spool.append([Entry("event", time.time(), event, consent=GRANTED)])
    spool.close()


def given(data_dir: Path, vendor: Recorder) -> dict[str, object]:
    url = vendor.url.replace("http://", "webhook+http://")
    return {
        "data_dir": str(data_dir), "min_free": "1", "deliver": "worker",
        "destinations": [f"{url}/?name=hook"],
    }  # fmt: skip


def test_each_batch_is_one_line_of_words_and_one_dict(
    data_dir: Path, vendor: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(load(given(data_dir, vendor), {}), data_dir=data_dir)
    worker.once()
    accept(data_dir, "Signup", "Signup", "Order")
    accept(data_dir, "Signup")  # the same id again
    with caplog.at_level(logging.INFO, "track_middleware.batch"):
        worker.once()
        accept(data_dir, "Refused")
        worker.once()
        worker.once()  # nothing is there, and nothing is said
    worker.close()
    told = [each for each in caplog.records if each.name == "track_middleware.batch"]
    seen = [{**each.batch, "seconds": 0} for each in told]  # type: ignore[attr-defined]
    stored = {"batch": "stored", "seconds": 0}
    sent = {"batch": "sent", "destination": "hook", "doubtful": 0, "retry": 0, "seconds": 0}
    assert seen == [
        {**stored, "events": 3, "letters": 0},
        {**stored, "events": 0, "letters": 0, "duplicate": 1},
        {**sent, "events": 3, "delivered": 3, "refused": 0, "calls": 1, "answer": "HTTP 200"},
        {**stored, "events": 1, "letters": 0},
        {
            **sent,
            "events": 1,
            "delivered": 0,
            "refused": 1,
            "calls": 1,
            "answer": seen[4]["answer"],
        },
    ]
    assert (
        told[2]
        .getMessage()
        .startswith(
            "batch=sent destination=hook events=3 delivered=3 refused=0 retry=0 doubtful=0 calls=1 "
            'answer="HTTP 200" seconds='
        )
    )
    assert "Signup" not in caplog.text


def test_nothing_is_said_where_nobody_listens(
    data_dir: Path, vendor: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(load(given(data_dir, vendor), {}), data_dir=data_dir)
    accept(data_dir, "Signup")
    with caplog.at_level(logging.WARNING, "track_middleware.batch"):
        worker.once()
    worker.close()
    assert caplog.records == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (5, "a=5"), (0.25, "a=0.25"), ("word", "a=word"), ("", 'a=""'), ("two w", 'a="two w"'),
        ('q"', r'a="q\""'), ("a=b", 'a="a=b"'), ("line\nbreak", r'a="line\nbreak"'),
        ("\x1b[31m", 'a="\\u001b[31m"'),
    ],
)  # fmt: skip
def test_a_value_is_one_word_or_stands_in_quotes(value: str | float, said: str) -> None:
    assert line({"a": value}) == said


def test_the_worker_verb_writes_json_where_it_is_asked_to(data_dir: Path, vendor: Recorder) -> None:
    accept(data_dir, "Signup")
    (data_dir / "settings.json").write_text(
        json.dumps({"settings": given(data_dir, vendor), "sys_path": [], "cwd": str(ROOT)})
    )
    verb = [sys.executable, "-m", "track_middleware", "worker", "--once"]
    more = ["--data-dir", str(data_dir), "--log-level", "INFO", "--log-format", "json"]
    done = subprocess.run([*verb, *more], capture_output=True, text=True, timeout=300, check=True)
    told = [json.loads(each) for each in done.stderr.splitlines()]
    batches = [each for each in told if each["logger"] == "track_middleware.batch"]
    assert [(each["batch"], each["events"], each["level"]) for each in batches][:1] == [
        ("stored", 1, "INFO")
    ]
    assert all({"time", "message", "seconds"} <= each.keys() for each in batches)


@pytest.mark.parametrize(("level", "more"), [("INFO", ["--log-level", "INFO"]), ("WARNING", [])])
def test_the_worker_of_a_web_process_says_what_that_one_would(
    level: str, more: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(level, "track_middleware"):
        assert keeper._log_level() == more


#: A worker beside a provider that somebody has set up.
OBSERVED = """
import json, sys
from pathlib import Path
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

reader, spans = InMemoryMetricReader(), InMemorySpanExporter()
metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
traces = TracerProvider()
traces.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(traces)
"""
WORKED = """
import json, os, sys
from pathlib import Path
from track_middleware.delivery.worker import Worker
from track_middleware.reading import load
given = json.loads(os.environ["GIVEN"])
worker = Worker(load(given, {}), data_dir=Path(given["data_dir"]))
worker.once()
worker.close()
"""
TOLD = """
found = {}
for one in reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics:
    for point in one.data.data_points:
        number = getattr(point, "value", getattr(point, "count", None))
        key = " ".join([one.name, *sorted(map(str, dict(point.attributes).values()))])
        found[key] = number
for span in spans.get_finished_spans():
    key = f"{span.name} {span.attributes.get('track_middleware.destination', '')}".strip()
    found[key] = [span.attributes["track_middleware.events"], span.end_time >= span.start_time]
print(json.dumps(found))
"""


def run(script: str, data_dir: Path, vendor: Recorder) -> str:
    environ = {**os.environ, "GIVEN": json.dumps(given(data_dir, vendor))}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.needs("opentelemetry")
def test_opentelemetry_is_told_of_each_batch(data_dir: Path, vendor: Recorder) -> None:
    Worker(load(given(data_dir, vendor), {}), data_dir=data_dir).once()
    accept(data_dir, "Signup", "Signup", "Order")
    accept(data_dir, "Signup")
    found = json.loads(run(OBSERVED + WORKED + TOLD, data_dir, vendor))
    assert found == {
        "track_middleware.events stored": 3,
        "track_middleware.counted duplicate": 1,
        "track_middleware.events delivered hook": 3,
        "track_middleware.batch.duration stored": 2,
        "track_middleware.batch.duration hook sent": 1,
        "track_middleware stored": [0, True],
        "track_middleware sent hook": [3, True],
    }


@pytest.mark.needs("opentelemetry")
def test_who_does_not_use_opentelemetry_does_not_load_it(data_dir: Path, vendor: Recorder) -> None:
    accept(data_dir, "Signup")
    script = WORKED + "print(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert run(script, data_dir, vendor).strip() == "False"
