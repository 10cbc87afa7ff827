"""Delivery: how far each destination is, what it answers, what it refused; what is kept here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...delivery.store import DeadLetter
from ...delivery.store.letters import Choice
from ...delivery.store.watch import Bytes
from ...delivery.store.whole import Store
from ...event import epoch
from ...history import letters
from ..page import Page, Shown
from ..query import Query
from ..reads import Reads
from ..table import Cell, Column, Table
from ..text import readable

STAGES = ("destination", "door", "plan")

#: Letters of one page, and the most that one action takes: on WSGI it holds a worker meanwhile.
LETTERS, AT_ONCE = 100, 1000

#: Days of the growth.
_DAYS = 30

_DESTINATIONS = (
    Column("name", "Destination"),
    Column("lag", "Events behind", "number"),
    Column("lagSeconds", "Behind for", "seconds"),
    Column("rate", "A minute", "number"),
    Column("pause", "Paused"),
    Column("pauseReason", "Why"),
    Column("answer", "Last answer"),
    Column("answeredAt", "At", "time"),
    Column("delivered", "Delivered", "number"),
    Column("retry", "Retried", "number"),
    Column("held", "Held", "number"),
    Column("dead", "Dead letters", "number"),
    Column("doubtful", "In doubt", "number"),
    Column("pace", "At most a minute", "number"),
    Column("pausedUntil", "Tries again", "time"),
)
_LETTERS = (
    Column("id", "Number", "number"),
    Column("time", "Time", "time"),
    Column("stage", "Stage"),
    Column("destination", "Destination"),
    Column("event", "Event"),
    Column("messageId", "Message id", "id"),
    Column("reason", "Reason"),
)
_REPLAYS = (
    Column("id", "Number", "number"),
    Column("destination", "Destination"),
    Column("kind", "Kind"),
    Column("events", "Events", "number"),
    Column("progress", "Sent", "share"),
    Column("retry", "Retried", "number"),
    Column("began", "Began", "time"),
    Column("ended", "Ended", "time"),
    Column("pauseReason", "Paused, because"),
)
_FORMER = (Column("name", "Destination"), Column("waiting", "Events waiting", "number"))
_COUNTERS = (Column("reason", "Reason"), Column("count", "Times", "number"))
_GROWTH = (
    Column("day", "Day"),
    Column("events", "Events", "number"),
    Column("bytes", "About", "size"),
)


def shown(query: Query, reads: Reads) -> Shown:
    """What ``status`` tells, the dead letters that are chosen, and how the store grows."""
    facts, store = reads.facts, reads.store
    size = store.watch.bytes() if store is not None else Bytes(0, 0)
    found = _chosen(query, reads, LETTERS)
    tables = {
        "destinations": Table(
            "Destinations", _DESTINATIONS, _rows(facts["destinations"], _DESTINATIONS),
            empty="No destination is set.",
        ),
        "letters": Table("Dead letters", _LETTERS, [_letter(each) for each in found],
                         empty="No dead letter of this choice."),
        "replays": Table("Replays and backfills", _REPLAYS, _replays(facts["replays"])),
        "former": Table("Former destinations", _FORMER, _rows(facts["former"], _FORMER),
                        note="No destination points there any more; their events wait."),
        "counters": Table("Not kept", _COUNTERS, sorted(facts["counters"].items())),
        "growth": Table("Growth", _GROWTH, _growth(store, size) if store else ()),
    }  # fmt: skip
    context = {
        "facts": facts,
        "size": size.used,
        "letter": _one(query, reads),
        "stages": ("", *STAGES),
        "destinations": _names(reads),
    }
    return Shown(context, tables)


def _rows(told: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> list[list[Cell]]:
    return [[each[column.name] for column in columns] for each in told]


def _replays(told: Sequence[Mapping[str, Any]]) -> list[list[Cell]]:
    return [
        [
            each["id"], each["destination"], "replay" if each["backfill"] is None else "backfill",
            each["events"], each["progress"], each["retry"], epoch(each["began"]),
            epoch(each["ended"]) if each["ended"] else None, each["pauseReason"],
        ]
        for each in told
    ]  # fmt: skip


def _names(reads: Reads) -> tuple[str, ...]:
    store = reads.store
    jobs = {job.destination for job in store.jobs()} if store else set()
    return ("", *sorted({route.name for route in reads.routes} | jobs))


def _growth(store: Store, size: Bytes) -> list[list[Cell]]:
    """Events by day, newest first, and about how many bytes of the store they are."""
    days: Counter[str] = Counter()
    for (day, _label), count in store.event_counts().items():
        days[day] += count
    each = _bytes_of_one(store, size)
    newest = sorted(days, reverse=True)[:_DAYS]
    return [[day, days[day], round(days[day] * each)] for day in newest]


def _bytes_of_one(store: Store, size: Bytes) -> float:
    """What an event that is kept takes, with what stands beside it."""
    oldest = store.read(0, 1)
    events = store.end() - oldest[0].position + 1 if oldest else 0
    return max(0, size.used - size.empty) / events if events else 0.0


def _letter(each: DeadLetter) -> list[Cell]:
    return [
        each.id, each.time, each.stage, each.destination, each.label, each.event_id, each.reason,
    ]  # fmt: skip


def _choice(query: Query, ids: Sequence[int] | None = None) -> Choice:
    label = query.text("event")
    return Choice(
        stage=query.choice("stage", STAGES) or None,
        destination=query.text("destination") or None,
        reason=query.text("reason") or None,
        labels=[label] if label else None,
        ids=ids,
    )


def _chosen(query: Query, reads: Reads, limit: int) -> Sequence[DeadLetter]:
    before = query.number("before", 0) or None
    store = reads.store
    return store.letters.chosen(_choice(query), limit=limit, before=before) if store else ()


def _one(query: Query, reads: Reads) -> dict[str, Any] | None:
    number = query.number("letter", 0)
    if not number or reads.store is None:
        return None
    for each in reads.store.letters.chosen(Choice(ids=[number]), limit=1):
        return {"letter": each, "body": readable(each.body.decode("utf-8", "replace"))}
    return None


# What an operator does.


def _meant(form: Query, reads: Reads) -> Choice:
    """The letters that were ticked, or with ``all`` those of the choice, as many as go at once."""
    ids = form.numbers("letter")
    if form.given("all") and reads.ledger is not None:
        found = reads.ledger.letters.chosen(_choice(form), limit=AT_ONCE)
        ids = [each.id for each in found]
    return Choice(ids=ids)


def replay(form: Query, reads: Reads) -> Mapping[str, int]:
    """Puts the letters that were ticked back into their destinations' queues."""
    if reads.ledger is None:
        return {}
    count, left = letters.replay(reads.ledger, _meant(form, reads), reads.settings, reads.data_dir)
    return {"replayed": count, "left": len(left)}


def drop(form: Query, reads: Reads) -> Mapping[str, int]:
    """Deletes the letters that were ticked, if the form says that this is meant."""
    if reads.ledger is None:
        return {}
    if not form.given("sure"):
        return {"unsure": 1}
    return {"dropped": letters.drop(reads.ledger, list(_meant(form, reads).ids or ()))}


PAGE = Page("delivery", "Delivery", shown, {"replay": replay, "drop": drop})
