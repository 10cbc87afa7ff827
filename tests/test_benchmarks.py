"""The benchmarks measure what they say: small ones, for what arrives and not for how fast."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from benchmarks import console, imports, plan, script, stages, throughput, trace, waiting
from benchmarks.receiver import running
from tests.chrome import launched


def test_every_event_of_ours_arrives_once_at_the_receiver() -> None:
    with running() as receiver:
        result = throughput.measured("ours", receiver, 2000)
    assert (result.lost, result.repeated) == (0, 0)


def test_the_receiver_counts_what_is_lost_and_what_comes_twice() -> None:
    with running() as receiver:
        receiver.expect(3)
        for body in ('{"order_id":"order-0000001"}', "order-0000001 order-0000009"):
            receiver._ask("POST", "/v1/batch", body)
        came = receiver.arrivals()
    assert (came.lost, came.repeated) == (2, 1)
    assert came.first == came.last > 0


def test_events_that_wait_for_a_destination_arrive_once_when_it_is_back() -> None:
    with running() as receiver:
        outage = waiting.measured(receiver, 2000)
    assert (outage.lost, outage.repeated) == (0, 0)


def test_the_plans_benchmark_drains_the_same_events_with_a_plan_and_without() -> None:
    bare, planned, ratio = plan.measured(1)
    assert min(bare, planned, ratio) > 0


def test_each_stage_has_its_bytes_and_the_files_every_event(tmp_path: Path) -> None:
    floor, found = stages.measured(tmp_path, visits=40, turns=1)
    sizes = {each.name: each.size for each in found}
    assert floor > 0
    assert all(sizes[f"{name}: ready to send"] > 500 for name in stages.DESTINATIONS)
    files = sorted((tmp_path / "files").rglob("*.parquet"))
    assert sum(parquet.ParquetFile(each).metadata.num_rows for each in files) == 80


def test_every_page_view_of_an_imported_log_is_stored(tmp_path: Path) -> None:
    result = imports.measured(imports.written(tmp_path, 2000), 2000)
    assert result.events == result.stored > 300


def test_every_page_of_the_console_is_asked_of_a_full_store(tmp_path: Path) -> None:
    result = console.measured(tmp_path, 3000)
    assert result.pages.keys() == {*console.PAGES, *console.FURTHER}
    assert min(min(each) for each in result.pages.values()) > 0
    assert result.size > 100


@pytest.mark.needs("chromium")
def test_clicks_force_no_layout_by_the_script_and_one_that_does_is_found() -> None:
    """When the page is idle, the script asks for its size, for which it may be laid out anew."""
    with script.served() as base, launched() as browser:
        ours, control = (
            script.measured(browser, base, subject, screen="desktop", loads=1, clicks=3)
            for subject in (script.OURS, script.CONTROL)
        )
    assert ours.forced_by_clicks == []
    for forced in (control.forced, control.forced_by_clicks):
        assert {each.split()[0] for each in forced} == {"Layout", "UpdateLayoutTree"}
    assert any("in force:" in each for each in control.forced), "the place in the script is told"
    assert len(ours.clicks) == len(control.clicks) == 3
    assert min(*ours.loads, *ours.later, *ours.clicks, *control.clicks) > 0
    assert max(*ours.loads, *ours.later) >= ours.longest[0] > 0


def _traced(*events: tuple[str, int, int, dict[str, Any]]) -> list[trace.Event]:
    """A trace of events of one thread: name, begin, duration, arguments."""
    written = [
        {"ph": "X", "name": name, "pid": 1, "tid": 1, "ts": begin, "dur": took, "tdur": took,
         "args": args}
        for name, begin, took, args in events
    ]  # fmt: skip
    return trace.events(json.dumps({"traceEvents": written}).encode())


def _called(url: str) -> dict[str, Any]:
    return {"data": {"url": f"http://localhost/k3j5n2ab{url}"}}


def test_time_of_a_script_is_its_own_and_counted_once() -> None:
    events = _traced(
        ("EvaluateScript", 100, 50, _called("/m.js")),
        ("FunctionCall", 110, 20, _called("/m.js")),
        ("FunctionCall", 200, 7, _called("/m.js?v=1")),
        ("FunctionCall", 300, 90, _called("/other.js")),
        ("RunMicrotasks", 400, 3, {}),
        ("EvaluateScript", 500, 2, _called("/m2.0123abcd.js")),
    )
    assert [span.cpu for span in trace.spent(events, script.OURS.script)] == [50, 7, 3, 2]


def test_a_loading_page_loses_what_runs_before_it_is_loaded_but_for_idle_calls() -> None:
    in_time, late = ({"data": {"timedOut": late}} for late in (False, True))
    events = _traced(
        ("EvaluateScript", 100, 50, _called("/m.js")),
        ("FireIdleCallback", 200, 30, in_time),
        ("FunctionCall", 201, 20, _called("/m.js")),
        ("FireIdleCallback", 300, 30, late),
        ("FunctionCall", 301, 7, _called("/m.js")),
        ("MarkLoad", 400, 0, {}),
        ("FunctionCall", 500, 9, _called("/m.js")),
    )
    running = trace.spent(events, script.OURS.script)
    assert [span.cpu for span in trace.while_loading(events, running)] == [50, 7]


def test_layout_within_a_call_is_forced_and_one_after_it_is_not() -> None:
    events = _traced(
        ("FunctionCall", 100, 50, _called("/m.js")),
        ("Layout", 110, 5, {}),
        ("Layout", 160, 5, {}),
        ("FunctionCall", 200, 50, _called("/other.js")),
        ("Layout", 210, 5, {}),
    )
    assert trace.forced(events, script.OURS.script) == ["Layout in FunctionCall"]
