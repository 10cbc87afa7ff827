"""What the console counts of a view: its day, whose it is, its dimensions, and its state.

Functions over values; no I/O happens here. A view is an event of the log that somebody looked at: a
page or a screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal

import msgspec

from ..event import epoch
from .splice import several
from .store import Stored
from .store.keys import short_key

#: What is known of a view's two halves.
#: ``confirmed``  served, and a browser's script told of it
#: ``noscript``   served, and shown by a browser that runs no scripts (setting ``noscript``)
#: ``missing``    served with a tag, and no browser told of it
#: ``odd``        as missing, and the request lacked what every browser sends
#: ``untagged``   served where the tag could not stand (a compressed body)
#: ``browser``    told of by a browser alone: a route, a copy from a cache
#: ``other``      neither half can be asked for: a screen, a view without cookies, a backfill
State = Literal["confirmed", "noscript", "missing", "odd", "untagged", "browser", "other"]

#: What the drain notes of a view that stands in the log already, or cannot be told from its body.
Note = Literal["confirmed", "noscript", "served", "untagged"]

#: States of a view that the server served with a tag.
SERVED: Set[State] = frozenset({"confirmed", "noscript", "missing", "odd"})

#: Longest name of a cell; the rest of an address is cut.
_LONGEST = 200

#: The name of whatever says nothing.
NOTHING = "–"

#: A moment so much later than its acceptance is no client's clock but a lie.
_AHEAD = 86400.0


class View(msgspec.Struct, frozen=True, gc=False):
    """One view. ``day`` is days since 1970-01-01 in the site's time zone, ``at`` when the server
    heard of it first; ``visitor`` and ``session`` are short hashes, 0 where there is none. A bot's
    view has ``bot``: class and name. ``campaign`` and ``first``: source, medium, name, as JSON."""

    day: int
    at: float
    visitor: int
    session: int
    state: State
    bot: str | None
    page: str
    browser: str
    system: str
    country: str
    channel: str
    source: str
    campaign: str | None
    first: str | None
    everything: str = ""


#: A moment (epoch seconds) -> its day since 1970-01-01.
Days = Callable[[float], int]


class _Named(msgspec.Struct, gc=False):
    name: Any = None


class _Bot(msgspec.Struct, rename={"class_": "class"}, gc=False):
    name: Any = None
    class_: Any = None


class _Page(msgspec.Struct, gc=False):
    path: Any = None
    confirmed: Any = None
    noscript: Any = None


class _Session(msgspec.Struct, gc=False):
    id: Any = None


class _Location(msgspec.Struct, gc=False):
    country: Any = None


class _Referrer(msgspec.Struct, gc=False):
    kind: Any = None
    source: Any = None


class _Campaign(msgspec.Struct, gc=False):
    source: Any = None
    medium: Any = None
    name: Any = None


class _Click(msgspec.Struct, gc=False):
    platform: Any = None


class _Context(msgspec.Struct, rename="camel", gc=False):
    page: _Page | None = None
    session: _Session | None = None
    campaign: _Campaign | None = None
    first_campaign: _Campaign | None = None
    locale: Any = None
    platform: Any = None
    browser: _Named | None = None
    os: _Named | None = None
    bot: _Bot | None = None
    location: _Location | None = None
    referrer: _Referrer | None = None
    channel: Any = None
    click: _Click | None = None
    cookieless: Any = None


class _Body(msgspec.Struct, rename="camel", gc=False):
    timestamp: str = ""
    anonymous_id: str | None = None
    context: _Context | None = None


_body = msgspec.json.Decoder(_Body)
_bodies = msgspec.json.Decoder(list[_Body])
_derived = msgspec.json.Decoder(_Context)
_deriveds = msgspec.json.Decoder(list[_Context])

_EMPTY = _Context()
_NO_PAGE = _Page()


def views(rows: Sequence[Stored], day: Days) -> list[View | None]:
    """The views that these rows are; None of a row that cannot be read."""
    bodies = several([row.body for row in rows], together=_bodies, single=_body)
    # What was derived of one browser and country comes again and again.
    texts = list({row.derived for row in rows if row.derived})
    decoded = several(texts, together=_deriveds, single=_derived)
    told = dict(zip(texts, decoded, strict=True))
    return [
        None if body is None else _view(row, body, told.get(row.derived or b"") or _EMPTY, day)
        for row, body in zip(rows, bodies, strict=True)
    ]


def sessions(bodies: Sequence[bytes]) -> set[int]:
    """The sessions that these events name, as they are counted."""
    said = [each and each.context for each in several(bodies, together=_bodies, single=_body)]
    named = [each.session.id for each in said if each and each.session]
    return {short_key(each) for each in named if isinstance(each, str)}


def _view(row: Stored, body: _Body, told: _Context, day: Days) -> View:
    said = body.context or _EMPTY
    page, session = said.page or _NO_PAGE, said.session
    bot = None if row.bot is None else _bot(told.bot or said.bot, row.bot)
    channel, source = _arrival(told, said)
    return View(
        day=day_of(body.timestamp, row.accepted_at, day),
        at=row.accepted_at,
        visitor=short_key(body.anonymous_id) if body.anonymous_id else 0,
        session=short_key(session.id) if session and isinstance(session.id, str) else 0,
        state=_state(row.kind, said, page),
        bot=bot,
        page=_text(page.path),
        browser=_name(told.browser or said.browser),
        system=_name(told.os or said.os),
        country=_country(told.location or said.location),
        channel=channel,
        source=source,
        campaign=_campaign(said.campaign, told.click),
        first=_campaign(said.first_campaign, None),
    )


def _state(kind: str, said: _Context, page: _Page) -> State:
    if kind != "page" or said.cookieless or said.platform not in ("server", "web"):
        return "other"
    if page.confirmed is None:
        return "other"
    if said.platform == "web":
        return "browser"
    if page.noscript:
        return "noscript"
    if page.confirmed:
        return "confirmed"
    # Every browser says which language it wants (Fetch, 2.2.5: Accept-Language is always set).
    return "missing" if said.locale else "odd"


def noted(view: View, notes: Set[Note]) -> View:
    """A view with what was noted of it beside the log."""
    state = view.state
    if "served" in notes and state == "browser":
        state = "confirmed"
    if state in ("missing", "odd"):
        if "confirmed" in notes:
            state = "confirmed"
        elif "noscript" in notes:
            state = "noscript"
        elif "untagged" in notes:
            state = "untagged"
    return view if state == view.state else msgspec.structs.replace(view, state=state)


def day_of(timestamp: str, accepted: float, day: Days) -> int:
    """The day of an event that says when it happened, else of its acceptance."""
    found = _minute(timestamp[:16])
    believed = found is not None and 0 <= found <= accepted + _AHEAD
    return day(found if believed and found is not None else accepted)


@lru_cache(maxsize=4096)
def _minute(text: str) -> float | None:
    try:
        return epoch(text)
    except ValueError:
        return None


def _arrival(told: _Context, said: _Context) -> tuple[str, str]:
    """Channel and source of a session that begins with this view."""
    channel = told.channel or said.channel
    came = told.referrer or said.referrer
    named = said.campaign.source if said.campaign else None
    clicked = told.click.platform if told.click else None
    seen = came.source if came and came.kind != "internal" else None
    return _text(channel or "Direct"), _text(named or seen or clicked)


def _campaign(said: _Campaign | None, click: _Click | None) -> str | None:
    if said is None:
        return None
    source = said.source or (click.platform if click else None)
    if not (source or said.medium or said.name):
        return None
    return pair(_text(source), _text(said.medium), _text(said.name))


def pair(*names: str) -> str:
    """Several names as one cell's."""
    return msgspec.json.encode(names).decode()


def names(cell: str) -> list[str]:
    """The names that ``pair`` put together."""
    return msgspec.json.decode(cell, type=list[str])


def _bot(told: _Bot | None, word: str) -> str:
    return pair(_text((told and told.class_) or "other"), _text((told and told.name) or word))


def _name(named: _Named | None) -> str:
    return _text(named.name) if named else NOTHING


def _country(where: _Location | None) -> str:
    return _text(where.country) if where else NOTHING


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) and value else NOTHING


#: The parts under which a person's view is counted, page by page: its day, state and name there.
DIMENSIONS: Mapping[str, Callable[[View], tuple[int, State, str]]] = {
    "all": attrgetter("day", "state", "everything"),
    "browser": attrgetter("day", "state", "browser"),
    "system": attrgetter("day", "state", "system"),
    "country": attrgetter("day", "state", "country"),
    "page": attrgetter("day", "state", "page"),
}


def arrivals(view: View) -> Iterator[tuple[str, str]]:
    """The parts and names under which a session is counted that begins with this view."""
    yield "all", ""
    yield "channel", view.channel
    yield "source", view.source
    yield "landing", view.page
    if view.campaign:
        yield "campaign", view.campaign
    if view.first:
        yield "first", view.first
