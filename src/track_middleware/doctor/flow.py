"""What stands still on the way from the spool to the destinations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..settings import Settings
from .finding import Finding, Level

#: A destination that is so many seconds behind, or a worker so silent, is a finding.
LATE = 60.0


def flow(settings: Settings, facts: dict[str, Any]) -> Iterator[Finding]:
    """What ``facts.state`` shows to be wrong."""
    yield from _worker(settings, facts)
    if facts["broker"]:
        yield from _broker(settings, facts["broker"])
    for each in facts["destinations"]:
        yield from _destination(each)
    for each in facts["former"]:
        message = (
            f"{each['waiting']} events wait for {each['name']}, and no destination points there "
            "any more"
        )
        fix = f"put its URL back, or say ?name={each['name']} in what takes its place"
        yield Finding("former", "warning", message, fix)


def _broker(settings: Settings, broker: dict[str, Any]) -> Iterator[Finding]:
    if broker["error"]:
        fix = "mend it, or store; until then events wait in the spools, and none is lost"
        yield Finding("broker", "error", broker["error"], fix)
        return
    if broker["copies"] < broker["replicas"]:
        message = f"of the broker's {broker['replicas']} copies {broker['copies']} are whole"
        yield Finding("copies", "warning", message, "look which of its servers is down or behind")
    if broker["maxAge"] is not None and broker["maxAge"] < settings.keep_days * 86400:
        message = (
            f"the broker drops bodies after {broker['maxAge'] / 86400:.1f} days, before keep_days: "
            "events that wait longer are lost"
        )
        yield Finding("age", "error", message, "let it keep them longer than keep_days")
    for each in broker["faults"]:
        level: Level = "error" if each["is_grave"] else "warning"
        yield Finding("broker", level, each["problem"], each["fix"])


def _worker(settings: Settings, facts: dict[str, Any]) -> Iterator[Finding]:
    waits, worker = facts["spool"]["bytesWaiting"], facts["worker"]
    if waits and not worker["alive"] and settings.deliver != "inline":
        fix = (
            "run `worker` as a service of its own"
            if settings.deliver == "worker"
            else "a web process starts one at its next event; if none comes up, its log says why"
        )
        message = f"no worker is alive, and {waits} bytes wait in the spool"
        yield Finding("worker", "error", message, fix)
    if worker["error"]:
        yield Finding("worker", "error", f"the last worker could not start: {worker['error']}")
    if worker["otherSettings"]:
        message = "the worker runs with other settings than the app's now"
        yield Finding("restart", "warning", message, "start the worker again")
    for name in facts["spool"]["unknown"]:
        message = f"{name} was written by a release that this is not"
        yield Finding("spool", "warning", message, "run the worker of that release once")


def _destination(each: dict[str, Any]) -> Iterator[Finding]:
    name, reason = each["name"], each["pauseReason"]
    if each["pause"] == "needs you":
        fix = "give its URL a key that it takes, and the address that it has; no event is lost"
        yield Finding("paused", "error", f"{name} needs you: {reason}", fix)
    elif each["pause"]:
        yield Finding("paused", "warning", f"{name} is paused and tried again: {reason}")
    elif each["lagSeconds"] > LATE:
        message = f"{name} is {each['lag']} events, {each['lagSeconds']:.0f} s behind"
        yield Finding("lag", "warning", message)


def consent(settings: Settings, facts: dict[str, Any], *, granted: bool) -> Iterator[Finding]:
    """Whether consent lets anything through. ``granted``: somebody has granted something once."""
    if settings.consent == "opt_in" and not granted:
        yield Finding(
            "consent",
            "warning",
            "consent is opt_in: nothing is let through until somebody grants it, and nobody has",
            "put a banner on the pages: ours, one that banners names, or one that calls "
            "track.consent(…)",
        )
    elif facts["counters"].get("consent") and not facts["events"]:
        message = "not one event was let through by consent yet, and some were held back"
        yield Finding("consent", "warning", message, "look at what your banner grants")
