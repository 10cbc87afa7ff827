"""A shop's events as its site writes them, for a store that is to be full: pages with both halves,
what a page tells when it is left, and what people do.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from track_middleware.delivery.store import Merge, NewRow, PageRow
from track_middleware.event import PageRef, Person, iso

#: The days that they are of.
DAYS, DAY = 90, 86400.0

_AGENTS = (
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/126.0.0.0 Safari/537.36", "desktop", "Chrome", "126.0.0", "Windows", "10"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "mobile", "Mobile Safari", "17.5", "iOS",
     "17.5"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "desktop", "Firefox",
     "140.0", "Linux", ""),
)  # fmt: skip
_CAMPAIGNS = ("", "", "", ("news", "email", "may"), ("google", "cpc", "shoes"))
LABELS = ("Product Viewed", "Product Added", "Cart Viewed", "Products Searched")


#: Days of which page rows are kept, as the worker keeps them; every so manieth visitor signs in.
_PAGES, _SIGNED_IN = 8, 20


class Block(msgspec.Struct):
    """Events in the order of their times, the rows of their pages that are still kept, and who
    turned out to be whom."""

    rows: list[NewRow]
    pages: list[PageRow]
    merges: list[Merge]


@dataclass(slots=True)
class _Visit:
    """One session: what all of its events say."""

    visitor: str
    session: str
    start: float
    agent: tuple[str, ...]
    campaign: str
    locale: str
    ip: str


class Filling:
    """Makes events of a shop's visits of ninety days, the same ones whenever it is asked."""

    def __init__(self, events: int, *, end: float) -> None:
        self._chance = random.Random(11)
        self._events = events
        self._begin, self._end = end - DAYS * DAY, end
        self._visitors: list[str] = []
        self._pages: list[PageRow] = []
        self._merges: list[Merge] = []

    def blocks(self, size: int) -> Iterator[Block]:
        """All of them, so many events at a time."""
        made, rows = 0, list[NewRow]()
        while made < self._events:
            at = self._begin + DAYS * DAY * made / self._events
            for row in self._session(at):
                rows.append(row)
                made += 1
            if len(rows) >= size or made >= self._events:
                yield Block(rows, self._pages, self._merges)
                rows, self._pages, self._merges = [], [], []

    def _session(self, at: float) -> Iterator[NewRow]:
        visit = self._visit(at)
        for _ in range(1 + int(self._chance.expovariate(0.5))):
            path = f"/products/{int(self._chance.paretovariate(0.6)) % 3000}"
            page = self._id(at)
            yield self._view(visit, page, path, at)
            if at > self._end - _PAGES * DAY:
                self._pages.append(_row(visit, page, path, at))
            if self._chance.random() < 0.6:
                label = self._chance.choice(LABELS)
                yield self._told(visit, label, page, path, at + 9, self._product())
            engaged = self._chance.randrange(500, 60000)
            left = f'"engagedMs":{engaged},"scrollDepth":{self._chance.randrange(100)}'
            yield self._told(visit, "Page Left", page, path, at + 20, left)
            at += 25

    def _visit(self, at: float) -> _Visit:
        chance = self._chance
        if self._visitors and chance.random() < 0.4:
            visitor = chance.choice(self._visitors)
        else:
            visitor = self._id(at)
            self._visitors.append(visitor)
            if len(self._visitors) % _SIGNED_IN == 0:
                user = str(len(self._visitors))
                self._merges.append(Merge(visitor, user, "", at, self._id(at), "sign_in"))
        touch = chance.choice(_CAMPAIGNS)
        campaign = (
            '"campaign":{{"source":"{}","medium":"{}","name":"{}"}},'
            '"firstCampaign":{{"source":"{}","medium":"{}","name":"{}"}},'.format(*touch, *touch)
            if touch
            else ""
        )
        return _Visit(
            visitor, str(uuid.UUID(int=chance.getrandbits(128))), at, chance.choice(_AGENTS),
            campaign, chance.choice(("de-DE", "en-US", "fr")), f"203.0.{chance.randrange(256)}.0",
        )  # fmt: skip

    def _id(self, at: float) -> str:
        return str(uuid.UUID(int=(int(at * 1000) << 80) | self._chance.getrandbits(80)))

    def _product(self) -> str:
        number = self._chance.randrange(3000)
        return f'"product_id":"{number}","name":"Product {number}","price":{number % 97}.5'

    def _context(self, visit: _Visit, page: str, path: str, more: str) -> str:
        return (
            f'"context":{{"page":{{"url":"https://shop.example{path}","path":"{path}","id":"{page}",'
            f'{more}}},"library":{{"name":"track-middleware","version":"0.1.0"}},'
            f'"platform":"server","consent":{{"analytics":"granted","marketing":"granted"}},'
            f'"userAgent":"{visit.agent[0]}","ip":"{visit.ip}","locale":"{visit.locale}",'
            f'"session":{{"id":"{visit.session}","number":1,"start":"{iso(visit.start)}"}},'
            f'{visit.campaign}"timezone":"Europe/Berlin",'
            f'"screen":{{"viewport":"1280x720","size":"1920x1080"}}}}'
        )

    def _derived(self, visit: _Visit) -> bytes:
        _, device, browser, version, system, release = visit.agent
        return (
            f'{{"device":{{"type":"{device}"}},"browser":{{"name":"{browser}","version":"{version}"}},'
            f'"os":{{"name":"{system}","version":"{release}"}},"referrer":{{"kind":"search",'
            f'"source":"Google","medium":"organic"}},"channel":"Organic Search",'
            f'"location":{{"country":"DE"}}}}'
        ).encode()

    def _view(self, visit: _Visit, page: str, path: str, at: float) -> NewRow:
        confirmed = "true" if self._chance.random() < 0.9 else "false"
        more = (
            f'"referrer":"https://www.google.com/","status":200,'
            f'"durationMs":{self._chance.randrange(20, 900) / 10},"confirmed":{confirmed},'
            f'"title":"Product {path[10:]}"'
        )
        body = (
            f'{{"messageId":"{page}","type":"page","timestamp":"{iso(at)}",'
            f'"anonymousId":"{visit.visitor}",{self._context(visit, page, path, more)}}}'
        )
        return NewRow(page, visit.visitor, at, "page", "Page", body.encode(),
                      self._derived(visit), None, 1)  # fmt: skip

    def _told(
        self, visit: _Visit, label: str, page: str, path: str, at: float, properties: str
    ) -> NewRow:
        event_id = str(uuid.UUID(int=self._chance.getrandbits(128)))
        body = (
            f'{{"messageId":"{event_id}","type":"track","timestamp":"{iso(at)}","event":"{label}",'
            f'"anonymousId":"{visit.visitor}","properties":{{{properties}}},'
            f"{self._context(visit, page, path, '')}}}"
        ).replace(",},", "},")
        return NewRow(event_id, visit.visitor, at, "track", label, body.encode(),
                      self._derived(visit), None, 1)  # fmt: skip


def _row(visit: _Visit, page: str, path: str, at: float) -> PageRow:
    person = Person(visit.visitor, visit.session, start=visit.start, minted=visit.start)
    ref, url = PageRef(page, at, "counted", "host", "load"), f"https://shop.example{path}"
    return PageRow(ref, person, url, None, None, at + 1, None)
