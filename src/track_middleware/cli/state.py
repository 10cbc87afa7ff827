"""The verbs that look at a site: ``init``, ``status``, ``path``, ``metrics``, ``doctor``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict
from typing import Any

from .. import __version__, doctor, places
from .. import facts as site
from .. import metrics as exposition
from ..delivery.store import opening
from ..errors import SettingsError
from ..event import iso
from ..proxy import slots
from ..proxy.order import Proxied
from ..tracking import routes
from . import outbox, place
from .place import FINDING, WELL, Place, say


def init(arguments: argparse.Namespace, where: Place) -> int:
    """Makes the data folder and the store's schema; may be repeated."""
    try:
        places.folder(where.data_dir)
    except OSError as error:
        raise SettingsError("data_dir", f"{where.data_dir}: {error.strerror}") from error
    with closing(where.opened()) as store:
        store.end()  # some engines make their schema when they are first asked
    settings = where.settings
    opening.make_at_broker(settings.store, where.data_dir, keep_days=settings.keep_days)
    made = {"dataDir": str(where.data_dir), "store": where.store_name}
    lines = (f"data folder  {where.data_dir}", f"store        {where.store_name}")
    say(made, lines, as_json=arguments.json)
    return WELL


def path(arguments: argparse.Namespace, where: Place) -> int:
    """Prints the first path segment of everything that the browser calls, and where a page finds
    the scripts of ``proxies``.

    SettingsError when it hangs on the secret of a data folder that is not there.
    """
    settings = where.settings
    if not (settings.path or settings.secret_key or where.data_dir.exists()):
        message = f"{where.data_dir} is not there; is it the app's data folder? (init makes it)"
        raise SettingsError("data_dir", message)
    key = settings.secret_key or places.secret(where.data_dir)
    prefix = settings.path or routes.prefix(key)
    vendors = [_vendor(each, prefix) for each in slots.proxied(settings.proxies, key)]
    lines = [
        line
        for each in vendors
        for line in (f"{each['name']:<12} {each['script']}", f"{'':<12} {each['base']}")
    ]
    found = {"path": f"/{prefix}/"} | ({"proxies": vendors} if vendors else {})
    say(found, (f"/{prefix}/", *lines), as_json=arguments.json)
    return WELL


def _vendor(each: Proxied, prefix: str) -> dict[str, Any]:
    """Where a page finds a vendor: its script, the base of its calls, its hidden names."""
    base = f"/{prefix}/{each.names.slot}"
    names = each.names.tokens
    return {"name": each.name, "script": f"{base}/{each.script}", "base": base, "names": names}


def status(arguments: argparse.Namespace, where: Place) -> int:
    """Prints what waits, what is delivered and what was not kept; 1 when something stands still."""
    facts = site.state(where.settings, where.data_dir)
    left = outbox.claims(where)
    there = "" if where.data_dir.exists() else "  (not there yet)"
    facts["outbox"] = [outbox.facts(each) for each in left]
    lines = (*_status_lines(facts, there), *outbox.told(left))
    say(facts, lines, as_json=arguments.json)
    stuck = any(each["pause"] for each in facts["destinations"])
    mend = any(e["state"] == "needs you" for each in facts["erasures"] for e in each["waitsFor"])
    idle = facts["spool"]["bytesWaiting"] and not facts["worker"]["alive"]
    if not where.data_dir.exists() and where.stranger:
        print(where.stranger, file=sys.stderr)
        return FINDING
    return FINDING if stuck or idle or mend or facts["former"] or left else WELL


def _status_lines(facts: dict[str, Any], there: str) -> Iterator[str]:
    worker, spool = facts["worker"], facts["spool"]
    age = (
        "" if worker["leaseAge"] is None else f", last sign of life {worker['leaseAge']:.1f} s ago"
    )
    yield f"data folder  {facts['dataDir']}{there}"
    yield f"store        {facts['store']} ({_counted(facts['events'], 'event')})"
    yield f"worker       {'alive' if worker['alive'] else 'not running'}{age}"
    if facts["broker"]:
        yield f"broker       {_broker(facts['broker'])}"
    if worker["error"]:
        yield f"{'':<13}the last one could not start: {worker['error']}"
    if worker["otherSettings"]:
        yield f"{'':<13}it runs with other settings than the app's now: start it again"
    yield (
        f"spool        {_counted(spool['segments'], 'segment')}, "
        f"{_counted(spool['bytesWaiting'], 'byte')} waiting"
    )
    for each in facts["destinations"]:
        paused = _pause(each)
        yield (
            f"destination  {each['name']}: {each['lag']} behind ({each['lagSeconds']:.0f} s), "
            f"{each['retry']} retried, {each['held']} held, {each['dead']} dead{paused}"
        )
        yield from _learnt(each)
    for each in facts["erasures"]:
        waits = "; ".join(f"{e['system']} {e['state']} {e['answer']}" for e in each["waitsFor"])
        yield f"erasure      {each['erasure']}, asked {each['askedAt']}: {waits}"
    for each in facts["former"]:
        yield (
            f"former       {each['name']}: {_counted(each['waiting'], 'event')} waiting; "
            "no destination points there any more"
        )
    for each in facts["replays"]:
        kind = "replay" if each["backfill"] is None else "backfill"
        name = f"{kind} {each['id']:<{12 - len(kind)}}{each['destination']}"
        yield f"{name}: {_counted(each['events'], 'event')}, {_progress(each)}{_pause(each)}"
    for reason, number in sorted(facts["counters"].items()):
        yield f"not kept     {reason}: {number}"


def _broker(broker: dict[str, Any]) -> str:
    if broker["error"]:
        return str(broker["error"])
    size = "" if broker["bytes"] is None else f", {_counted(broker['bytes'], 'byte')}"
    kept = f"{_counted(broker['messages'], 'message')}{size}"
    since = f" since {broker['oldest']}" if broker["oldest"] else ""
    copies = f"{broker['copies']} of {broker['replicas']} copies are whole"
    return f"{kept}{since}, {copies}"


def _learnt(each: dict[str, Any]) -> Iterator[str]:
    if each["answeredAt"] is None:
        return
    slowed = f" (at most {each['pace']:.0f})" if each["pace"] is not None else ""
    doubtful = f", {each['doubtful']} in doubt" if each["doubtful"] else ""
    got = f"{each['delivered']} delivered{doubtful}, {each['rate']:.0f} a minute{slowed}"
    yield f"{'':<13}{got}, last answer {iso(each['answeredAt'])}: {each['answer']}"


def _progress(replay: dict[str, Any]) -> str:
    if replay["ended"]:
        return "over"
    return f"{replay['progress']:.0%} sent, {replay['retry']} retried, {replay['held']} held"


def _pause(each: dict[str, Any]) -> str:
    if not each["pause"]:
        return ""
    at = f" at {iso(each['pausedUntil'])}" if each["pausedUntil"] else ""
    if each["pause"] == "needs you":
        return f", needs you: {each['pauseReason']} (asked again{at})"
    return f", tries again{at}: {each['pauseReason']}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def metrics(arguments: argparse.Namespace, where: Place) -> int:
    """Prints the numbers of ``status`` in Prometheus' text format."""
    facts = site.state(where.settings, where.data_dir)
    say(facts, exposition.metrics(facts, version=__version__).splitlines(), as_json=arguments.json)
    return WELL


def examine(arguments: argparse.Namespace, where: Place) -> int:
    """Prints what is wrong in a set-up; 1 when something is."""
    url = arguments.url
    if url and where.stranger:
        where = _told_by_itself(where, url)
    found = doctor.examined(
        where.settings,
        where.data_dir,
        face=where.checks(),
        outbox=where.outbox,
        url="" if where.stranger and not where.settings.secret_key else url,
    )
    if where.stranger:
        found = [each for each in found if (each.id, each.level) != ("destinations", "note")]
        level: doctor.Level = "note" if where.data_dir.exists() else "warning"
        found.append(doctor.Finding("settings", level, where.stranger))
    left = [line.removeprefix("outbox").lstrip() for line in outbox.told(outbox.claims(where))]
    found += [doctor.Finding("outbox", "warning", line) for line in left]
    lines = [line for each in found for line in _said(each)]
    say([asdict(each) for each in found], lines or ["all is well"], as_json=arguments.json)
    return FINDING if any(each.level != "note" for each in found) else WELL


def _told_by_itself(where: Place, url: str) -> Place:
    """The place with the settings that its site leaves there at its first event: a page view."""
    with suppress(doctor.Unreachable):
        doctor.wake(url)
    return place.found(where.data_dir, given=None, defaults=None, checks=where.checks)


def _said(finding: doctor.Finding) -> Iterator[str]:
    yield f"{finding.level}  {finding.id}  {finding.message}"
    if finding.fix:
        yield f"{'':<{len(finding.level)}}  fix: {finding.fix}"
