"""Whose something is, ready for entries and events to say.

What the cookies of a request say is said again and again: it is made once and kept with them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..event import Person, iso
from .session import Session
from .visitor import Visitor

json = msgspec.json.Encoder().encode


class Whose(msgspec.Struct, frozen=True, gc=False):
    """Visitor, session and user, and what a context says of session and campaigns, as JSON.

    ``person`` is None without a visitor; ``user`` is then what the app says by itself.
    ``campaign`` is the one that holds, ``first`` the visitor's first one, ``migrated`` the tool
    that knew the visitor before.
    """

    person: Person | None
    user: str | None
    session: msgspec.Raw | None = None
    campaign: msgspec.Raw | None = None
    first: msgspec.Raw | None = None
    migrated: str | None = None

    def standing(self) -> dict[str, Any]:
        """What a context says of session and campaigns, by its keys."""
        said = {"session": self.session, "campaign": self.campaign, "firstCampaign": self.first}
        known = {name: msgspec.json.decode(each) for name, each in said.items() if each is not None}
        return known if self.migrated is None else {**known, "migrated": self.migrated}


def whose(
    visitor: Visitor | None,
    session: Session | None,
    user: str | None,
    campaign: dict[str, str] | None,
    migrated: str | None = None,
) -> Whose:
    """What is said of these; ``campaign`` is the one that holds."""
    about = None
    if session is not None:
        said = {"id": session.id, "number": session.number, "start": iso(session.start)}
        about = msgspec.Raw(json(said))
    touch = msgspec.Raw(json(campaign)) if campaign else None
    if visitor is None:
        return Whose(None, user, about, touch)
    first = None
    if visitor.first is not None:
        first = touch if visitor.first is campaign else msgspec.Raw(json(visitor.first))
    return Whose(person(visitor, session, user), user, about, touch, first, migrated)


def person(visitor: Visitor, session: Session | None, user: str | None) -> Person:
    """The three as the worker shall know them."""
    if session is None:
        return Person(visitor.id, None, user, fresh=visitor.fresh, minted=visitor.minted)
    return Person(
        visitor.id, session.id, user, session.number, session.start, visitor.fresh, visitor.minted
    )
