"""One site's spool, store and drain under a clock of the test's own, and the entries it writes."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from track_middleware.delivery import emission
from track_middleware.delivery.drain import Drain
from track_middleware.delivery.finish import Finisher
from track_middleware.delivery.frames import Rules
from track_middleware.delivery.plans import PlanStage
from track_middleware.delivery.spool import Spool
from track_middleware.delivery.store import sqlite
from track_middleware.enrichment.history import history
from track_middleware.event import Counting, Entry, Event, PageRef, Person, iso
from track_middleware.patterns import Patterns
from track_middleware.plan.repairs import Repairs
from track_middleware.settings import PATTERNS

LOAD, OTHER_LOAD = "1" * 32, "2" * 32
GRANTED = {"analytics": "granted", "marketing": "granted"}
DENIED = {"analytics": "denied", "marketing": "denied"}
START = 1_800_000_000.0
WINDOW = 5.0


def new_id() -> str:
    return str(uuid.uuid4())


class Site:
    """``now`` is the clock of everybody; ``hook`` the site's ``before_send``;
    ``enrich`` makes of an event what is derived. ``whole``: every event is decoded as a whole.
    ``plan``: what the events are checked by; ``past``: the setting ``history``."""

    def __init__(
        self,
        data_dir: Path,
        *,
        default: str = "granted",
        hook: Callable[[Event], Event | None] | None = None,
        enrich: Callable[[Event], dict[str, Any]] | None = None,
        whole: bool = False,
        unstored: str | None = None,
        plan: PlanStage | None = None,
        enrichers: Sequence[Callable[[Event], Event | None]] = (),
        past: dict[str, Any] | None = None,
        repairs: Repairs | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.now = START
        self.counts: Counter[str] = Counter()
        self.spool = Spool(data_dir, now=lambda: self.now, min_free="1")
        self.store = sqlite.open(data_dir / "events.db", now=lambda: self.now)
        states = {"analytics": default, "marketing": default}
        self.drain = Drain(
            self.store,
            data_dir,
            finisher=Finisher(
                enrich=(lambda event, facts: enrich(event)) if enrich else bots,
                version=7,
                reads=None if enrich or whole else {"userAgent"},
                before_send=hook,
                enrichers=enrichers,
                patterns=Patterns(PATTERNS),
                repairs=repairs,
            ),
            rules=Rules(
                WINDOW,
                states,
                lambda at: "2027-01-15",
                unstored=re.compile(unstored) if unstored else None,
                history=history(past or {}),
            ),
            plan=plan,
            count=lambda reason, n: self.counts.update({reason: n}),
        )

    def close(self) -> None:
        self.spool.close()
        self.store.close()

    def accepts(self, *entries: Entry) -> None:
        assert self.spool.append(entries), self.spool.reason

    def drains(self, *entries: Entry) -> None:
        if entries:
            self.accepts(*entries)
        while self.drain.once(self.now):
            pass

    def waits(self, seconds: float) -> None:
        """Time passes, and the drain runs."""
        self.now += seconds
        self.drains()

    @property
    def events(self) -> list[Event]:
        """The log as destinations see it."""
        return [emission.event(each) for each in self.store.read(0, 1000)]

    @property
    def event(self) -> Event:
        (only,) = self.events
        return only

    @property
    def views(self) -> dict[str, int]:
        """The rollups' classes that are not zero."""
        return {name: n for (_, name), n in self.store.rollups().items() if n}

    # What the web process writes.

    def person(self, visitor: str = "v", **more: Any) -> Person:
        return Person(visitor, **{"session": f"s-{visitor}", "start": START, **more})

    def page(self, page: str, counting: Counting = "counted", load: str | None = None) -> PageRef:
        return PageRef(page, START, counting, load=load)

    def track(self, **more: Any) -> Entry:
        event = Event(new_id(), "track", iso(self.now), event="Order", anonymous_id="v")
        return Entry("event", self.now, event, **{"consent": GRANTED, **more})

    def view(self, page: str, *, agent: str = "Firefox", **more: Any) -> Entry:
        event = Event(
            page, "page", iso(self.now), anonymous_id="v",
            context={"page": {"id": page, "url": "https://x/a", "status": 200}, "userAgent": agent},
        )  # fmt: skip
        given = {"person": self.person(), "page": self.page(page), "await_half": True, **more}
        return Entry("view", self.now, event, consent=GRANTED, **given)

    def mark(self, page: str, counting: Counting = "never", **more: Any) -> Entry:
        given = {"person": self.person(), "page": self.page(page, counting), **more}
        return Entry("mark", self.now, url="/a", consent=GRANTED, **given)

    def confirm(self, page: str, load: str = LOAD, **more: Any) -> Entry:
        context = {"page": {"id": page, "url": "https://x/a", "title": "Shop"}, "timezone": "UTC"}
        ref = self.page(page, more.pop("counting", "counted"), load)
        ref.service_worker = more.pop("service_worker", False)
        return self._browsers("confirm", "page", context, page=ref, load=load, **more)

    def click(self, page: str, load: str = LOAD, **more: Any) -> Entry:
        ref = self.page(page, "counted", load)
        context = {"page": {"id": page, "url": "https://x/a"}}
        return self._browsers("browser", "track", context, page=ref, load=load, **more)

    def _browsers(self, kind: Any, type_: Any, context: Any, *, load: str, **more: Any) -> Entry:
        person = more.pop("person", self.person())
        happened = more.pop("happened", self.now)
        event = Event(
            more.pop("event_id", new_id()), type_, iso(happened),
            event=more.pop("name", "Clicked") if type_ == "track" else None,
            anonymous_id=person.visitor if person else None,
            user_id=person.user if person else None, context=context,
        )  # fmt: skip
        return Entry(
            kind, self.now, event, origin=load, person=person, consent=GRANTED,
            **{"page": None, **more},
        )  # fmt: skip


def bots(event: Event, facts: dict[str, str]) -> dict[str, Any]:
    """An enrichment of few words."""
    context = event.context if isinstance(event.context, dict) else {}
    agent = str(context.get("userAgent", ""))
    bot = {"bot": {"name": agent, "class": "crawler"}} if "bot" in agent else {}
    return {**bot, **({"location": facts} if facts else {})}
