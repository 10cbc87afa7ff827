"""The drain's part of the ledger: pages, waiting entries, offsets, joins, choices, sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ...event import PageRef, Person
from . import ChoiceRecord, CountedSession, Merge, PageRow
from .database import Database

_ref_decoder = msgspec.json.Decoder(PageRef)
_person_decoder = msgspec.json.Decoder(Person)
_states_decoder = msgspec.json.Decoder(dict[str, str])


class IntakeRows:
    """``Intake`` as rows."""

    def __init__(self, connection: Database) -> None:
        self._db = connection

    def offsets(self) -> Mapping[str, int]:
        return dict(self._db.all("segments"))

    def moved(self, segment: str, offset: int) -> None:
        self._db.change("segment_moved", (segment, offset))

    def gone(self, segment: str) -> None:
        self._db.change("segment_forget", (segment,))

    def pages(self, ids: Iterable[str]) -> dict[str, PageRow]:
        rows = [page_of(row) for row in self._db.all("pages_get", (self._db.listed(ids),))]
        return {row.page.id: row for row in rows}

    def keep_pages(self, rows: Iterable[PageRow]) -> None:
        self._db.change_each("page_keep", [_page_values(row) for row in rows])

    def pages_due(self, before: float, limit: int) -> Sequence[PageRow]:
        return [page_of(row) for row in self._db.all("pages_due", (before, limit))]

    def newest_unconfirmed(self, visitor: str, url: str) -> PageRow | None:
        rows = self._db.all("page_unconfirmed", (visitor, url))
        return page_of(rows[0]) if rows else None

    def wait(self, page: str, due: float, entry: bytes) -> None:
        self._db.change("wait", (page, due, entry))

    def is_ready(self, before: float) -> bool:
        return self._db.value("waiting_first", (before,)) is not None

    def ready(self, before: float, limit: int) -> Sequence[bytes]:
        rows = self._db.all("waiting_ready", (before, limit))
        self._db.change_each("waiting_done", [(number,) for number, _ in rows])
        return [entry for _, entry in rows]

    def note_views(self, notes: Iterable[tuple[int, str]]) -> None:
        self._db.change_each("view_note_add", notes)

    def not_kept(self, positions: Iterable[int]) -> None:
        self._db.change_each("unstored_add", [(position,) for position in positions])

    def joined(self, visitors: Iterable[str]) -> dict[str, str]:
        return dict(self._db.all("joined", (self._db.listed(visitors),)))

    def join(self, visitor: str, same_as: str, at: float) -> None:
        self._db.change("join_follow", (same_as, visitor))
        self._db.change("join", (visitor, same_as, at))
        self.merged([Merge(visitor, "", same_as, at, "", "join")])

    def merged(self, merges: Iterable[Merge]) -> None:
        self._db.change_each("merge_add", [each[:6] for each in merges])

    def any_choice(self) -> bool:
        return bool(self._db.all("choices_any"))

    def choices(self, subjects: Iterable[str]) -> dict[str, dict[str, str]]:
        rows = self._db.all("choices", (self._db.listed(subjects),))
        return {subject: _states_decoder.decode(states) for subject, states in rows}

    def choose(self, subject: str, states: Mapping[str, str], at: float) -> None:
        self._db.change("choose", (subject, msgspec.json.encode(states), at))

    def adopt(self, subject: str, states: Mapping[str, str]) -> bool:
        return self._db.change("choice_adopt", (subject, msgspec.json.encode(states))) > 0

    def record(self, record: ChoiceRecord) -> None:
        states = msgspec.json.encode(record.states)
        values = (record.subject, record.at, states, record.version, record.source, record.event_id)
        self._db.change("choice_record", values)

    def choice_history(self, subject: str) -> Sequence[ChoiceRecord]:
        return [
            ChoiceRecord(whose, at, _states_decoder.decode(states), *said)
            for whose, at, states, *said in self._db.all("choice_history", (subject,))
        ]

    def counted_session(self, visitor: str) -> CountedSession | None:
        rows = self._db.all("counted_session", (visitor,))
        return CountedSession(*rows[0]) if rows else None

    def keep_counted_sessions(self, sessions: Iterable[CountedSession]) -> None:
        self._db.change_each("counted_session_keep", map(msgspec.structs.astuple, sessions))

    def salt(self, day: str, proposed: bytes) -> bytes:
        self._db.change("salt_propose", (day, proposed))
        return bytes(self._db.value("salt", (day,)))

    def forget_salts(self, before: str, seen: float) -> bool:
        self._db.overwrite_freed()
        self._db.change("counted_sessions_forget", (seen,))
        return self._db.change("salts_forget", (before,)) > 0

    def cleaned(self) -> bool:
        return self._db.empty_wal()

    def tally(
        self, pages: Mapping[tuple[str, str], int], events: Mapping[tuple[str, str], int]
    ) -> None:
        self._db.change_each("rollup_add", [(*key, count) for key, count in pages.items()])
        self._db.change_each("event_count_add", [(*key, count) for key, count in events.items()])


def page_of(row: Sequence[Any]) -> PageRow:
    """A page row as its columns say."""
    ref, person, url, half, due, confirmed_at, position = row
    return PageRow(
        page=_ref_decoder.decode(ref),
        person=_person_decoder.decode(person) if person is not None else None,
        url=url,
        half=half,
        due=due,
        confirmed_at=confirmed_at,
        position=position,
    )


def _page_values(row: PageRow) -> tuple[object, ...]:
    person = row.person
    return (
        row.page.id, msgspec.json.encode(row.page), row.page.made,
        msgspec.json.encode(person) if person else None, person.visitor if person else None,
        row.url, row.half, row.due, row.confirmed_at, row.position,
    )  # fmt: skip
