"""One person's data: who is meant, what is kept, and the request to erase it."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from ..delivery import ids, tombstones
from ..delivery.belongings import Piece, Read, belonging, gathered, kept
from ..delivery.erasing import HERE
from ..delivery.persons import Kind, Subject, vendors_ids
from ..delivery.store import ChoiceRecord
from ..delivery.store.persons import Answered, Chosen, Erasure
from ..delivery.store.who import Merge
from ..delivery.store.whole import Store
from ..errors import TrackError
from ..event import iso

#: The version of an export's shape.
FORMAT = 1

#: Where a row of the log, as ``persons.pieces`` gives it, has what was derived.
_DERIVED = 4

#: The columns of a page row, as ``persons.page`` gives them.
_PAGE = ("id", "made", "url", "visitor", "person", "confirmedAt", "position")


class AmbiguousError(TrackError):
    """The id is a user's and a visitor's: say --user or --visitor."""


@dataclass(slots=True)
class Belongings:
    """What is kept of one person: so many pieces in each place, the choices and merges,
    and under which names a past is remembered. ``subject`` knows here what vendors call the
    person."""

    subject: Subject
    pieces: Counter[str] = field(default_factory=Counter)
    choices: Sequence[Chosen] = ()
    pasts: Mapping[str, bytes] = field(default_factory=dict)
    merges: Sequence[Merge] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is kept."""
        return not (self.pieces or self.choices or self.merges or self.pasts)


class Folder:
    """A data folder, read for one person. ``outbox`` reads what waits in the app's database."""

    def __init__(
        self,
        store: Store | None,
        data_dir: Path,
        *,
        outbox: Callable[[], Iterable[bytes]] = tuple,
    ) -> None:
        self._store = store
        self._read: Read = lambda: kept(store, data_dir, outbox=outbox())

    def who(self, given: str, kind: Kind | None) -> Subject:
        """The person of an id; a user where nothing is known of it. AmbiguousError when it is both
        a user's and a visitor's."""
        found = gathered(self._read, self._store, given)
        if kind is None and len(found.kinds) > 1:
            raise AmbiguousError(f"{given} is a user's id and a visitor's: say --user or --visitor")
        only: Kind = "visitor" if found.kinds == {"visitor"} else "user"
        return found.subject(kind or only)

    def of(self, subject: Subject) -> Belongings:
        """How much is kept of a person, and where."""
        found = Belongings(subject)
        known: dict[str, set[str]] = {}
        for piece in belonging(self._read, subject):
            found.pieces[piece.where] += 1
            if piece.where == "log":
                for cookie, name in vendors_ids(piece.row[_DERIVED] or b"{}").items():
                    known.setdefault(cookie, set()).add(name)
        ids_of = {cookie: sorted(each) for cookie, each in known.items()}
        found.subject = replace(subject, known=ids_of)
        if self._store:
            found.choices = self._choices(subject)
            found.pasts = self._store.histories.get(names_of(subject))
            found.merges = self._merges(subject)
        return found

    def export(self, subject: Subject, *, now: float) -> Iterator[bytes]:
        """All of it as one JSON document, a line at a time (docs/subject.md has its shape)."""
        head = {"format": FORMAT, "exportedAt": iso(now), "subject": told(subject)}
        yield msgspec.json.encode(head)[:-1] + b',"items":[\n'
        comma = b""
        for item in self._items(subject):
            yield comma + msgspec.json.encode(item)
            comma = b",\n"
        yield b"\n]}\n"

    def _items(self, subject: Subject) -> Iterator[dict[str, Any]]:
        for piece in belonging(self._read, subject):
            yield self._item(piece)
        if self._store:
            for name in names_of(subject):
                for record in self._store.intake.choice_history(name):
                    yield {"kind": "choice", **chosen(record)}
            for name, past in self._store.histories.get(names_of(subject)).items():
                yield {"kind": "history", "subject": name, "known": _raw(past)}
            for merge in self._merges(subject):
                yield {"kind": "merge", **merged(merge)}

    def _item(self, piece: Piece) -> dict[str, Any]:
        row = piece.row
        if piece.where in ("spool", "outbox"):
            return {"kind": "entry", "where": piece.where, "entry": _raw(row)}
        if piece.where == "waiting":
            return {"kind": "entry", "where": "waiting", "entry": _raw(row[1])}
        if piece.where == "dead":
            names = ("id", "stage", "body", "destination", "messageId", "event", "time", "reason")
            letter = dict(zip(names, row, strict=True))
            return {"kind": "letter", **letter, "time": iso(row[6]), "body": _raw(row[2])}
        assert self._store is not None
        if piece.where == "page":
            page = dict(zip(_PAGE, self._store.persons.page(piece.key), strict=True))
            half = {"half": _raw(row[2])} if row[2] else {}
            return {"kind": "page", **page, "person": _raw(page["person"] or b"null"), **half}
        position, body, event_id, at, derived, repaired = row
        waits = [
            dict(zip(("destination", "state", "attempts", "reason"), each, strict=True))
            for each in self._store.persons.waits(position)
        ]
        return {
            "kind": "event", "where": "log", "position": position, "messageId": event_id,
            "acceptedAt": iso(at), "event": _raw(body), "derived": _raw(derived or b"{}"),
            **({"repaired": _raw(repaired)} if repaired else {}), "waits": waits,
        }  # fmt: skip

    def _choices(self, subject: Subject) -> list[Chosen]:
        assert self._store is not None
        return [each for name in names_of(subject) for each in self._store.persons.choices(name)]

    def _merges(self, subject: Subject) -> list[Merge]:
        assert self._store is not None
        found = [each for id_ in sorted(subject.ids) for each in self._store.merges.of(id_)]
        return list(dict.fromkeys(found))


def asked(store: Store, key: bytes, subject: Subject) -> Erasure | None:
    """The last erasure of a person; None where there was none."""
    found = store.persons.erasures(_hash(key, subject))
    return found[-1] if found else None


def ask(
    store: Store,
    data_dir: Path,
    subject: Subject,
    *,
    key: bytes,
    systems: Iterable[str],
    now: float,
) -> int:
    """Asks for a person's erasure, which the worker carries out; its number.

    From this moment on nothing of the person is stored any more. ``key`` is the data folder's
    secret, ``systems`` are the destinations' names.
    """
    file = secrets.token_hex(8)
    ids.keep(data_dir, file, subject)  # first: an erasure without ids could tell nobody
    graves: dict[str, float | None] = {
        tombstones.name(key, "user", each): now for each in subject.users
    }
    graves |= {tombstones.name(key, "visitor", each): None for each in subject.visitors}
    with store.batch():
        number = store.persons.begin(_hash(key, subject), now, file)
        store.persons.entomb(graves)
        store.persons.answer(number, *_first_answers(systems, now))
    return number


def _first_answers(systems: Iterable[str], now: float) -> Iterator[Answered]:
    """Each waits, also one that cannot be asked: its own thread says so, once nothing of the person
    is on its way there any more."""
    return (Answered(name, "waiting", "", now, due=now) for name in (HERE, *systems))


def _hash(key: bytes, subject: Subject) -> str:
    return tombstones.name(key, f"subject:{subject.kind}", subject.given)


def names(given: str, *, kind: Kind | None = None) -> list[str]:
    """The names under which the ledger may keep what this id chose: ``user:ID``, ``visitor:ID``."""
    return [f"{each}:{given}" for each in ("user", "visitor") if kind in (None, each)]


def names_of(subject: Subject) -> list[str]:
    """The names under which the ledger keeps a person's choices."""
    users = [f"user:{each}" for each in sorted(subject.users)]
    return users + [f"visitor:{each}" for each in sorted(subject.visitors)]


def told(subject: Subject) -> dict[str, Any]:
    """Who is meant, as JSON has it."""
    ids = {name: sorted(getattr(subject, name)) for name in ("users", "visitors", "shared")}
    return {"kind": subject.kind, **ids}


def chosen(each: ChoiceRecord) -> dict[str, Any]:
    """A choice, as JSON has it."""
    return {
        "subject": each.subject, "at": iso(each.at), "states": each.states,
        "version": each.version, "source": each.source, "messageId": each.event_id,
    }  # fmt: skip


def merged(each: Merge) -> dict[str, Any]:
    """A line of the merge journal, as JSON has it."""
    undone = None if each.undone_at is None else iso(each.undone_at)
    return {
        "visitor": each.visitor, "user": each.user, "sameAs": each.same_as, "at": iso(each.at),
        "how": each.how, "messageId": each.event_id, "undoneAt": undone,
    }  # fmt: skip


def _raw(content: bytes) -> Any:
    """JSON as it stands; anything else, as the door may have got it, as text."""
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return bytes(content).decode("utf-8", "replace")
    return msgspec.Raw(content)
