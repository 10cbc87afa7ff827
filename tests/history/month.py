"""A month of a shop as events, and the right answers about it, counted in plain Python."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from track_middleware.event import Event, iso

BEGIN = 1_793_491_200.0  # 2026-11-01T00:00:00Z, a Sunday
FUNNEL = ("Product Viewed", "Product Added", "Order Completed")

SOURCES: Sequence[Mapping[str, Any]] = (
    {"channel": "Direct"},
    {},
    {"channel": "Email", "campaign": {"source": "news", "medium": "email", "name": "autumn"}},
    {"channel": "Paid Search", "campaign": {"source": "google", "medium": "cpc", "name": "it's"}},
    {"channel": "Organic Search"},
)

#: Values of orders as shops really send them; only numbers are amounts.
AMOUNTS: Sequence[Any] = (
    39.5, 100, 0.1, 12.34567, 12.34564, -5.25, "39.50", None, [1], True, 10**15, 0, 19.99,
)  # fmt: skip


class Month:
    """Events of some visitors, with whom that is: users, shared devices, bots, servers."""

    def __init__(self, seed: int = 7, visitors: int = 200) -> None:
        self._random = random.Random(seed)
        self.events: list[Event] = []
        for number in range(visitors):
            self._visitor(number)
        for _ in range(60):
            self._of_the_server()
        self._random.shuffle(self.events)

    def _visitor(self, number: int) -> None:
        chance = self._random
        visitor = f"visitor-{number}"
        users = [f"user {number % 40}'s"] if chance.random() < 0.4 else []
        if users and chance.random() < 0.3:
            users.append(f"user {number % 40 + 100}")
        bot = {"bot": {"name": "Somebot", "class": "crawler"}} if chance.random() < 0.1 else {}
        at = BEGIN + chance.randrange(4) * 7 * 86400 + chance.choice((20.5, 22.9)) * 3600
        for visit in range(chance.choice((1, 1, 2, 3, 5))):
            user = users[visit % len(users)] if users and visit else None
            self._visit(visitor, user, f"{visitor}.{visit}", at, {**chance.choice(SOURCES), **bot})
            at += chance.choice((3600.0, 86400.0, 7 * 86400.0)) + chance.random() * 600

    def _visit(
        self, visitor: str, user: str | None, session: str, at: float, context: Mapping[str, Any]
    ) -> None:
        chance = self._random
        for place in range(chance.choice((1, 2, 4, 9))):
            path = chance.choice(("/", "/sale", "/über uns", "/basket"))
            told = {
                **context, "page": {"path": path}, "session": {"id": session}, "platform": "web"
            }  # fmt: skip
            who = {"anonymous_id": visitor, "user_id": user}
            if place == 0 and user:
                self._add(at, "identify", None, told, traits={"plan": "pro"}, **who)
            self._add(at, "page", None, told, **who)
            for name in FUNNEL:
                if chance.random() > 0.55:
                    break
                at += chance.choice((0.0, 0.001, 1.5, 30.0))
                self._add(at, "track", name, told, properties=self._said(name), **who)
            if chance.random() < 0.1:
                self._add(at, "track", "Request", told, **who)
            at += chance.choice((0.0, 0.25, 60.0, 600.0))

    def _of_the_server(self) -> None:
        """Outside any request: without visitor and session, some without anybody."""
        at = BEGIN + self._random.randrange(29) * 86400 + 21.5 * 3600
        user = self._random.choice((None, "user 3's", "user 7's", "only on the server"))
        said = self._said("Order Completed")
        self._add(at, "track", "Order Completed", {"platform": "server"}, user_id=user,
                  anonymous_id=None, properties=said)  # fmt: skip

    def _said(self, name: str) -> dict[str, Any]:
        if name != "Order Completed":
            return {"sku": "a\\'b"}
        if self._random.random() < 0.1:
            return {}
        return {"revenue": self._random.choice(AMOUNTS)}

    def _add(
        self, at: float, kind: str, name: str | None, context: Mapping[str, Any], **given: Any
    ) -> None:
        id_ = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        self.events.append(
            Event(message_id=id_, type=kind, event=name, timestamp=iso(at),
                  context=dict(context), **given)
        )  # fmt: skip


# The right answers, by no line of what is tested.


class Act:
    """What an event is about, as the answers need it."""

    def __init__(self, event: Event) -> None:
        self.id = event.message_id
        self.type = event.type
        self.label = event.event or {"page": "Page", "identify": "Identify"}[event.type]
        self.at = datetime.fromisoformat(event.timestamp)
        self.visitor, self.user = event.anonymous_id, event.user_id
        context: Mapping[str, Any] = event.context or {}
        self.is_bot = "bot" in context
        self.session = context.get("session", {}).get("id")
        self.path = context.get("page", {}).get("path")
        campaign = context.get("campaign", {})
        self.origin = (
            context.get("channel"), campaign.get("source"), campaign.get("medium"),
            campaign.get("name"),
        )  # fmt: skip
        self.revenue = (event.properties or {}).get("revenue")
        self.person: str | None = None

    @property
    def order(self) -> tuple[datetime, str]:
        return self.at, self.id


def acts(events: Iterable[Event]) -> list[Act]:
    """People's acts, each with its person."""
    found = [act for act in map(Act, events) if not act.is_bot and act.label != "Request"]
    users = defaultdict(set)
    for act in found:
        if act.visitor and act.user:
            users[act.visitor].add(act.user)
    for act in found:
        only = users[act.visitor or ""]
        act.person = act.user or (next(iter(only)) if len(only) == 1 else act.visitor)
    return found


def sessions(events: Iterable[Event], zone: str) -> list[tuple[Any, ...]]:
    found = []
    for session, those in _by_session(events).items():
        pages = [act for act in those if act.type == "page"]
        seconds = (those[-1].at - those[0].at) / timedelta(seconds=1)
        found.append((
            those[0].at.astimezone(ZoneInfo(zone)).date(), session, those[-1].person, seconds,
            len(pages), len(those), pages[0].path, pages[-1].path, *those[0].origin,
        ))  # fmt: skip
    return found


def _by_session(events: Iterable[Event]) -> dict[str, list[Act]]:
    found = defaultdict(list)
    for act in sorted(acts(events), key=lambda act: act.order):
        if act.session:
            found[act.session].append(act)
    return found


def funnel(
    events: Iterable[Event], steps: Sequence[str], within: timedelta
) -> list[tuple[Any, ...]]:
    by_person = defaultdict(list)
    for act in sorted(acts(events), key=lambda act: act.order):
        by_person[act.person].append(act)
    by_person.pop(None, None)
    deepest = [
        max((_depth(those, steps, begin, within) for begin in those if begin.label == steps[0]),
            default=0)
        for those in by_person.values()
    ]  # fmt: skip
    counts = [sum(each > place for each in deepest) for place in range(len(steps))]
    return [
        (place + 1, step, count, count / counts[0])
        for place, (step, count) in enumerate(zip(steps, counts, strict=True))
    ]


def _depth(those: Sequence[Act], steps: Sequence[str], begin: Act, within: timedelta) -> int:
    at, depth = begin.at, 1
    for act in those:
        if depth < len(steps) and act.label == steps[depth] and at < act.at <= begin.at + within:
            at, depth = act.at, depth + 1
    return depth


def retention(events: Iterable[Event], zone: str, *, every: str) -> list[tuple[Any, ...]]:
    days = 7 if every == "week" else 1
    seen: dict[str, set[date]] = defaultdict(set)
    for act in acts(events):
        if act.person and act.type in ("page", "track"):
            day = act.at.astimezone(ZoneInfo(zone)).date()
            seen[act.person].add(day - timedelta(days=day.weekday() if every == "week" else 0))
    counts: dict[tuple[date, int], int] = defaultdict(int)
    for periods in seen.values():
        for period in periods:
            counts[min(periods), (period - min(periods)).days // days] += 1
    return [
        (cohort, later, count, count / counts[cohort, 0])
        for (cohort, later), count in counts.items()
    ]


def attribution(events: Sequence[Event], lookback: timedelta) -> list[tuple[Any, ...]]:
    touches = defaultdict(list)
    for session, those in _by_session(events).items():
        touches[those[-1].person].append((those[0].at, session, those[0].origin))
    counts: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, None])
    for act in acts(events):
        if act.label != "Order Completed":
            continue
        before = sorted(t for t in touches[act.person] if act.at - lookback <= t[0] <= act.at)
        before = before if act.person else []
        meant = [touch for touch in before if touch[2][0] not in (None, "Direct")] or before
        for model, owed in (("first", before[:1]), ("last", meant[-1:])):
            row = counts[(model, *(owed[0][2] if owed else (None,) * 4))]
            row[0] += 1
            amount = _amount(act.revenue)
            if amount is not None:
                row[1] = amount + (row[1] or 0)
    return [(*key, *row) for key, row in counts.items()]


def _amount(given: Any) -> Decimal | None:
    if isinstance(given, bool) or not isinstance(given, int | float) or abs(given) >= 10**12:
        return None
    return Decimal(str(given)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


assert datetime.fromtimestamp(BEGIN, UTC).weekday() == 6
