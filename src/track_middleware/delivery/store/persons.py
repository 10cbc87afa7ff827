"""One person's rows in a store, and what is remembered of persons that were erased."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ...errors import StoreError
from .database import Database
from .keys import key_of, short_key

_states = msgspec.json.Decoder(dict[str, str])

#: What a system's answer is called while it has not answered.
UNANSWERED = ("waiting", "needs you")

#: Rows that are looked at in one go.
_AT_ONCE = 1000

#: How often, and how long between, the WAL is tried while somebody reads it.
_TRIES = 100
_WAIT = 0.01

#: Ids of at least so many characters are looked for in what destinations said.
_TELLING = 6


@dataclass(frozen=True, slots=True)
class Chosen:
    """The last consent choice under a name (``user:ID``, ``visitor:ID``), by purpose."""

    subject: str
    states: Mapping[str, str]
    at: float


@dataclass(frozen=True, slots=True)
class Erasure:
    """Somebody's erasure. ``subject`` is a keyed hash; ``file``: where the ids lie that systems
    have still to be told ("" once all have answered, at ``done``); ``events``: how many went."""

    id: int
    subject: str
    asked: float
    file: str
    events: int
    done: float | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What one system said to an erasure: ``waiting`` (to be asked at ``due``), ``asked`` (it works
    on it), ``done``, ``refused``, ``needs you``, ``not asked``. ``part``: so many of its calls are
    answered; ``task``: by which it is asked how far it is."""

    system: str
    state: str
    words: str
    at: float
    part: int = 0
    task: str = ""
    attempts: int = 0
    due: float = 0.0


class Persons:
    """What a store keeps of one person, and of erasures."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def choices(self, subject: str) -> Sequence[Chosen]:
        """The last choice under a name; none where there was none."""
        rows = self._db.all("person_choices", (subject,))
        return [Chosen(name, _states.decode(states), at) for name, states, at in rows]

    def joins(self) -> Sequence[tuple[str, str]]:
        """Every visitor that turned out to be another, and that one."""
        return self._db.all("person_joins")

    def pieces(self, table: str) -> Iterator[list[Any]]:
        """All rows of ``log``, ``page``, ``waiting`` or ``dead``, a piece at a time; the first
        column is a row's key."""
        after: Any = "" if table == "page" else -1
        name = f"person_{table}" if table != "page" else "person_pages"
        while rows := self._db.all(name, (after, _AT_ONCE)):
            yield rows
            after = rows[-1][0]

    def originals(self, after: int) -> Iterator[Any]:
        """The events behind a position as they were accepted: position, body, id, ..."""
        while rows := self._db.all("person_log", (after, _AT_ONCE)):
            yield from rows
            after = rows[-1][0]

    def waits(self, position: int) -> Sequence[Any]:
        """What waits of one event: destination, state, attempts, reason."""
        return self._db.all("person_rows", (position,))

    def page(self, page: str) -> Any:
        """One page row: id, made, url, visitor, person, confirmed_at, position."""
        return self._db.all("person_page", (page,))[0]

    # What goes; each inside ``batch``.

    def drop_events(self, positions: Sequence[int], ids: Collection[str]) -> int:
        """Removes events and everything that refers to them; how many there were."""
        at = self._db.listed(positions)
        self._db.unpack(positions, gone=ids)
        known = [(key_of(row[0]),) for row in self._db.all("person_log_ids", (at,))]
        self._db.change_each("person_known_drop", known)
        self._db.change("person_delivery_drop", {"positions": at, "ids": self._db.listed(ids)})
        self._db.change("person_flight_drop", (at,))
        return self._db.change("person_log_drop", (at,))

    def drop(self, table: str, keys: Sequence[int] | Sequence[str]) -> int:
        """Removes rows of ``page`` or ``waiting`` by their keys."""
        return self._db.change(f"person_{table}_drop", (self._db.listed(keys),))

    def drop_names(self, subjects: Sequence[str], ids: Sequence[str]) -> None:
        """Removes choices, merges, and ids that destinations have repeated in their answers."""
        self._db.change("person_choices_drop", (self._db.listed(subjects),))
        self._db.change("person_records_drop", (self._db.listed(subjects),))
        self._db.change_each("history_drop", [(each,) for each in subjects])
        self._db.change("person_counted_drop", (self._db.listed(ids),))
        self._db.change_each("rollup_visitor_erase", [(short_key(each),) for each in ids])
        self._db.change("person_joins_drop", {"ids": self._db.listed(ids)})
        for each in ids:
            self._db.change("told_forget", {"subject": each})
            self._db.change("merge_forget", {"subject": each})
        self._db.change(
            "person_delivery_drop", {"positions": self._db.listed(()), "ids": self._db.listed(ids)}
        )
        self._db.change("person_delivery_promote")
        for each in ids:
            if len(each) >= _TELLING:
                for name in ("answers", "reasons", "waits"):
                    self._db.change(f"person_{name}_drop", {"id": each})

    # Tombstones.

    def any_tombstone(self) -> bool:
        """Whether anybody was erased."""
        return bool(self._db.all("tombstones_any"))

    def tombstones(self, names: Iterable[str]) -> dict[str, float | None]:
        """Those of these names that were erased, and up to which moment (None: for ever)."""
        return dict(self._db.all("tombstones", (self._db.listed(names),)))

    def entomb(self, names: Mapping[str, float | None]) -> None:
        """What bears one of these names is dropped from now on. Call inside ``batch``."""
        self._db.change_each("tombstone_add", list(names.items()))

    # Erasures.

    def begin(self, subject: str, at: float, file: str) -> int:
        """A new erasure; its number. Call inside ``batch``."""
        self._db.change("erasure_add", (subject, at, file))
        return int(self._db.value("erasure_number"))

    def erasures(self, subject: str | None = None) -> Sequence[Erasure]:
        """All erasures, or one person's, oldest first."""
        return [Erasure(*row) for row in self._db.all("erasures", {"subject": subject})]

    def open_erasures(self) -> Sequence[Erasure]:
        """Those that some system has not answered."""
        return [Erasure(*row) for row in self._db.all("erasures_open")]

    def counted(self, erasure: int, events: int) -> None:
        """So many more events of an erasure are gone. Call inside ``batch``."""
        self._db.change("erasure_counted", (events, erasure))

    def ended(self, erasure: int, at: float) -> None:
        """Every system has answered."""
        with self._db.batch():
            self._db.change("erasure_done", (at, erasure))

    def answer(self, erasure: int, *answers: Answered) -> None:
        """Writes what systems said, or are to be asked."""
        rows = [
            (erasure, each.system, each.state, each.words, each.at, each.part, each.task,
             each.attempts, each.due)
            for each in answers
        ]  # fmt: skip
        with self._db.batch():
            self._db.change_each("erasure_answer", rows)

    def answers(self, erasure: int) -> Sequence[Answered]:
        """What each system said, or is to be asked."""
        return [Answered(*row) for row in self._db.all("erasure_answers", (erasure,))]

    def due(self, system: str, now: float) -> Sequence[int]:
        """The erasures that a system is to be asked about."""
        return [row[0] for row in self._db.all("erasure_due", (system, now))]

    def drop_late(self, subjects: Sequence[str], ids: Sequence[str]) -> None:
        """Removes what was written of these names after everything was removed: by what was on its
        way to a destination. Nothing of it is left in the file."""
        self._db.overwrite_freed()
        with self._db.batch():
            self.drop_names(subjects, ids)

    def empty_wal(self) -> None:
        """Nothing of what was removed is left in the WAL. StoreError while somebody reads it."""
        for _ in range(_TRIES):
            with self._db.gate:
                if self._db.empty_wal():
                    return
            time.sleep(_WAIT)
        raise StoreError(f"the WAL of {self._db.name} is being read and cannot be emptied yet")

    def rewrite(self) -> None:
        """Writes the store anew, so that nothing of what was removed is left in its file. Needs as
        much free disk as the store has; StoreError when it cannot be done now."""
        self._db.rewrite()
