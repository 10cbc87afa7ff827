"""Whose something is, ready for entries and events to say.

What the cookies of a request say is said again and again: it is made once and kept with them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..event import Person, iso, quoted
from .session import Session
from .visitor import Visitor

json = msgspec.json.Encoder().encode


class Whose(msgspec.Struct, frozen=True, gc=False):
    """Visitor, session and user, and how entries, events and contexts name them.

    ``person`` is None without a visitor; ``user`` is then what the app says by itself. The rest is
    JSON: ``ids`` an event's members, each with a comma behind it; ``told`` a context's, of session
    and campaigns, and ``mark`` an entry's, each with a comma before it.
    """

    person: Person | None
    user: str | None
    ids: str
    told: str
    mark: str

    def standing(self) -> dict[str, Any]:
        """What a context says of session and campaigns, by its keys."""
        members: dict[str, Any] = msgspec.json.decode(f"{{{self.told[1:]}}}")
        return members


class _Session(msgspec.Struct, gc=False):
    """A session as a context tells of it."""

    id: str
    number: int
    start: str


class _Standing(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """What a context says of session and campaigns; ``migrated``: the tool that knew the visitor
    before."""

    session: _Session | None = None
    campaign: dict[str, str] | None = None
    first_campaign: dict[str, str] | None = None
    migrated: str | None = None


def whose(
    visitor: Visitor | None,
    session: Session | None,
    user: str | None,
    campaign: dict[str, str] | None,
    migrated: str | None = None,
) -> Whose:
    """What is said of these; ``campaign`` is the one that holds, ``migrated`` the tool that knew
    the visitor before."""
    ids = f'"userId":{quoted(user)},' if user is not None else ""
    standing = _Standing(campaign=campaign or None)
    if session is not None:
        standing.session = _Session(session.id, session.number, iso(session.start))
    if visitor is not None:
        standing.first_campaign, standing.migrated = visitor.first, migrated
    told = json(standing).decode()[1:-1]
    told = told and f",{told}"
    if visitor is None:
        return Whose(None, user, ids, told, "")
    them = person_of(visitor, session, user)
    ids = f'"anonymousId":{quoted(visitor.id)},{ids}'
    return Whose(them, user, ids, told, f',"person":{json(them).decode()}')


def person_of(visitor: Visitor, session: Session | None, user: str | None) -> Person:
    """The three as the worker shall know them."""
    if session is None:
        return Person(visitor.id, None, user, fresh=visitor.fresh, minted=visitor.minted)
    return Person(
        visitor.id, session.id, user, session.number, session.start, visitor.fresh, visitor.minted
    )
