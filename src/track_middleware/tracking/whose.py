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

    ``user`` is what the app says by itself where there is no visitor. The rest is JSON: ``ids`` an
    event's members, each with a comma behind it; ``told`` a context's, of session and campaigns,
    and ``mark`` an entry's, each with a comma before it.
    """

    user: str | None
    ids: str
    told: str
    mark: str

    def standing(self) -> dict[str, Any]:
        """What a context says of session and campaigns, by its keys."""
        members: dict[str, Any] = msgspec.json.decode(f"{{{self.told[1:]}}}")
        return members


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
    told = ""
    if session is not None:
        start = iso(session.start)
        told = (
            f',"session":{{"id":{quoted(session.id)},"number":{session.number},"start":"{start}"}}'
        )
    touch = json(campaign).decode() if campaign else ""
    if touch:
        told += f',"campaign":{touch}'
    if visitor is None:
        return Whose(user, ids, told, "")
    if visitor.first is not None:
        first = touch if visitor.first is campaign else json(visitor.first).decode()
        told += f',"firstCampaign":{first}'
    if migrated is not None:
        told += f',"migrated":{quoted(migrated)}'
    them = person_of(visitor, session, user)
    ids = f'"anonymousId":{quoted(visitor.id)},{ids}'
    return Whose(user, ids, told, f',"person":{json(them).decode()}')


def newcomers(visitor: str, session: Session, campaign: dict[str, str], touch: str) -> Whose:
    """The same for a visitor who is new, and their session; ``touch`` is the campaign's JSON, ""
    where there is none. All but that is known, and ids of our own need no quoting."""
    own, began, first = session.id, session.start, session.campaign
    told = f',"session":{{"id":"{own}","number":1,"start":"{iso(began)}"}}'
    if touch:
        told = f'{told},"campaign":{touch}'
        if first is not None:
            kept = touch if first is campaign else json(first).decode()
            told = f'{told},"firstCampaign":{kept}'
    mark = (
        f',"person":{{"visitor":"{visitor}","session":"{own}","start":{began},"fresh":true,'
        f'"minted":{began}}}'
    )
    return Whose(None, f'"anonymousId":"{visitor}",', told, mark)


def person_of(visitor: Visitor, session: Session | None, user: str | None) -> Person:
    """The three as the worker shall know them."""
    if session is None:
        return Person(visitor.id, None, user, fresh=visitor.fresh, minted=visitor.minted)
    return Person(
        visitor.id, session.id, user, session.number, session.start, visitor.fresh, visitor.minted
    )
