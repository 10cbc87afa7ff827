"""One transaction of the drain: frames of the spool become rows of the log and the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec

from ..event import EntryKind, Event, decode_event, wire_id
from .finish import Finisher
from .frames import Frame, Rules, decode_frame, subjects
from .halves import Halves
from .store import DeadLetter, Intake, NewRow, PageRow

_unreadable = (msgspec.DecodeError, UnicodeDecodeError, ValueError)

#: What a mistake of ours about one frame raises; StoreError and OSError are nobody's fault.
MISTAKES = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError,
    ValueError, msgspec.MsgspecError,
)  # fmt: skip


#: How the reason of a whole frame's dead letter begins, and of no letter of the collector's.
CANNOT_BE_STORED = "it cannot be stored: "


class Batch:
    """Takes frames and due halves, and holds what must be written for them.

    Use it inside one transaction of the store: ``take`` and ``end_windows``, then append ``rows``
    and bury ``letters``, then ``finish`` with the positions that the rows got.
    """

    def __init__(self, intake: Intake, finisher: Finisher, rules: Rules) -> None:
        self._intake = intake
        self._finisher = finisher
        self._rules = rules
        self._choices: dict[str, dict[str, str]] = {}
        self._views: Counter[tuple[str, str]] = Counter()
        self._halves = Halves(intake, finisher, rules, append=self._append, count=self._count_views)
        self.rows: list[NewRow] = []
        self.letters: list[DeadLetter] = []
        self.counts: Counter[str] = Counter()
        self._take: dict[EntryKind, Callable[[Frame, bytes], None]] = {
            "event": self._event, "view": self._view, "mark": self._halves.mark,
            "served": self._served, "confirm": self._halves.confirm,
            "browser": self._halves.browser, "choice": self._choice, "door": self._door,
        }  # fmt: skip

    def take(self, raw_frames: Iterable[bytes]) -> None:
        """Frames as they came, in order. One that is no entry is counted and left out."""
        frames: list[tuple[Frame, bytes]] = []
        for raw in raw_frames:
            try:
                frames.append((decode_frame(raw), raw))
            except _unreadable:
                self.counts["not_an_entry"] += 1
        self._prepare([frame for frame, _ in frames])
        for frame, raw in frames:
            try:
                self._take[frame.kind](frame, raw)
            except _unreadable:
                self.counts["not_an_entry"] += 1

    def take_ready(self, raw_frames: Sequence[bytes]) -> None:
        """Browser entries that need not, or must not, wait for their page any longer."""
        self._halves.patient = False
        self.take(raw_frames)
        self._halves.patient = True

    def end_windows(self, rows: Iterable[PageRow]) -> None:
        """Page views whose other half has not come in time take their place as they are."""
        self._halves.end_windows(rows)

    def finish(self, positions: Mapping[str, int]) -> None:
        """Writes the ledger's side of everything taken."""
        self._halves.finish(positions)
        day = self._rules.day
        events = Counter(
            [(day(row.accepted_at), row.label) for row in self.rows if row.event_id in positions]
        )
        self._intake.tally(self._views, events)
        self.counts["duplicate"] += len(self.rows) - len(positions)
        self.counts.update(self._finisher.counts)
        self._finisher.counts.clear()

    def bury(self, raw: bytes, *, at: float, reason: str) -> None:
        """A frame that cannot be stored becomes a dead letter, as it is."""
        self.letters.append(DeadLetter(0, "door", "", "", "", at, reason, raw))

    def _prepare(self, frames: Sequence[Frame]) -> None:
        self._halves.prepare(frames)
        loose = [frame for frame in frames if frame.kind == "event" and frame.consent is None]
        asked: set[str] = set()
        for frame in loose:
            with suppress(msgspec.DecodeError):  # its own turn says so
                asked.update(subjects(frame))
        asked -= self._choices.keys()
        if asked:
            self._choices.update(self._intake.choices(asked))

    def _event(self, frame: Frame, raw: bytes) -> None:
        event = decode_event(frame.event)
        event_id = wire_id(frame.origin, event.message_id)
        if frame.consent is not None:
            self._add(event, frame, event_id, body=bytes(frame.event))
            return
        states = self._chosen(frame)
        if states.get("analytics") != "granted":
            self.counts["consent"] += 1
            return
        context = event.context if isinstance(event.context, dict) else {}
        event.context = {**context, "consent": states}
        self._add(event, frame, event_id, body=None)

    def _append(self, event: Event, frame: Frame) -> None:
        self._add(event, frame, event.message_id, body=None)

    def _add(self, event: Event, frame: Frame, event_id: str, *, body: bytes | None) -> None:
        derived = self._finisher.derived(event, frame.facts)
        row = self._finisher.row(event, event_id=event_id, at=frame.at, derived=derived, body=body)
        if row is not None:
            self.rows.append(row)

    def _chosen(self, frame: Frame) -> dict[str, str]:
        """What the user (else the visitor) of an event made outside a request last chose."""
        known = (self._choices.get(subject) for subject in subjects(frame))
        return next(filter(None, known), self._rules.default_consent)

    def _choice(self, frame: Frame, raw: bytes) -> None:
        states = frame.consent or {}
        for subject in subjects(frame):
            self._intake.choose(subject, states, frame.at)
            self._choices[subject] = states
        self._event(frame, raw)

    def _view(self, frame: Frame, raw: bytes) -> None:
        if frame.page is None or frame.person is None:
            self._event(frame, raw)
        else:
            self._halves.view(frame, raw)

    def _served(self, frame: Frame, raw: bytes) -> None:
        self._count_views(frame.at, "served", 1)

    def _door(self, frame: Frame, raw: bytes) -> None:
        body = (frame.raw or "").encode()
        why = frame.reason or "refused"
        self.letters.append(DeadLetter(0, "door", "", "", "", frame.at, why, body))

    def _count_views(self, at: float, name: str, number: int) -> None:
        self._views[self._rules.day(at), name] += number
