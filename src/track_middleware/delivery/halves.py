"""The halves of page views, and the browser's other events, as they reach the ledger.

The rules are in ``pages.py``; here they meet the rows of the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import msgspec

from ..event import PARTING, Event, Person, decode_event, epoch, wire_id
from . import pages
from .finish import Finisher
from .frames import Frame, Rules, decode_frame, knowing
from .store import Intake, PageRow

#: The position of a view that is not in the log: not yet, or because ``before_send`` dropped it.
NOWHERE = 0


class Halves:
    """The page rows of one transaction.

    ``append`` takes an event for the log, ``count`` a page view's moment, class and number.
    """

    def __init__(
        self,
        intake: Intake,
        finisher: Finisher,
        rules: Rules,
        *,
        append: Callable[[Event, Frame], None],
        count: Callable[[float, str, int], None],
    ) -> None:
        self._intake = intake
        self._finisher, self._rules = finisher, rules
        self._append, self._count = append, count
        self._pages: dict[str, PageRow] = {}
        self._dirty: dict[str, PageRow] = {}
        self._placed: list[str] = []
        self._notes: list[tuple[str, str]] = []
        self.patient = True

    def prepare(self, frames: Iterable[Frame]) -> None:
        """Reads in one go the rows that frames will ask for."""
        ids = {frame.page.id for frame in frames if frame.page is not None} - self._pages.keys()
        if ids:
            self._pages.update(self._intake.pages(ids))

    def end_windows(self, rows: Iterable[PageRow]) -> None:
        """Page views whose other half has not come in time."""
        for known in rows:
            row = self._pages.get(known.page.id, known)
            if row.half is None:
                continue
            frame = decode_frame(row.half)
            over = replace(row, half=None, due=None)
            if frame.kind == "view":
                self._place_server_half(over, frame, confirmed=row.confirmed_at is not None)
            else:
                self._place_browser_half(over, frame)

    def finish(self, positions: Mapping[str, int]) -> None:
        """Writes the rows, once the views have their positions in the log."""
        for page in self._placed:
            self._keep(replace(self._pages[page], position=positions.get(page, NOWHERE)))
        places = [(self._pages[page].position, note) for page, note in self._notes]
        self._intake.note_views([(place, note) for place, note in places if place])
        self._write()

    # The server's half of a page view.

    def view(self, frame: Frame, raw: bytes) -> None:
        """The server's half; its page and person are known."""
        assert frame.page is not None
        row = self._pages.get(frame.page.id)
        placed = row is not None and (row.half is not None or row.position is not None)
        if row is not None and row.person is not None and placed:
            return
        event = decode_event(frame.event)
        bot = self._is_bot(event, frame)
        self._count(frame.at, "page.bot" if bot else "page.human", 1)
        if row is None or not placed:
            self._first_half(frame, raw, event, row, waits=frame.await_half and not bot)
            return
        self._count(frame.at, "confirmed.bot" if bot else "confirmed", 1)
        self._complete(replace(row, person=frame.person), frame, event)

    def _first_half(
        self, frame: Frame, raw: bytes, event: Event, row: PageRow | None, *, waits: bool
    ) -> None:
        assert frame.page is not None
        load = row.page.load if row else None
        mine = PageRow(
            page=msgspec.structs.replace(frame.page, load=load), person=frame.person,
            url=pages.place(pages.url_of(event)), half=raw if waits else None,
            due=frame.at + self._rules.window if waits else None,
            confirmed_at=row.confirmed_at if row else None, position=None,
        )  # fmt: skip
        if waits:
            self._keep(mine)
        else:
            self._place_server_half(mine, frame, confirmed=mine.confirmed_at is not None)
            if not frame.await_half:
                self._notes.append((mine.page.id, "untagged"))

    def _complete(self, row: PageRow, frame: Frame, server: Event) -> None:
        """The server's half came after the browser's, which may have taken its place already."""
        if row.half is None:
            self._count(row.confirmed_at or frame.at, "page.browser", -1)
            self._notes.append((row.page.id, "served"))
            self._keep(row)
            return
        other = decode_frame(row.half)
        row = self._joined(row, other)
        self._place_merged(row, knowing(frame, other), server, decode_event(other.event))

    def mark(self, frame: Frame, raw: bytes) -> None:
        """A page that got a token: from now on it is known whose its events are."""
        page = frame.page
        if page is None:
            return
        row = self._pages.get(page.id)
        if row is None:
            self._keep(PageRow(page, frame.person, frame.url or "", None, None, None, None))
            return
        known = replace(row, person=frame.person)
        if row.person is None and row.half is not None:
            self._place_browser_half(replace(known, half=None, due=None), decode_frame(row.half))
            return
        self._keep(known)

    # The browser's half, and its other events.

    def confirm(self, frame: Frame, raw: bytes) -> None:
        """The browser's half; without a token it is a view of the browser's alone."""
        if frame.page is None:
            self.browser(frame, raw)
            return
        event = decode_event(frame.event)
        row = self._pages.get(frame.page.id)
        if frame.page.service_worker and pages.is_spent(frame.page, row.page if row else None):
            fetched = self._fetched_meanwhile(frame, event)
            if fetched is None and self.patient:
                half_way = frame.at + self._rules.window / 2
                self._intake.wait(pages.own_id(frame.page), half_way, raw)
                return
            row = fetched or row
        happened = epoch(event.timestamp)
        what = pages.use(frame.page, row.page if row else frame.page, happened)
        if what == "repeats" and row is not None and row.confirmed_at is not None:
            return
        if what == "own":
            if row is not None and row.page.load is None:
                self._bind(row, pages.EXPIRED)
            if frame.page.counting != "never":
                self.browser(frame, raw)
        elif row is None:
            self._keep(self._browser_first(frame, raw))
        else:
            row = self._bind(row, frame.page.load, confirmed_at=frame.at)
            if row.page.counting != "never":
                self._confirm_known(self._joined(row, frame), frame, event)

    def _fetched_meanwhile(self, frame: Frame, event: Event) -> PageRow | None:
        """The page that a service worker has asked the server for besides delivering an older one.
        It may be under way: it is waited for, but not as long as its own window. A row under the
        view's own id says that it was found."""
        assert frame.page is not None
        self._write()
        own = pages.own_id(frame.page)
        known = self._pages.get(own) or self._intake.pages([own]).get(own)
        if known is not None or frame.person is None:
            return known
        url = pages.place(pages.url_of(event))
        newest = self._intake.newest_unconfirmed(frame.person.visitor, url)
        if newest is None or not pages.is_meanwhile(newest.page, frame.page, event):
            return None
        mine = msgspec.structs.replace(frame.page, id=own)
        self._keep(PageRow(mine, frame.person, url, None, None, frame.at, NOWHERE))
        return self._pages.setdefault(newest.page.id, newest)

    def _browser_first(self, frame: Frame, raw: bytes) -> PageRow:
        assert frame.page is not None
        counts = frame.page.counting != "never"
        url = pages.place(pages.url_of(decode_event(frame.event)))
        return PageRow(
            page=frame.page, person=None, url=url, half=raw if counts else None,
            due=frame.at + self._rules.window if counts else None,
            confirmed_at=frame.at, position=None,
        )  # fmt: skip

    def _confirm_known(self, row: PageRow, frame: Frame, browser: Event) -> None:
        if row.half is not None:
            server = knowing(decode_frame(row.half), frame)
            self._count(server.at, "confirmed", 1)
            self._place_merged(row, server, decode_event(server.event), browser)
        elif row.position is not None:
            bot = self._is_bot(browser, frame)
            self._count(frame.at, "confirmed.bot" if bot else "confirmed", 1)
            self._notes.append((row.page.id, pages.confirmed_by(browser)))
        else:
            self._place_browser_half(row, frame)

    def browser(self, frame: Frame, raw: bytes) -> None:
        """Any other event of the script, or a view of its own; it may have to wait for its row."""
        row = self._pages.get(frame.page.id) if frame.page else None
        if self.patient and frame.page is not None and self._waits(row, frame):
            self._intake.wait(frame.page.id, frame.at + self._rules.window, raw)
            return
        self._place_browser_event(self._joined(row, frame) if row else None, frame)

    def _waits(self, row: PageRow | None, frame: Frame) -> bool:
        assert frame.page is not None
        over = row is not None and row.half is None and row.position is not None
        person = row.person if row else None
        return pages.is_waited_for(person, known=over, made=frame.page.made, accepted=frame.at)

    def _place_browser_event(self, row: PageRow | None, frame: Frame) -> None:
        event = decode_event(frame.event)
        bound = row.page.load if row else None
        page = pages.browser_page_id(event, frame.page, bound, frame.origin)
        if frame.kind == "confirm" and frame.page is not None and frame.page.load is not None:
            page = pages.page_id(frame.page, pages.EXPIRED)
        event = pages.attributed(
            event, self._whose(row, frame, event), page=page, cookie=frame.person
        )
        event_id = wire_id(frame.origin, event.message_id)
        if event.type == "page":
            event, event_id = pages.view(event, page=page, confirmed=True), page
            self._count(frame.at, "page.browser", 1)
            self._count(frame.at, "page.shared", pages.came_by_cache(frame.page, frame.kind, event))
        event.message_id = event_id
        self._append(event, frame)

    def _whose(self, row: PageRow | None, frame: Frame, event: Event) -> Person | None:
        page = row.person if row else None
        made = frame.page.made if frame.page else frame.at
        happened = epoch(event.timestamp)
        person = pages.owner(frame.person, page, made=made, accepted=frame.at, happened=happened)
        return pages.leaving(person, page) if event.event in PARTING else person

    def _joined(self, row: PageRow, frame: Frame) -> PageRow:
        """The row as the cookie's visitor's, when two tabs of one browser had two visitors."""
        cookie, page = frame.person, row.person
        if cookie is None or page is None or cookie.visitor == page.visitor:
            return row
        if pages.same_browser(cookie, page, made=row.page.made, at=frame.at):
            self._intake.join(page.visitor, cookie.visitor, frame.at)
        elif self._intake.joined([page.visitor]).get(page.visitor) != cookie.visitor:
            return row
        return self._keep(replace(row, person=cookie))

    def _is_bot(self, event: Event, frame: Frame) -> bool:
        return bool(self._finisher.derived(event, frame.facts).get("bot"))

    # Places in the log.

    def _place_server_half(self, row: PageRow, frame: Frame, *, confirmed: bool) -> None:
        self._place(row, self._server_event(row, decode_event(frame.event)), frame, confirmed)

    def _place_merged(self, row: PageRow, frame: Frame, server: Event, browser: Event) -> None:
        whole = pages.merged(self._server_event(row, server), browser)
        self._place(replace(row, half=None, due=None), whole, frame, True)

    def _place_browser_half(self, row: PageRow, frame: Frame) -> None:
        event = decode_event(frame.event)
        person = self._whose(row, frame, event)
        event = pages.attributed(event, person, page=row.page.id, cookie=frame.person)
        self._count(frame.at, "page.browser", 1)
        self._place(row, event, frame, True)

    def _server_event(self, row: PageRow, event: Event) -> Event:
        joined = row.person is not None and row.person.visitor != event.anonymous_id
        return pages.moved(event, row.person) if joined and row.person else event

    def _place(self, row: PageRow, event: Event, frame: Frame, confirmed: bool) -> None:
        self._keep(replace(row, position=NOWHERE))
        self._append(pages.view(event, page=row.page.id, confirmed=confirmed), frame)
        self._placed.append(row.page.id)

    # Page rows.

    def _bind(
        self, row: PageRow, load: str | None, *, confirmed_at: float | None = None
    ) -> PageRow:
        page = msgspec.structs.replace(row.page, load=load)
        return self._keep(replace(row, page=page, confirmed_at=confirmed_at or row.confirmed_at))

    def _keep(self, row: PageRow) -> PageRow:
        self._pages[row.page.id] = self._dirty[row.page.id] = row
        return row

    def _write(self) -> None:
        if self._dirty:
            self._intake.keep_pages(self._dirty.values())
            self._dirty.clear()
