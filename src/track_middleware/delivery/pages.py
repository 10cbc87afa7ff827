"""The rules of a page view's two halves, and of whose a browser event is.

Functions over values; no I/O happens here.
"""

from __future__ import annotations

import uuid
from typing import Any, Literal

import msgspec

from ..event import (
    DOCTOR_AGENT,
    NAMESPACE,
    Event,
    PageRef,
    Person,
    derived_page_id,
    epoch,
    iso,
    wire_id,
)

#: A load this many seconds after its token was made is a view of its own.
LATE = 1800.0

#: So many seconds after a page its row no longer says whose its events are.
REMEMBERED = 7 * 86400.0

#: Two first visits within so many seconds may be two tabs of one browser.
TWO_TABS = 60.0

#: So many seconds lie at most between a service worker's copy and what it fetches besides.
MEANWHILE = 60.0

#: Stands for the load of a token that was first used too late to confirm its view.
EXPIRED = ""

#: What a load is to its token: the one that uses it up, the same again, or a view of its own.
Use = Literal["binds", "repeats", "own"]


def came_by_cache(page: PageRef | None, kind: str, event: Event) -> bool:
    """Whether a view is of a page that a shared cache may have kept; the doctor is no visitor."""
    is_doctor = DOCTOR_AGENT in str(_bag(event.context).get("userAgent"))
    return page is None and kind == "confirm" and not is_doctor


def use(page: PageRef, known: PageRef, happened: float) -> Use:
    """What the load of the token ``page`` is to the page view ``known``.

    ``known.load`` is the load so far; ``happened`` is the new load's own time by the corrected
    clock, in epoch seconds.
    """
    if known is not page and known.load is not None and known.load == page.load:
        return "repeats"
    if (known is not page and known.load) or happened - known.made > LATE:
        return "own"
    return "binds"


def is_spent(page: PageRef, known: PageRef | None) -> bool:
    """Whether a token cannot be that of the response which a service worker has just fetched: its
    page view ``known`` is not there, another load has used it up, or it is a kept copy's."""
    if known is None or known.load is not None:
        return known is None or known.load != page.load
    return known.counting == "shown"


def is_meanwhile(fetched: PageRef, page: PageRef, view: Event) -> bool:
    """Whether a service worker has asked the server for ``fetched`` when it delivered ``page``."""
    return fetched.id != page.id and abs(epoch(view.timestamp) - fetched.made) <= MEANWHILE


def own_id(page: PageRef) -> str:
    """The id of the view that a load is when it does not confirm its token's."""
    return derived_page_id(page.id, page.load or "")


def page_id(page: PageRef, bound: str | None) -> str:
    """The id of the view that an event with this token and load happened in."""
    if page.load is None or bound is None or bound == page.load:
        return page.id
    return derived_page_id(page.id, page.load)


def browser_page_id(event: Event, page: PageRef | None, bound: str | None, load: str) -> str:
    """The page id of a browser event.

    A view that the script made by itself (a route) has the script's id, which is unique within
    its load; so has the only view of a load without a token.
    """
    named = _page_of(event).get("id")
    if page is None:
        return wire_id(load, str(named or "view"))
    if named is None or named == page.id:
        return page_id(page, bound)
    return wire_id(load, str(named))


def is_waited_for(person: Person | None, *, known: bool, made: float, accepted: float) -> bool:
    """Whether a browser event waits for its page's row: there is none yet, or its mark is
    missing, and the page is young enough to have one. ``known``: the row's window is over."""
    return person is None and not known and accepted - made <= REMEMBERED


def same_browser(cookie: Person | None, page: Person | None, *, made: float, at: float) -> bool:
    """Whether two visitors are two tabs opened at once on a first visit.

    ``cookie`` presented at ``at`` the token that ``page``'s response made at ``made``. Both must
    have been minted by requests without a cookie, and neither may have a user.
    """
    if cookie is None or page is None or cookie.visitor == page.visitor:
        return False
    clean = cookie.fresh and page.fresh and cookie.user is None and page.user is None
    return clean and at - made <= TWO_TABS and abs(cookie.minted - page.minted) <= TWO_TABS


def owner(
    cookie: Person | None, page: Person | None, *, made: float, accepted: float, happened: float
) -> Person | None:
    """Whose a browser event is; None when nobody can say.

    The cookie decides when it names the page's visitor (then the session follows from the event's
    time), when the page's row is missing, and after seven days; otherwise the page's row.
    """
    if page is None or accepted - made > REMEMBERED:
        return cookie
    if cookie is None or cookie.visitor != page.visitor:
        return page
    if cookie.session is None or (page.session is not None and happened < cookie.start):
        return _in_session_of(cookie, page)
    return cookie


def leaving(person: Person | None, page: Person | None) -> Person | None:
    """Whose an event of ``PARTING`` is: it belongs to its page's session and opens none."""
    if person is None or page is None or person.visitor != page.visitor:
        return person
    return _in_session_of(person, page)


def _in_session_of(person: Person, page: Person) -> Person:
    return msgspec.structs.replace(
        person, session=page.session, number=page.number, start=page.start
    )


def one_off(event_id: str) -> str:
    """The visitor of an event that is nobody's: the same one however often it is drained."""
    return str(uuid.uuid5(NAMESPACE, f"nobody/{event_id}"))


def attributed(event: Event, person: Person | None, *, page: str, cookie: Person | None) -> Event:
    """A browser event as ``person``'s, in the page view ``page``.

    A user that the collector let through counts only where its cookie's visitor is the person.
    """
    own = cookie is not None and person is not None and cookie.visitor == person.visitor
    changed = msgspec.structs.replace(event)
    changed.anonymous_id = person.visitor if person else one_off(f"{page}/{event.message_id}")
    changed.user_id = event.user_id if own else person.user if person else None
    changed.context = _context(event, person, page)
    return changed


def moved(event: Event, person: Person) -> Event:
    """The server's half as another visitor's, after two tabs were joined."""
    changed = msgspec.structs.replace(event, anonymous_id=person.visitor)
    changed.context = _context(event, person, str(_page_of(event).get("id") or event.message_id))
    return changed


def view(event: Event, *, page: str, confirmed: bool) -> Event:
    """A page view as it enters the log: its message id is its page id."""
    changed = msgspec.structs.replace(event, message_id=page, type="page", event=None)
    changed.context = {
        **_bag(event.context),
        "page": {**_page_of(event), "id": page, "confirmed": confirmed},
    }
    return changed


def merged(server: Event, browser: Event) -> Event:
    """One page view of its two halves: the server's word, with what only the browser knows."""
    whole = msgspec.structs.replace(server)
    whole.context = _filled(_bag(server.context), _bag(browser.context))
    whole.properties = _filled(_bag(server.properties), _bag(browser.properties)) or None
    return whole


def place(url: str) -> str:
    """A URL's path and query, by which halves of the same document find each other."""
    rest = url.partition("#")[0].partition("://")[2]
    if not rest:
        return url.partition("#")[0]
    return "/" + rest.partition("/")[2]


def url_of(event: Event) -> str:
    """The URL of the page that an event happened in; "" when it says none."""
    return str(_page_of(event).get("url") or "")


def confirmed_by(event: Event) -> str:
    """What the browser's half of a view says besides: that a script ran, or that none runs."""
    return "noscript" if _page_of(event).get("noscript") else "confirmed"


def _filled(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """``first`` with what only ``second`` has, at every depth."""
    whole = {**second, **{name: value for name, value in first.items() if value is not None}}
    for name, value in first.items():
        other = second.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            whole[name] = _filled(value, other)
    return whole


def _context(event: Event, person: Person | None, page: str) -> dict[str, Any]:
    context = {**_bag(event.context), "page": {**_page_of(event), "id": page}}
    if person is not None and person.session is not None:
        start = iso(person.start)
        context["session"] = {"id": person.session, "number": person.number, "start": start}
    return context


def _page_of(event: Event) -> dict[str, Any]:
    return _bag(_bag(event.context).get("page"))


def _bag(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
