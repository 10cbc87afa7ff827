"""What each event of a batch is told of its person's past, as the batch goes into the store.

A person is the user, else the visitor. What a visitor did goes to the user once, with the first
event that names both: on a shared device the next user finds nothing of it. Bots, who is counted
without cookies, who has not consented (the record of a no, an order that a contract needs) and what
nobody is named in have no past, and what the store does not keep leaves none behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ..enrichment.history import Happening, History, Known, touch
from ..event import epoch
from .splice import UNREADABLE, several
from .store import NewRow
from .store.histories import Histories

#: The key of a context under which an event is told.
KEY = "history"


class _Says(msgspec.Struct, rename="camel", gc=False):
    timestamp: str = ""
    anonymous_id: str | None = None
    user_id: str | None = None
    previous_id: str | None = None
    properties: msgspec.Raw = msgspec.Raw()
    traits: msgspec.Raw = msgspec.Raw()
    context: msgspec.Raw = msgspec.Raw()


class _Context(msgspec.Struct, gc=False):
    session: Any = None
    cookieless: Any = None
    consent: Any = None

    @property
    def permits(self) -> bool:
        """Whether anything may be remembered of whom it is about."""
        said = self.consent if isinstance(self.consent, dict) else {}
        return not self.cookieless and said.get("analytics", "granted") == "granted"


_NO_CONTEXT = _Context()
_context = msgspec.json.Decoder(_Context)
_says = msgspec.json.Decoder(_Says)
_all_say = msgspec.json.Decoder(list[_Says])
_known = msgspec.json.Decoder(Known)
_mapping = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


class Past:
    """The pasts that one batch reads and moves on; use it inside the batch's transaction.

    ``counts`` says how many events were told nothing because they came too late.
    """

    def __init__(self, store: Histories, wanted: History) -> None:
        self._store = store
        self._wanted = wanted
        self._pasts: dict[str, Known] = {}
        self._dirty: set[str] = set()
        self._former: dict[str, list[str]] = {}
        self.counts: Counter[str] = Counter()

    def told(self, rows: Sequence[NewRow], *, passes: Callable[[NewRow], bool]) -> list[NewRow]:
        """The rows with what each is told, in order; their pasts are kept. ``passes``: whether the
        store does not keep a row. Rows that the log knows already are left as they are."""
        fresh = self._store.fresh(rows)
        says = several([row.repaired or row.body for row in rows], together=_all_say, single=_says)
        self._load(filter(None, says))
        made = [
            self._one(row, said, kept=not passes(row)) if place in fresh and said else row
            for place, (row, said) in enumerate(zip(rows, says, strict=True))
        ]
        self._write()
        return made

    def _load(self, says: Any) -> None:
        every = list(says)
        asked = {name for said in every for name in _subjects(said)}
        if not asked:
            return
        found = self._store.get(asked)
        for visitor, name, past in self._store.joined({e.anonymous_id for e in every} - {None}):
            found[name] = past
            self._former.setdefault(visitor, []).append(name)
        self._pasts = {name: _known.decode(past) for name, past in found.items()}

    def _one(self, row: NewRow, said: _Says, *, kept: bool) -> NewRow:
        context = _about(said.context)
        subjects = _subjects(said)
        if row.bot is not None or not subjects or not context.permits:
            return row
        subject = subjects[0]
        former = self._former.get(said.anonymous_id or "", ())
        known = self._gathered((*subjects, *former), keep=kept)
        about, after = self._wanted.told(known, _happening(row, said, context))
        if kept:
            self._pasts[subject] = after
            self._dirty.add(subject)
        if not about:
            self.counts["history_late"] += 1
            return row
        return msgspec.structs.replace(row, derived=_with(row.derived, _encode(about)))

    def _gathered(self, subjects: Sequence[str], *, keep: bool) -> Known | None:
        """A person's past, with what its other names have had so far, which is theirs no longer."""
        known = self._pasts.get(subjects[0])
        for other in subjects[1:]:
            past = self._pasts.get(other)
            if past is None:
                continue
            known = past if known is None else self._wanted.joined(known, past)
            if keep:
                del self._pasts[other]
                self._dirty.add(other)
        return known

    def _write(self) -> None:
        gone = [name for name in self._dirty if name not in self._pasts]
        kept = [(name, self._pasts[name]) for name in self._dirty if name in self._pasts]
        self._store.drop(gone)
        self._store.keep([(name, past.seen, _encode(past)) for name, past in kept])
        self._dirty.clear()


def _subjects(said: _Says) -> list[str]:
    """Whose an event is: the user, then by what other names the same person was known."""
    names = [f"user:{said.user_id}"] if said.user_id else []
    if said.anonymous_id and said.anonymous_id != said.user_id:
        names.append(f"visitor:{said.anonymous_id}")
    if names and said.previous_id and said.previous_id != said.user_id:
        names += [f"visitor:{said.previous_id}", f"user:{said.previous_id}"]
    return names


def _about(raw: msgspec.Raw) -> _Context:
    try:
        return _context.decode(raw) if raw else _NO_CONTEXT
    except UNREADABLE:
        return _NO_CONTEXT


def _happening(row: NewRow, said: _Says, context: _Context) -> Happening:
    session = context.session
    number = session.get("id") if isinstance(session, dict) else None
    values = said.traits if row.kind in ("identify", "group") else said.properties
    return Happening(
        row.label,
        _moment(row, said),
        number if isinstance(number, str) and number else None,
        lambda: touch({**_decoded(msgspec.Raw(row.derived or b"")), **_decoded(said.context)}),
        lambda: _decoded(values),
    )


def _moment(row: NewRow, said: _Says) -> float:
    """When it happened, and never later than it was accepted: a wrong clock would make everything
    behind it late."""
    try:
        return min(epoch(said.timestamp), row.accepted_at)
    except (ValueError, OverflowError):
        return row.accepted_at


def _decoded(raw: msgspec.Raw) -> Mapping[str, Any]:
    try:
        return _mapping.decode(raw) if bytes(raw) else {}
    except UNREADABLE:
        return {}


def _with(derived: bytes | None, told: bytes) -> bytes:
    member = b'"%b":%b}' % (KEY.encode(), told)
    if not derived or derived == b"{}":
        return b"{" + member
    return derived[:-1] + b"," + member
