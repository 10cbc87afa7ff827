"""The verb ``import``: access logs and vendors' exports become events of the store."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import tzinfo
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from .. import places
from ..address import address
from ..delivery.store.connection import SMALL_CACHE
from ..destinations import registry
from ..enrichment import enrich
from ..errors import SettingsError, TrackError
from ..event import Entry, encode_event, iso
from ..history import exports, importing
from ..history.checkpoint import Checkpoint, State
from ..history.formats import FORMATS
from ..history.opening import Lines
from ..history.pages import Views
from ..history.tally import Tally
from ..history.visits import Visitors
from ..history.windows import DAY, window
from . import beside, filling
from .delivering import Arrived, delivered
from .place import FINDING, WELL, Place, say
from .progress import Bar

#: Formats whose lines do not say which host was asked.
_WITHOUT_HOST = frozenset({"combined", "common", "iis", "w3c"})

_SAMPLES = 10


class WrongCall(TrackError):
    """Arguments that do not go together."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of ``import``."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="plain, gzip or zip; - for stdin")
    parser.add_argument("--format", required=True, choices=[*FORMATS, *exports.EXPORTS])
    parser.add_argument("--host", default="", help="of the site, where the log names none")
    parser.add_argument("--scheme", default="https", choices=("https", "http"))
    parser.add_argument("--time-zone", type=_zone, metavar="ZONE", help="of times that name none")
    parser.add_argument(
        "--visitors", choices=("lasting", "daily"), help="for how long one is known"
    )
    parser.add_argument(
        "--permitted", action="store_true", help="those who visited had permitted analytics"
    )
    parser.add_argument(
        "--destination", action="append", metavar="NAME", help="send it there too (repeatable)"
    )
    parser.add_argument("--dry-run", action="store_true", help="only count, and show ten events")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(given: argparse.Namespace, where: Place) -> int:
    """Imports files; 1 when they hardly look like the format, or not all is where it should be."""
    call = _Call(given, where)
    warnings = call.warnings()
    for each in warnings:
        print(f"warning: {each}", file=sys.stderr)
    if given.dry_run:
        return _shown(call, warnings)
    kept = _kept(call)
    said = {**call.tally.told(), **kept.told(), "warnings": warnings}
    say(said, [*_lines(call.tally), *kept.lines()], as_json=given.json)
    return WELL if kept.is_well and call.tally.is_readable else FINDING


def _shown(call: _Call, warnings: Sequence[str]) -> int:
    """Counts everything and shows the first events; nothing is kept, nothing is sent."""
    entries = call.entries()
    samples = [_sample(entry) for entry in islice(entries, _SAMPLES)]
    for _ in entries:
        pass
    said = {**call.tally.told(), "samples": samples, "warnings": warnings}
    shown = (msgspec.json.encode(each).decode() for each in samples)
    say(said, [*_lines(call.tally), *shown], as_json=call.given.json)
    return WELL if call.tally.is_readable else FINDING


@dataclass(slots=True)
class _Kept:
    """What became of it. ``stored``: events that were not known before; ``refused``: that nobody
    can keep; ``whole``: all files were read."""

    stored: int = 0
    refused: int = 0
    whole: bool = False
    arrived: Sequence[Arrived] = ()

    @property
    def is_well(self) -> bool:
        """Whether all of it is where it should be."""
        return self.whole and not self.refused and all(each.is_well for each in self.arrived)

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        arrived = [each.told() for each in self.arrived]
        return {"complete": self.whole, "stored": self.stored, "refused": self.refused,
                "destinations": arrived}  # fmt: skip

    def lines(self) -> Iterator[str]:
        """As text has it."""
        yield f"{self.stored:,} events stored that were not known before"
        if self.refused:
            yield f"{self.refused:,} events could not be kept: too long, or no JSON"
        yield from (each.line() for each in self.arrived)
        if not self.whole:
            yield "interrupted: the same call again stores the rest, and nothing twice"


class _Call:
    """One call: its files, what its settings make of them, and what was found so far."""

    def __init__(self, given: argparse.Namespace, where: Place) -> None:
        self.given = given
        self.where = where
        self.settings = where.settings
        self.tally = Tally()
        self.is_log = given.format in FORMATS
        #: Nobody was asked before they were logged: counted as without cookies.
        self.is_cookieless = self.settings.consent == "opt_in" and not given.permitted
        self._check()
        self.files = [Lines(name, sys.stdin.buffer) for name in given.files]

    def _check(self) -> None:
        given = self.given
        if given.format in _WITHOUT_HOST and not given.host:
            raise WrongCall(f"{given.format} logs do not name the site: say --host shop.example")
        if given.visitors == "lasting" and self.is_cookieless:
            raise WrongCall(
                "with consent=opt_in nobody who was not asked is known for longer than a day; "
                "say --permitted where they had agreed"
            )

    def warnings(self) -> list[str]:
        """What the caller should know before."""
        told = []
        if self.where.stranger and not self.given.dry_run:
            told.append(f"{self.where.stranger}; it is made now")
        if not self.is_log and self.is_cookieless:
            told.append("with consent=opt_in only users who have agreed are kept, or --permitted")
        urls = self.settings.destinations
        routes = registry.routes(urls)
        known = {route.name: url for route, url in zip(routes, urls, strict=True)}
        for name in self.given.destination or ():
            if name not in known:
                there = ", ".join(known) or "none"
                raise SettingsError("destinations", f"there is no {name!r}; there are: {there}")
            limit = window(address(known[name])).age_limit
            if limit is not None:
                told.append(f"{name} takes nothing that is older than {limit / DAY:.0f} days")
        return told

    def entries(self) -> Iterator[Entry]:
        """Every entry, in order."""
        return self._log() if self.is_log else self._export()

    def _log(self) -> Iterator[Entry]:
        given, settings = self.given, self.settings
        reader = FORMATS[given.format]
        daily = self.is_cookieless or given.visitors == "daily"
        views = Views(
            settings,
            host=given.host,
            scheme=given.scheme,
            visitors=Visitors(self._key(), ip=settings.ip, daily=daily),
            consent=self._consent(),
        )
        return importing.log_entries(
            self.files,
            lambda: reader(given.time_zone),
            views,
            self.tally,
            accept=_accepted(self._consent()),
        )

    def _export(self) -> Iterator[Entry]:
        rules = exports.rules(self.settings, self.given.time_zone)
        read = exports.EXPORTS[self.given.format](rules)
        # Of others' users the choice that they have made here holds, when they are stored.
        accept = _accepted(self._consent() if self.given.permitted else None)
        return importing.export_entries(self.files, read, self.tally, accept=accept)

    def _consent(self) -> dict[str, str]:
        """What held for whoever is in a log."""
        state = "pending" if self.is_cookieless else "granted"
        return {"analytics": state, "marketing": state}

    def _key(self) -> str:
        """The oldest key of the site: visitors of a log stay who they are when it is rotated."""
        settings = self.settings
        present = settings.secret_key or places.secret(self.where.data_dir)
        return [present, *settings.secret_key_fallbacks][-1]


def _accepted(consent: dict[str, str] | None) -> importing.Accept:
    return lambda event: Entry("event", time.time(), event, consent=consent)


def _kept(call: _Call) -> _Kept:
    """Hands everything to the intake, waits until it is stored and, where a destination was named,
    until that has it. Ctrl-C and SIGTERM end it."""
    where, given, kept = call.where, call.given, _Kept()
    where.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    parts = ["import", given.format, given.host, *given.files, *(given.destination or ())]
    checkpoint = Checkpoint(where.data_dir, parts)
    with (
        checkpoint.held(),
        closing(where.opened(cache=SMALL_CACHE)) as store,
        beside.worker(where),
        filling.interruptible(),
    ):
        state = checkpoint.load()
        if state is None or store.backfills.is_stored(state.number):
            title = f"import --format {given.format} {' '.join(given.files)}"
            names = given.destination or ()
            state = State(store.backfills.begin(title, names, now=time.time()))
            checkpoint.save(state)
        try:
            with closing(filling.intake(where, store, state.number)) as taking:
                kept.refused = taking.add(_watched(call)).refused
                taking.finish()
            checkpoint.over()
            kept.whole = True
            kept.arrived = delivered(store, state.number)
        except KeyboardInterrupt:
            print("", file=sys.stderr)
        kept.stored = store.backfills.size(state.number)
    return kept


def _watched(call: _Call) -> Iterator[Entry]:
    total = sum(file.size for file in call.files)
    bar = Bar("kB", total // 1000 or None)
    for number, entry in enumerate(call.entries()):
        if number % 500 == 0:
            bar.at(sum(file.done for file in call.files) // 1000)
        yield entry
    bar.end(total // 1000)


def _sample(entry: Entry) -> dict[str, Any]:
    """An event as a destination would get it."""
    event = entry.event
    assert event is not None
    context = msgspec.json.decode(msgspec.json.encode(event.context))
    event = msgspec.structs.replace(event, context=context)
    event.context = {**context, **enrich(event, None)}
    sample: dict[str, Any] = msgspec.json.decode(encode_event(event))
    return sample


def _lines(tally: Tally) -> Iterator[str]:
    yield f"{tally.lines:,} lines, {tally.events:,} events"
    if tally.first is not None and tally.last is not None:
        yield f"from {iso(tally.first)} to {iso(tally.last)}"
    if tally.pages or tally.bots:
        about = "about " if tally.visitors.is_estimate or tally.sessions.is_estimate else ""
        yield (
            f"people: {tally.pages:,} page views, {about}{tally.visitors.number:,} visitors, "
            f"{about}{tally.sessions.number:,} sessions"
        )
        yield from (f"  {name}: {number:,}" for name, number in tally.channels.most_common())
        yield f"bots: {sum(tally.bots.values()):,} page views"
        yield from (f"  {name}: {number:,}" for name, number in tally.bots.most_common())
    if tally.malformed:
        yield f"{tally.malformed:,} lines could not be read:"
        yield from (f"  {each}" for each in tally.shown)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"there is no time zone {name!r}") from error
