"""The verb ``reconcile``: a key metric's events against the rows that they tell of."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from fnmatch import fnmatchcase

from .. import __version__
from ..address import address
from ..delivery import counters
from ..delivery.counters import Counters
from ..delivery.outbox import waiting
from ..delivery.parts import days
from ..delivery.store.claims import claimed
from ..delivery.store.whole import Store
from ..destinations import registry
from ..errors import SettingsError
from ..event import iso
from ..history.comparison import Span
from ..history.reconcile import YOUNG, Found, Reconcile, Rule, begun, mend, rule
from ..history.windows import DAY, window
from ..patterns import Patterns
from ..tracking.campaign import CLICK_IDS
from ..tracking.redaction import Redaction
from . import beside
from . import reconciled as printed
from .arguments import as_json, moment
from .delivering import delivered
from .place import FINDING, WELL, Place, say
from .progress import Bar
from .reconciled import Done

#: So much sooner than the store forgets an event its row is no longer compared, in seconds.
_MARGIN = 3600.0

#: So long may the worker take nothing before that is told, in seconds.
_SILENCE = 15.0


def arguments(parser: ArgumentParser) -> None:
    """Of ``reconcile``."""
    as_json(parser)
    parser.add_argument("event", nargs="?", metavar="EVENT", help="only this one of the setting's")
    for name, word in (("--since", "at or after"), ("--until", "before")):
        parser.add_argument(
            name, type=moment, metavar="TIME",
            help=f"only what happened {word}: 2026-11-25, or 90m, 2h, 3d ago",
        )  # fmt: skip
    parser.add_argument("--fix", action="store_true", help="backfills the missing events")
    parser.add_argument("--plot", action="store_true", help="draws each day's share that is there")


def run(given: Namespace, where: Place) -> int:
    """Compares, and mends where it is asked to; 1 where a difference is left."""
    rules = _rules(where, given.event)
    span, said = _span(given, where)
    store = where.ledger() if given.fix else where.store()
    if store is None:
        print(f"there is no store yet at {where.store_name}", file=sys.stderr)
        return FINDING
    take = _mended if given.fix else _compared
    with closing(store):
        done = [take(Done(each, span, Found(), 0, said), store, where) for each in rules]
    lines = [line for each in done for line in printed.lines(each, plot=given.plot)]
    say([printed.told(each) for each in done], lines, as_json=given.json)
    return WELL if all(each.found.is_equal for each in done) else FINDING


def _rules(where: Place, event: str | None) -> list[Rule]:
    given = where.settings.reconcile
    if not given:
        raise SettingsError("reconcile", "is not set: it names an event and where its rows are")
    if event is not None and event not in given:
        raise SettingsError("reconcile", f"there is no {event!r}; there are: {', '.join(given)}")
    rules = [rule(name, given[name]) for name in given if event in (None, name)]
    for each in rules:
        if any(fnmatchcase(each.event, names) for names in where.settings.unstored):
            raise SettingsError("reconcile", f"{each.event} is not kept in the store (unstored)")
    return rules


def _span(given: Namespace, where: Place) -> tuple[Span, list[str]]:
    """What is compared, and what is said of it."""
    now, keep = time.time(), where.settings.keep_days
    oldest = now - keep * DAY + _MARGIN
    since = oldest if given.since is None else max(oldest, given.since)
    said = []
    if given.since is not None and given.since < oldest:
        said.append(f"the store keeps events for {keep} days: nothing before {iso(since)} is there")
    until = now if given.until is None else given.until
    return Span(since, until, now - YOUNG), said


def _reconcile(done: Done, store: Store, where: Place) -> Reconcile:
    settings = where.settings
    patterns = Patterns(settings.redact_patterns, ids=CLICK_IDS)
    origin = where.outbox if settings.outbox else None
    bar = Bar("rows and events", None)
    return Reconcile(
        done.rule,
        store,
        where.data_dir,
        span=done.span,
        day=days(settings.time_zone),
        reader=done.rule.reader(__version__, Redaction(settings.redact, patterns=patterns).bag),
        outbox=lambda: waiting(origin),
        models=where.models,
        read=bar.at,
    )


def _compared(done: Done, store: Store, where: Place) -> Done:
    with closing(_reconcile(done, store, where)) as comparing:
        return replace(done, found=comparing.compare())


def _mended(done: Done, store: Store, where: Place) -> Done:
    """Adds the missing events, waits until they are stored and sent, and compares again."""
    with closing(_reconcile(done, store, where)) as comparing:
        before = comparing.compare()
        if not before.missing.count and begun(done.rule.event, store) is None:
            return replace(done, found=before)
        if before.missing.count and before.nameless.count:
            why = "nothing is mended: the missing rows may be those of the nameless events"
            return replace(done, found=before, said=[*done.said, why])
        said = [*done.said, *_late(comparing, where)]
        with beside.worker(where):
            _fill(done.rule, store, comparing, where)
    after = _compared(done, store, where)
    left = after.found.missing.count
    if left:
        forbids = "consent, an erasure or the plan forbids it (`status` counts it)"
        said.append(f"{left} could not be mended: {forbids}")
    return replace(after, mended=before.missing.count - left, said=said)


def _fill(rule: Rule, store: Store, comparing: Reconcile, where: Place) -> None:
    silent: list[float] = []

    def waited(seconds: float) -> None:
        if seconds > _SILENCE and not silent:
            silent.append(seconds)
            print("the worker takes nothing; track-middleware status may say why", file=sys.stderr)

    number = mend(
        rule.event,
        comparing.entries(),
        store,
        where.data_dir,
        destinations=_destinations(store, where),
        min_free=where.settings.min_free,
        count=Counters(where.data_dir / counters.FOLDER).add,
        waited=waited,
    )
    delivered(store, number)


def _destinations(store: Store, where: Place) -> list[str]:
    routes = registry.routes(where.settings.destinations)
    live = claimed(routes, store.jobs())
    return [live[each.name].destination if each.name in live else each.name for each in routes]


def _late(comparing: Reconcile, where: Place) -> Iterator[str]:
    """What destinations will not take any more."""
    urls = where.settings.destinations
    for route, url in zip(registry.routes(urls), urls, strict=True):
        most = window(address(url)).age_limit
        late = 0 if most is None else comparing.older(time.time() - most)
        if late:
            yield f"{late} happened too long ago for {route.name}, which does not take them"
