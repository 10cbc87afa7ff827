"""Events as an onlooker sees them: whose, from where, which halves are there, who has got them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from ..delivery import emission
from ..delivery.store import Job, PageRow, Stored
from ..delivery.store.claims import claimed
from ..delivery.store.watch import Refusal, Waits
from ..delivery.store.whole import Store
from ..destinations.registry import Route
from ..event import Event, decode_entry, epoch
from .query import Query

#: What became of an event at a destination. ``new``: no worker has seen the destination yet.
Fate = Literal["delivered", "waits", "retry", "held", "refused", "not for it", "passed over", "new"]

#: What of a page view is there: ``yes``, ``waits`` (its window is open), ``no``; "" for what is no
#: page view.
Half = Literal["yes", "waits", "no", ""]

#: Rows that are looked at for those that a filter lets through.
LOOKED_AT = 2000

PLATFORMS = ("server", "web", "ios", "android", "backfill")


@dataclass(frozen=True, slots=True)
class Told:
    """What a destination got of an event, and its words where it has some."""

    name: str
    fate: Fate
    words: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One event. ``position`` is None while it has no place in the log; ``at`` epoch seconds of its
    acceptance."""

    id: str
    position: int | None
    at: float
    kind: str
    name: str
    visitor: str
    user: str
    path: str
    title: str
    platform: str
    bot: str
    channel: str
    browser: str
    simulated: bool
    server_half: Half
    browser_half: Half
    destinations: Sequence[Told]
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are wanted; "" lets all through. ``name`` may be a glob, ``destination`` leaves
    those that it gets or got."""

    name: str = ""
    visitor: str = ""
    platform: str = ""
    destination: str = ""

    def takes(self, row: Row) -> bool:
        """Whether a row is wanted."""
        return (
            _names(self.name, row.name)
            and (not self.visitor or self.visitor in (row.visitor, row.user))
            and (not self.platform or self.platform == row.platform)
            and (not self.destination or any(map(self._gets, row.destinations)))
        )

    def _gets(self, told: Told) -> bool:
        return told.name == self.destination and told.fate not in ("not for it", "passed over")

    @property
    def is_open(self) -> bool:
        """Whether it lets everything through."""
        return not (self.name or self.visitor or self.platform or self.destination)


def filter_of(query: Query, mine: str | None) -> Filter:
    """The filter that a query asks for; ``mine`` is the operator's own visitor."""
    own = query.given("mine")
    return Filter(
        query.text("name"),
        (mine or "nobody") if own else query.text("visitor"),
        query.choice("platform", PLATFORMS),
        query.text("destination"),
    )


def _names(wanted: str, name: str) -> bool:
    if not wanted:
        return True
    wanted, name = wanted.lower(), name.lower()
    is_glob = any(each in wanted for each in "*?[")
    return fnmatchcase(name, wanted) if is_glob else wanted in name


class Feed:
    """The newest events of one store, and those that have no place in the log yet."""

    def __init__(self, store: Store, routes: Sequence[Route]) -> None:
        self._store = store
        self._watch = store.watch
        self._routes = routes

    def end(self) -> int:
        """The log's end."""
        return self._store.end()

    def newest(self, wanted: Filter, limit: int) -> list[Row]:
        """The newest rows that are wanted, newest first."""
        end = self._store.end()
        found = self.waiting(wanted, limit)
        after, step = end, limit if wanted.is_open else 500
        while after > max(0, end - LOOKED_AT) and len(found) < limit:
            rows = self.since(max(0, after - step), wanted, step, until=after)
            found += reversed(rows)
            after -= step
        return found[:limit]

    def since(
        self, after: int, wanted: Filter, limit: int, *, until: int | None = None
    ) -> list[Row]:
        """Up to ``limit`` rows of the log behind a position, in order, of which those are given
        that are wanted."""
        events = self._store.read(after, limit)
        if until is not None:
            events = [each for each in events if each.position <= until]
        return [row for row in self._rows(events) if wanted.takes(row)]

    def at(self, position: int) -> Row | None:
        """One event with its whole message; None where the log has none at this position."""
        events = self._store.get([position])
        return next(iter(self._rows(events, whole=True)), None)

    def waiting(self, wanted: Filter, limit: int) -> list[Row]:
        """Page views whose other half is waited for, newest first."""
        rows = [_pending(page) for page in self._watch.pages(limit)]
        return [row for row in rows if row is not None and wanted.takes(row)]

    def _rows(self, events: Sequence[Stored], *, whole: bool = False) -> Iterator[Row]:
        if not events:
            return
        fates = self._fates(events)
        pages = self._store.intake.pages(
            [each.event_id for each in events if each.label in ("Page", "Screen")]
        )
        for each in events:
            yield _row(each, pages.get(each.event_id), fates.told(each), whole=whole)

    def _fates(self, events: Sequence[Stored]) -> _Fates:
        jobs = claimed(self._routes, self._store.jobs())
        waits = self._watch.waits([each.position for each in events])
        refusals = self._watch.refusals([each.event_id for each in events])
        live = {each.position for each in self._store.live(events)}
        return _Fates(self._routes, jobs, waits, refusals, live)


class _Fates:
    """What became of some events at each destination."""

    def __init__(
        self,
        routes: Sequence[Route],
        jobs: Mapping[str, Job],
        waits: Sequence[Waits],
        refusals: Sequence[Refusal],
        live: set[int],
    ) -> None:
        self._routes = routes
        self._jobs = jobs
        self._waits = {(each.position, each.destination): each for each in waits}
        self._refusals = {(each.event_id, each.destination): each.reason for each in refusals}
        self._live = live

    def told(self, stored: Stored) -> list[Told]:
        return [self._told(route, stored) for route in self._routes]

    def _told(self, route: Route, stored: Stored) -> Told:
        name, job = route.name, self._jobs.get(route.name)
        is_wanted = route.filter.wants(stored.label, bot=stored.bot, whom=stored.order_key)
        if not is_wanted or not route.filter.permitted(stored.body):
            return Told(name, "not for it")
        if job is None:
            return Told(name, "new")
        row = self._waits.get((stored.position, job.destination))
        if row is not None:
            return Told(name, "retry" if row.state == "retry" else "held", row.reason)
        refused = self._refusals.get((stored.event_id, job.destination))
        if refused is not None:
            return Told(name, "refused", refused)
        if stored.position not in self._live:
            return Told(name, "passed over")
        if stored.position <= job.position:
            return Told(name, "delivered")
        return Told(name, "waits", job.pause_reason)


def _row(stored: Stored, page: PageRow | None, fates: Sequence[Told], *, whole: bool) -> Row:
    try:
        event = emission.event(stored)
    except msgspec.DecodeError:
        event = Event(stored.event_id, "track", "", event=stored.label)
    text = emission.wire(stored).decode("utf-8", "replace") if whole else ""
    server, browser = _halves(event, page)
    return _of(
        event, stored.event_id, stored.position, stored.accepted_at, fates,
        server=server, browser=browser, whole=text, bot=stored.bot,
    )  # fmt: skip


def _halves(event: Event, page: PageRow | None) -> tuple[Half, Half]:
    if event.type != "page":
        return "", ""
    context = _dict(event.context)
    server: Half = "yes" if context.get("platform") == "server" else "no"
    is_confirmed = bool(_dict(context.get("page")).get("confirmed"))
    if page is not None and page.confirmed_at is not None:
        is_confirmed = True
    return server, "yes" if is_confirmed or server == "no" else "no"


def _pending(page: PageRow) -> Row | None:
    """The row of a page view of which one half is there."""
    try:
        entry = decode_entry(page.half or b"")
    except msgspec.DecodeError:
        return None
    event = entry.event
    if event is None:
        return None
    is_browsers = entry.kind == "confirm"
    server: Half = "waits" if is_browsers else "yes"
    browser: Half = "yes" if is_browsers else "waits"
    if event.anonymous_id is None and page.person is not None:
        event.anonymous_id, event.user_id = page.person.visitor, page.person.user
    return _of(event, page.page.id, None, entry.at, (), server=server, browser=browser)


def _of(
    event: Event, event_id: str, position: int | None, at: float, fates: Sequence[Told], *,
    server: Half, browser: Half, whole: str = "", bot: str | None = None,
) -> Row:  # fmt: skip
    context = _dict(event.context)
    page = _dict(context.get("page"))
    return Row(
        id=event_id,
        position=position,
        at=at or _moment(event.timestamp),
        kind=event.type,
        name=event.event or event.name or event.label,
        visitor=event.anonymous_id or "",
        user=event.user_id or "",
        path=_text(page.get("path")) or _text(page.get("url")),
        title=_text(page.get("title")),
        platform=_text(context.get("platform")),
        bot=bot or "",
        channel=_text(context.get("channel")),
        browser=_text(_dict(context.get("browser")).get("name")),
        simulated=context.get("simulated") is True,
        server_half=server,
        browser_half=browser,
        destinations=fates,
        whole=whole,
    )


def _moment(timestamp: str) -> float:
    try:
        return epoch(timestamp)
    except ValueError:
        return 0.0


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
