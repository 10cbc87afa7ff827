"""The verb ``backfill``: events of rows that lie in a database or a file."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from contextlib import closing
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .. import __version__
from ..address import address
from ..destinations import registry
from ..destinations.registry import Route
from ..errors import SettingsError
from ..event import Entry
from ..history import intake
from ..history.backfill import Ages, samples
from ..history.rows import Columns, Reader, named
from ..history.source import Ask, without_secrets
from ..history.sources import opened
from ..history.windows import window
from ..patterns import Patterns
from ..tracking.campaign import CLICK_IDS
from ..tracking.redaction import Redaction
from . import dry, filling
from .filling import Call
from .place import FINDING, WELL, WRONG_CALL, Place, say


def arguments(parser: ArgumentParser) -> None:
    """Of ``backfill``."""
    add = parser.add_argument
    add("source", metavar="SOURCE", help="sqlite:///shop.db, postgresql://…, django:shop.Order, "
        "python:shop.rows.paid, orders.csv, .tsv, .jsonl (also .gz), .parquet")  # fmt: skip
    add("--event", required=True, metavar="NAME", help="what each row is: 'Order Completed'")
    add("--id", required=True, metavar="COLUMN", help="of a row; the same one is one event")
    add("--time", required=True, metavar="COLUMN", help="when it happened")
    add("--user", metavar="COLUMN", help="the user's id")
    add("--anonymous", metavar="COLUMN", help="the visitor's id")
    add("--properties", type=_properties, metavar="COLUMNS",
        help="total,currency or revenue=total; all others where it is left out")  # fmt: skip
    add("--sql", metavar="QUERY", help="what to ask a database")
    add("--time-zone", type=_zone, metavar="ZONE", help="of times that say none: Europe/Berlin")
    add("--destination", action="append", metavar="NAME", help="only there; may be repeated")
    add("--rate", type=_rate, metavar="N/s", help="so many rows a second (or /min) at most")
    add("--dry-run", action="store_true", help="shows ten events as they would be sent")
    add("--resume", action="store_true", help="goes on where the same call was interrupted")
    add("--no-wait", action="store_true", help="ends when all is stored, before it is delivered")
    add("--json", action="store_true", help="JSON instead of text")


def run(given: Namespace, where: Place) -> int:
    """Reads a source into the store and waits until it is delivered; 1 when a row was refused, a
    destination did not take all, or it was interrupted."""
    chosen = _chosen(where, given.destination)
    reader = _reader(given, where)
    with closing(opened(Ask(given.source, given.id, given.sql), models=where.models)) as source:
        absent = reader.columns.missing(source.columns) if source.columns else []
        if absent:
            there = ", ".join(source.columns)
            raise SettingsError("source", f"has no column {', '.join(absent)}; it has {there}")
        first = samples(source, reader, time.time())
        ages = Ages(_limits(where, chosen))
        chosen, said = _in_time(chosen, first, ages, insisted=bool(given.destination))
        ages = Ages(_limits(where, chosen))
        if where.settings.consent == "opt_in":
            said.append("consent is opt_in: rows of users who have granted nothing are not stored")
        if given.dry_run:
            return dry.shown(where, source, first, chosen, said, as_json=given.json)
        if where.stranger and not where.settings.destinations:
            print(f"{where.stranger}; is it the app's data folder?", file=sys.stderr)
            return WRONG_CALL
        for each in said:
            print(f"warning: {each}", file=sys.stderr)
        call = Call(
            source=source,
            reader=reader,
            names=[route.name for route in chosen],
            ages=ages,
            title=f"{reader.event} of {without_secrets(given.source)}",
            parts=_parts(given),
            rate=given.rate,
            resume=given.resume,
            wait=not given.no_wait,
        )
        done = filling.run(call, where)
    said += [f"{count:,} rows are too old for {name}" for name, count in done.tally.late.items()]
    say(done.told(said), done.lines(), as_json=given.json)
    return WELL if done.is_well else FINDING


def _parts(given: Namespace) -> list[str]:
    """What makes two calls the same, so that one goes on where the other was interrupted."""
    columns = (given.id, given.time, given.user, given.anonymous)
    others = (sorted((given.properties or {}).items()), sorted(given.destination or ()))
    said = (given.source, given.sql, given.event, *columns, given.time_zone, *others)
    return [str(each or "") for each in said]


def _reader(given: Namespace, where: Place) -> Reader:
    settings = where.settings
    if not given.event.strip():
        raise SettingsError("--event", "is a name such as 'Order Completed'")
    patterns = Patterns(settings.redact_patterns, ids=CLICK_IDS)
    columns = Columns(
        given.id, given.time, given.user, given.anonymous, given.properties, given.time_zone
    )
    kept = Redaction(settings.redact, patterns=patterns).bag
    return Reader(given.event.strip(), columns, intake.context(__version__), kept)


def _chosen(where: Place, names: Sequence[str] | None) -> list[Route]:
    routes = registry.routes(where.settings.destinations)
    unknown = set(names or ()) - {route.name for route in routes}
    if unknown:
        known = ", ".join(route.name for route in routes) or "none"
        raise SettingsError("--destination", f"there is no {unknown.pop()}; there are: {known}")
    return [route for route in routes if not names or route.name in names]


def _limits(where: Place, chosen: Sequence[Route]) -> dict[str, float]:
    urls, names = where.settings.destinations, {route.name for route in chosen}
    both = zip(registry.routes(urls), urls, strict=True)
    found = {route.name: window(address(url)).age_limit for route, url in both}
    return {name: most for name, most in found.items() if name in names and most is not None}


def _in_time(
    chosen: Sequence[Route], first: Sequence[Entry], ages: Ages, *, insisted: bool
) -> tuple[list[Route], list[str]]:
    """Those destinations that take events as old as the first ones, and what is said of the others.

    SettingsError where the caller has named one of them.
    """
    now = time.time()
    refusing = [ages.late(each, now) for each in first]
    left, said = [], []
    for route in chosen:
        if not refusing or not all(route.name in each for each in refusing):
            left.append(route)
            continue
        hours = ages.limits[route.name] / 3600
        problem = f"takes nothing that happened more than {hours:.0f} hours ago, as the first rows"
        if insisted:
            raise SettingsError("--destination", f"{route.name} {problem}")
        said.append(f"{route.name} is left out: it {problem}")
    return left, said


def _properties(text: str) -> dict[str, str]:
    try:
        return named(text)
    except ValueError as error:
        raise ArgumentTypeError("names columns: total,currency or revenue=total") from error


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ArgumentTypeError(f"{text!r} is no time zone such as Europe/Berlin") from error


def _rate(text: str) -> float:
    number, _, unit = text.partition("/")
    seconds = {"": 1.0, "s": 1.0, "min": 60.0, "m": 60.0}.get(unit)
    try:
        rate = float(number) / (seconds or 0.0)
    except (ValueError, ZeroDivisionError) as error:
        raise ArgumentTypeError(f"{text!r} is no rate such as 500/s or 9000/min") from error
    if not 0 < rate < 1e9:
        raise ArgumentTypeError(f"{text!r} is no rate such as 500/s or 9000/min")
    return rate
