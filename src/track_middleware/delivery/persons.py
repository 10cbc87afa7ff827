"""Whose kept data is, for one person: the rule, and how a person's visitors are found.

A user's are the events that say so, and those without a user of visitors that only ever had this
one: what somebody else did on a shared device stays. A visitor's are all of its events. No I/O
happens here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from ..event import PageRef, Person
from .splice import UNREADABLE
from .store.who import Merge

Kind = Literal["user", "visitor"]


class Names(msgspec.Struct, rename="camel", gc=False):
    """The ids that an event names, and when it happened."""

    user_id: str | None = None
    anonymous_id: str | None = None
    previous_id: str | None = None
    timestamp: str = ""
    context: msgspec.Raw = msgspec.Raw()

    @property
    def claimed(self) -> str | None:
        """The user that a browser claimed to be and nobody confirmed."""
        if b'"claimedUserId"' not in bytes(self.context):
            return None
        try:
            return _claims.decode(self.context).claimed_user_id
        except UNREADABLE:
            return None


class _Claim(msgspec.Struct, rename="camel", gc=False):
    claimed_user_id: str | None = None


class Held(msgspec.Struct, rename="camel", gc=False):
    """The part of a spool entry that says whose it is."""

    kind: str = ""
    at: float = 0.0
    event: Names | None = None
    person: Person | None = None
    page: PageRef | None = None
    raw: str | None = None

    @property
    def names(self) -> list[Names]:
        """Whose its event is, and whose the page or the cookie beside it."""
        found = [self.event] if self.event else []
        if self.person is not None:
            when = self.event.timestamp if self.event else ""
            found.append(Names(self.person.user, self.person.visitor, timestamp=when))
        return found + (worded(self.raw.encode()) if self.raw else [])


_claims = msgspec.json.Decoder(_Claim)
_names = msgspec.json.Decoder(Names)
_names_list = msgspec.json.Decoder(list[Names])
_held = msgspec.json.Decoder(Held)


@dataclass(frozen=True, slots=True)
class Subject:
    """One person: the ids whose data is that person's.

    ``given``: the id that was named. ``shared``: visitors that had other users too, of which only
    what names this user is meant. ``known``: what vendors' own scripts call these visitors, by the
    name of their cookie.
    """

    given: str
    kind: Kind
    users: frozenset[str] = frozenset()
    visitors: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def ids(self) -> frozenset[str]:
        """Every id that is this person's alone."""
        return self.users | self.visitors

    def owns(self, names: Iterable[Names]) -> bool:
        """Whether something that names these is this person's."""
        return any(
            each.user_id in self.users
            or each.anonymous_id in self.visitors
            or each.previous_id in self.ids
            or (bool(self.users) and each.claimed in self.users)
            for each in names
        )


class Gathering:
    """Finds a person in two passes over everything kept: ``look`` at each piece, then ``check``
    each, then ``subject``. Holds the person's own visitors, and nothing of anybody else."""

    def __init__(self, given: str) -> None:
        self._given = given
        self._visitors: set[str] = set()
        self._same: set[str] = set()
        self._shared: set[str] = set()
        self.kinds: set[Kind] = set()

    def look(self, names: Iterable[Names]) -> None:
        """First pass: which visitors had this user."""
        for each in names:
            if each.user_id == self._given:
                self.kinds.add("user")
                self._visitors.update(filter(None, (each.anonymous_id, each.previous_id)))
            if self._given in (each.anonymous_id, each.previous_id):
                self.kinds.add("visitor")

    def join(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Visitors that turned out to be the same."""
        self._same.add(self._given)
        for known in (self._visitors, self._same):
            while new := {a for pair in pairs for a in pair if not known.isdisjoint(pair)} - known:
                known |= new

    def merged(self, merges: Iterable[Merge]) -> None:
        """What the journal says of this id; a merge that was undone says nothing."""
        for each in merges:
            if each.undone_at is not None:
                continue
            if each.user == self._given:
                self.kinds.add("user")
                self._visitors.add(each.visitor)
            elif each.visitor == self._given:
                self.kinds.add("visitor")
                self._same.update(filter(None, (each.same_as,)))
            elif each.same_as == self._given:
                self.kinds.add("visitor")
                self._same.add(each.visitor)

    def check(self, names: Iterable[Names]) -> None:
        """Second pass: which of them had another user as well."""
        for each in names:
            if each.user_id and each.user_id != self._given:
                named = {each.anonymous_id or "", each.previous_id or ""}
                self._shared.update(named & self._visitors)

    def subject(self, kind: Kind) -> Subject:
        """Who it is. A visitor's own id is meant whoever else used it."""
        only = frozenset((self._given,))
        if kind == "visitor":
            return Subject(self._given, kind, visitors=only | self._same)
        own, shared = frozenset(self._visitors - self._shared), frozenset(self._shared)
        return Subject(self._given, kind, only, own, shared)


class _Own(msgspec.Struct, gc=False):
    id: str | None = None


class _Google(msgspec.Struct, rename="camel", gc=False):
    client_id: str | None = None


class _Derived(msgspec.Struct, rename="camel", gc=False):
    vendor_ids: dict[str, _Own] = msgspec.field(default_factory=dict)
    ga: _Google = msgspec.field(default_factory=_Google)


_derived = msgspec.json.Decoder(_Derived)

#: Google's cookie, as ``Subject.known`` names it.
GOOGLE = "_ga"


def vendors_ids(derived: bytes) -> dict[str, str]:
    """What vendors' own cookies called the visitor, by the cookie's name, from what enrichment
    derived of an event."""
    try:
        told = _derived.decode(derived)
    except UNREADABLE:
        return {}
    found = {cookie: own.id for cookie, own in told.vendor_ids.items() if own.id}
    return {**found, GOOGLE: told.ga.client_id} if told.ga.client_id else found


def named(body: bytes) -> list[Names]:
    """The ids that an event's JSON names; none where it is no event."""
    try:
        return [_names.decode(body)]
    except UNREADABLE:
        return []


def named_each(bodies: Sequence[bytes]) -> list[list[Names]]:
    """The same of many; one call where all are events."""
    try:
        return [[each] for each in _names_list.decode(b"[" + b",".join(bodies) + b"]")]
    except UNREADABLE:
        return [named(body) for body in bodies]


def entry(raw: bytes) -> Held:
    """What a spool entry says of whose it is; an empty one where it is none."""
    try:
        return _held.decode(raw)
    except UNREADABLE:
        return Held()


def held(raw: bytes) -> list[Names]:
    """The ids that a spool entry names."""
    return entry(raw).names or worded(raw)


_WORD = re.compile(
    rb'"(userId|anonymousId|previousId|visitor|user|claimedUserId|user_id|anonymous_id)"\s*:\s*'
    rb'("(?:[^"\\]|\\.){1,500}")'
)


def _user(text: str) -> Names:
    return Names(text)


def _visitor(text: str) -> Names:
    return Names(anonymous_id=text)


def _previous(text: str) -> Names:
    return Names(previous_id=text)


_MAKES = {
    b"anonymousId": _visitor, b"visitor": _visitor, b"anonymous_id": _visitor,
    b"previousId": _previous,
}  # fmt: skip


def worded(raw: bytes) -> list[Names]:
    """The ids in something that was refused: by the names of its keys, whatever else it is."""
    found = []
    for key, word in _WORD.findall(raw):
        try:
            text = msgspec.json.decode(word, type=str)
        except UNREADABLE:
            continue
        found.append(_MAKES.get(key, _user)(text))
    return found
