"""One visitor: the journey across anonymous and signed-in, sessions, merges, consent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...delivery.store.consents import ChoiceRecord
from ...delivery.store.whole import Store
from ...history import subject
from ...history.journey import Journey, Someone, Step, journey, someone
from ..page import Page, Shown
from ..query import Query
from ..reads import Reads
from ..table import Cell, Column, Table

#: Steps of a page, and seconds that a look for them may take, also where older ones are asked for;
#: on WSGI it holds a worker meanwhile.
STEPS, PATIENCE, OLDER = 300, 0.05, 1.2

_STEPS = (
    Column("at", "Time", "time"),
    Column("event", "Event"),
    Column("path", "Path", "path"),
    Column("platform", "Platform"),
    Column("anonymousId", "Visitor", "id", link="visitor/?id={}"),
    Column("userId", "User", link="visitor/?id={}"),
    Column("session", "Session", "number"),
    Column("channel", "Channel"),
    Column("position", "Position", "number", link="live/?event={}"),
)
_SESSIONS = (
    Column("start", "Began", "time"),
    Column("end", "Last event", "time"),
    Column("number", "Session", "number"),
    Column("anonymousId", "Visitor", "id", link="visitor/?id={}"),
    Column("events", "Events", "number"),
    Column("views", "Views", "number"),
    Column("channel", "Channel"),
    Column("campaign", "Campaign"),
    Column("landing", "Landing page", "path"),
)
_MERGES = (
    Column("at", "Time", "time"),
    Column("visitor", "Visitor", link="visitor/?id={}"),
    Column("is", "Turned out to be", link="visitor/?id={}"),
    Column("how", "How"),
    Column("undoneAt", "Undone", "time"),
)
_CHOICES = (
    Column("at", "Time", "time"),
    Column("subject", "Whose"),
    Column("states", "Choice"),
    Column("version", "Text"),
    Column("source", "Told by"),
)


def shown(query: Query, reads: Reads) -> Shown:
    """Somebody's last steps, by a visitor's or user's id."""
    store, given = reads.store, query.text("id")
    if store is None or not given:
        return Shown({"given": "", "visitor": reads.visitor, "who": None, "since": 0, "last": {}})
    who = someone(store, given)
    seconds = OLDER if query.given("older") else PATIENCE
    made = journey(store, who, limit=STEPS, seconds=seconds)
    choices = _choices(store, who)
    tables = {
        "journey": Table("Journey", _STEPS, [_step(each) for each in made.steps],
                         empty="No event among those that were looked at."),
        "sessions": Table("Sessions", _SESSIONS, _sessions(made)),
        "merges": Table("Who is whom", _MERGES, [
            (each.at, each.visitor, each.user or each.same_as, each.how, each.undone_at)
            for each in who.merges
        ]),
        "consent": Table("Consent", _CHOICES, [
            (each.at, each.subject, _states(each.states), each.version, each.source)
            for each in choices
        ], empty="No choice is kept."),
    }  # fmt: skip
    last = _last(store, who)
    return Shown(
        {"given": given, "visitor": reads.visitor, "who": who, "since": made.since, "last": last},
        tables,
    )


def _step(step: Step) -> list[Cell]:
    event, context = step.event, _dict(step.event.context)
    page = _dict(context.get("page"))
    return [
        step.at, event.event or event.name or event.label, _text(page.get("path")),
        _text(context.get("platform")), event.anonymous_id, event.user_id,
        _whole(_dict(context.get("session")).get("number")), _text(context.get("channel")),
        step.position,
    ]  # fmt: skip


def _sessions(made: Journey) -> list[list[Cell]]:
    """The sessions of a journey, newest first, each from its steps that are shown."""
    by_id: dict[str, list[Step]] = {}
    for step in made.steps:
        session = _text(_dict(_dict(step.event.context).get("session")).get("id"))
        if session:
            by_id.setdefault(session, []).append(step)
    return [_session(steps) for steps in by_id.values()]


def _session(steps: Sequence[Step]) -> list[Cell]:
    first = steps[-1].event
    context = _dict(first.context)
    campaign = _dict(context.get("campaign"))
    views = [each for each in steps if each.event.type in ("page", "screen")]
    landing = _dict(_dict(views[-1].event.context).get("page")) if views else {}
    named = " / ".join(
        said for key in ("source", "medium", "name") if (said := _text(campaign.get(key)))
    )
    return [
        steps[-1].at, steps[0].at, _whole(_dict(context.get("session")).get("number")),
        first.anonymous_id, len(steps), len(views), _text(context.get("channel")), named,
        _text(landing.get("path")),
    ]  # fmt: skip


def _choices(store: Store, who: Someone) -> list[ChoiceRecord]:
    found = [each for name in _names(who) for each in store.intake.choice_history(name)]
    return sorted(found, key=lambda each: -each.at)


def _last(store: Store, who: Someone) -> dict[str, str]:
    """What holds now, by whose choice it is."""
    found = [each for name in _names(who) for each in store.persons.choices(name)]
    return {each.subject: _states(each.states) for each in found}


def _names(who: Someone) -> list[str]:
    return [name for each in who.ids for name in subject.names(each)]


def _states(states: Mapping[str, str]) -> str:
    return ", ".join(f"{purpose} {state}" for purpose, state in states.items())


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


PAGE = Page("visitor", "One visitor", shown)
