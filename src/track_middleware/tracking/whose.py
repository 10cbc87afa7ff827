"""Whose something is, as the pieces of JSON that entries and events say it with.

What the cookies of a request say is said again and again: it is encoded once and kept with them.
"""

from __future__ import annotations

import msgspec

from ..event import Person
from .context import json, standing
from .session import Session
from .visitor import Visitor


class Whose(msgspec.Struct, frozen=True, gc=False):
    """Visitor, session and user. ``ids`` are an event's members that name them, each with a comma
    behind it; ``person`` is a ``Person``, empty without a visitor; ``standing`` are a context's
    members for session and campaigns, each behind a comma. ``user`` is the user in the first two.
    """

    user: str | None
    ids: bytes
    person: bytes
    standing: bytes


def whose(
    visitor: Visitor | None,
    session: Session | None,
    user: str | None,
    campaign: dict[str, str] | None,
) -> Whose:
    """What is said of these; ``campaign`` is the one that holds."""
    by_user = b'"userId":%b,' % json(user) if user is not None else b""
    if visitor is None:
        return Whose(user, by_user, b"", standing(session, campaign, None))
    said = standing(session, campaign, visitor.first)
    ids = b'"anonymousId":%b,%b' % (json(visitor.id), by_user)
    return Whose(user, ids, json(person(visitor, session, user)), said)


def person(visitor: Visitor, session: Session | None, user: str | None) -> Person:
    """The three as the worker shall know them."""
    if session is None:
        return Person(visitor.id, None, user, fresh=visitor.fresh, minted=visitor.minted)
    return Person(
        visitor.id, session.id, user, session.number, session.start, visitor.fresh, visitor.minted
    )


def migrated_by(said: Whose, tool: str) -> Whose:
    """The same, with a word on the tool that knew the visitor before."""
    standing = b'%b,"migrated":"%b"' % (said.standing, tool.encode())
    return msgspec.structs.replace(said, standing=standing)
