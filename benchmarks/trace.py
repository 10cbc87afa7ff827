"""What a trace of Chromium's says of one script: its time on the main thread, layouts it forced.

Only values in, values out: the events of a trace as Chromium writes them (JSON, microseconds).
Sources: Chromium's ``inspector_trace_events.cc`` for names and arguments of ``devtools.timeline``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Any

#: Enough to see what ran and how long; more categories slow down what they tell of.
TIMES = ("devtools.timeline", "v8.execute")
#: Says also where in the script a layout was forced.
PLACES = (*TIMES, "disabled-by-default-devtools.timeline.stack")

Event = Mapping[str, Any]

#: What compiles or runs a script and names it.
_NAMED = ("v8.compile", "EvaluateScript", "FunctionCall")

#: Continuations of promises and modules, which name no script: its own on a page without another.
_NAMELESS = ("RunMicrotasks", "v8.compileModule", "v8.evaluateModule")

#: The load event's end, and a call in time that the page has no use for.
_LOADED, _IDLE = "MarkLoad", "FireIdleCallback"

_LAYOUT = ("Layout", "UpdateLayoutTree")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of time on one thread: wall clock begin and end, and the thread's own CPU time."""

    thread: tuple[int, int]
    begin: float
    end: float
    cpu: float
    name: str

    def within(self, other: Span) -> bool:
        """Whether it lies inside another one, which is not itself."""
        return (
            self.thread == other.thread
            and other.begin <= self.begin
            and self.end <= other.end
            and self != other
        )


def events(trace: bytes) -> list[Event]:
    """The finished events of a trace, and the moments at which a page was loaded, in the order
    they began."""
    told = json.loads(trace)["traceEvents"]
    found = [each for each in told if each.get("ph") == "X" or each["name"] == _LOADED]
    return sorted(found, key=lambda each: each["ts"])


def spent(trace: Sequence[Event], script: Pattern[str]) -> list[Span]:
    """When the script with such a URL was compiled or ran; what lies in another is not repeated.

    Continuations of promises and modules count as its own, on the threads on which it runs: the
    page must have no other script.
    """
    named = [_span(each) for each in trace if each["name"] in _NAMED and script.search(_url(each))]
    threads = {span.thread for span in named}
    nameless = [_span(each) for each in trace if each["name"] in _NAMELESS]
    return list(_outermost([*named, *(span for span in nameless if span.thread in threads)]))


def while_loading(trace: Sequence[Event], spans: Sequence[Span]) -> list[Span]:
    """Those that began before the page was loaded, but for what ran in time that the browser found
    to be idle: these the page has lost."""
    ends = max((each["ts"] for each in trace if each["name"] == _LOADED), default=0)
    idle = [_span(each) for each in trace if each["name"] == _IDLE and not _timed_out(each)]
    early = [span for span in spans if span.begin < ends]
    return [span for span in early if not any(span.within(other) for other in idle)]


def forced(trace: Sequence[Event], script: Pattern[str]) -> list[str]:
    """Layouts and style recalculations that the script made the browser do at once.

    Each with its place in the script when Chromium tells it, else with what ran around it.
    """
    running = spent(trace, script)
    found = []
    for each in trace:
        if each["name"] not in _LAYOUT:
            continue
        frames = [frame for frame in _stack(each) if script.search(str(frame.get("url", "")))]
        span = _span(each)
        around = next((other.name for other in running if span.within(other)), "")
        if frames or around:
            found.append(f"{each['name']} in {_place(frames) or around}")
    return found


def dispatched(trace: Sequence[Event], kind: str) -> list[Span]:
    """When listeners of this kind of event ran, whoever's."""
    return [
        _span(each)
        for each in trace
        if each["name"] == "EventDispatch" and each["args"]["data"]["type"] == kind
    ]


def _outermost(spans: Sequence[Span]) -> Iterator[Span]:
    last: dict[tuple[int, int], float] = {}
    for span in sorted(spans, key=lambda each: (each.begin, -each.end)):
        if span.end > last.get(span.thread, -1.0):
            last[span.thread] = span.end
            yield span


def _span(event: Event) -> Span:
    took = event.get("dur", 0)
    cpu = event.get("tdur", took)
    return Span((event["pid"], event["tid"]), event["ts"], event["ts"] + took, cpu, event["name"])


def _url(event: Event) -> str:
    said = event.get("args", {})
    found = said.get("data", {}).get("url") or said.get("fileName") or ""
    return str(found).partition("?")[0]


def _timed_out(event: Event) -> bool:
    return bool(event["args"]["data"]["timedOut"])


def _stack(event: Event) -> list[Mapping[str, Any]]:
    begin = event.get("args", {}).get("beginData", {})
    return list(begin.get("stackTrace", ()))


def _place(frames: Sequence[Mapping[str, Any]]) -> str:
    if not frames:
        return ""
    top = frames[0]
    return f"{top.get('functionName', '')}:{top.get('lineNumber')}:{top.get('columnNumber')}"
