"""One transaction of the drain: frames of the spool become rows of the log and the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from ..event import EntryKind, Event, decode_event, wire_id
from .bare import Bares, with_member
from .choices import Choices
from .counted import Sessions
from .decoded import Decoded, Taken, decoded
from .finish import Finisher, Version
from .frames import Frame, Rules, Who, decode_frame, who
from .halves import Halves
from .journal import Journal
from .numbers import Numbers, by_day
from .plans import PlanStage, letter, of_a_contract
from .splice import Said, into_context, label_of, names
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

    Use it inside one transaction of the store: ``take`` what ``decoded`` gave before, and
    ``end_windows``, then append ``rows`` and bury ``letters``, then ``finish`` with the positions
    that the rows got. ``numbers`` counts them by day and label.
    """

    def __init__(
        self, intake: Intake, finisher: Finisher, rules: Rules, plan: PlanStage | None = None
    ) -> None:
        self._intake = intake
        self._finisher = finisher
        self._rules = rules
        self._plan = plan
        self._choices = Choices(intake, rules.default_consent)
        self._views: Counter[tuple[str, str]] = Counter()
        self._halves = Halves(intake, finisher, rules, append=self._append, count=self._count_views)
        self._sessions = Sessions(intake, idle=rules.idle)
        self._journal = Journal(intake)
        self.rows: list[NewRow] = []
        self.letters: list[DeadLetter] = []
        self.counts: Counter[str] = Counter()
        self.numbers: Numbers = by_day
        self.positions: Sequence[int] = ()  # of the rows in the log, once ``finish`` was told
        self._take: dict[EntryKind, Callable[[Frame, bytes], None]] = {
            "event": self._event, "view": self._view, "mark": self._halves.mark,
            "served": self._served, "confirm": self._halves.confirm,
            "browser": self._halves.browser, "counted": self._counted, "choice": self._choice,
            "door": self._door,
        }  # fmt: skip

    def decoded(self, raws: Sequence[bytes]) -> Decoded:
        """Frames, in order, as ``take`` wants them; one that is no entry is counted and left out.
        Nothing is asked of the store yet."""
        found = decoded(raws, is_plain=self._finisher.is_plain)
        self.counts["not_an_entry"] += found.broken
        return found

    def take(self, found: Decoded) -> None:
        """Frames in order; one whose event is none is counted and left out."""
        if found.bare is not None:
            self._take_bare(found.bare)
            return
        self._prepare(found.frames)
        for frame, raw, says in found.frames:
            try:
                if frame.how is not None:
                    self._journal.hear(frame)
                if says is None:
                    self._take[frame.kind](frame, raw)
                else:
                    self._plain(frame, raw, says)
            except _unreadable:
                self.counts["not_an_entry"] += 1

    def take_ready(self, raws: Sequence[bytes]) -> None:
        """Browser entries that need not, or must not, wait for their page any longer."""
        self._halves.patient = False
        self.take(self.decoded(raws))
        self._halves.patient = True

    def end_windows(self, rows: Iterable[PageRow]) -> None:
        """Page views whose other half has not come in time take their place as they are."""
        self._halves.end_windows(rows)

    def finish(self, positions: Mapping[str, int]) -> None:
        """Writes the ledger's side of everything taken."""
        self.positions = sorted(positions.values())
        passing = (row.event_id for row in self.rows if row.passes)
        self._intake.not_kept([positions[each] for each in passing if each in positions])
        self._halves.finish(positions)
        self._sessions.write()
        self._journal.write(self.rows, positions)
        self._intake.tally(self._views, self.numbers(self.rows, positions, self._rules.day))
        self.counts["duplicate"] += len(self.rows) - len(positions)
        self.counts.update(self._finisher.counts)
        self._finisher.counts.clear()
        if self._plan is not None:
            self.counts.update(self._plan.counts)
            self._plan.counts.clear()
        # What refers to itself would stay, with all its rows, until the collector comes by.
        self._take.clear()
        del self._halves

    def bury(self, raw: bytes, *, at: float, reason: str) -> None:
        """A frame that cannot be stored becomes a dead letter, as it is."""
        self.letters.append(DeadLetter(0, "door", "", "", "", at, reason, raw))

    def _prepare(self, frames: Sequence[Taken]) -> None:
        self._halves.prepare([frame for frame, _, _ in frames])
        whose: list[Said | Who] = []
        for frame, _, says in frames:
            if frame.kind == "event" and frame.consent is None:
                with suppress(msgspec.DecodeError):  # its own turn says so
                    whose.append(says or who(frame))
        self._choices.ask(whose)

    def passes(self, row: NewRow) -> bool:
        """Whether the log does not keep a row: by its name, or by its own word."""
        labels = self._rules.unstored
        return row.passes or bool(labels and labels.match(row.label))

    def set_apart(self) -> None:
        """Rows that the log does not keep say so from now on. Call before they are appended."""
        if self._rules.unstored is not None:
            self.rows = [_passing(row) if self.passes(row) else row for row in self.rows]

    def _take_bare(self, frames: Bares) -> None:
        """``_plain`` for frames that have no consent and no facts."""
        self._choices.ask(frames.says)
        suspicious = self._finisher.suspects_any([each.properties for each in frames.says])
        passed, choice = self._pass(frames.says), self._choices.default
        if choice.granted and not (suspicious or self._choices.known) and all(passed):
            alike = self._finisher.plain_rows(frames, choice.member)
            if alike is not None:  # nearly always
                self.rows += alike
                return
        for bare, passes in zip(frames.each(), passed, strict=True):
            raw, at, says, event_id, body, context = bare
            if self._choices.known:
                choice = self._choices.of(says)
            if not choice.granted and not self._is_of_contract(says.event):
                self.counts["consent"] += 1
                continue
            told, known = with_member(body, context, choice.member, "consent")
            is_suspect = suspicious and self._finisher.suspects(says.properties)
            if told is None or "store" in known or is_suspect or not (passes and choice.granted):
                self._event(decode_frame(raw), raw)
            else:
                self.rows.append(self._finisher.plain_row(says, known, event_id, at, told))

    def _pass(self, says: Sequence[Said]) -> Sequence[bool]:
        """Of each event whether the plan, and no repair, has anything to say to it."""
        passed = self._plan.passes_all(says) if self._plan else [True] * len(says)
        repairs = self._finisher.repairs
        if repairs is None:
            return passed
        both = zip(passed, says, strict=True)
        return [passes and not repairs.concerns(label_of(each)) for passes, each in both]

    def _plain(self, frame: Frame, raw: bytes, says: Said) -> None:
        """A finished event that nobody needs to see as a whole: its bytes stay what they are."""
        broken = self._plan is not None and not self._plan.passes(says)
        repairs = self._finisher.repairs
        broken = broken or (repairs is not None and repairs.concerns(label_of(says)))
        if broken or self._finisher.suspects(says.properties):
            self._event(frame, raw)
            return
        body, context = bytes(frame.event), bytes(says.context)
        known = names(context)
        if "store" in known:
            self._event(frame, raw)
            return
        if frame.consent is None:
            choices = self._choices
            choice = choices.of(says) if choices.known else choices.default
            if not choice.granted and not self._is_of_contract(says.event):
                self.counts["consent"] += 1
                return
            told = None if "consent" in known else into_context(body, context, choice.member)
            if told is None or not choice.granted:
                self._event(frame, raw)
                return
            body = told
        elif says.type == "identify" and says.user_id:
            self._choices.adopt(says.user_id, frame.consent)
        event_id = wire_id(frame.origin, says.message_id)
        row = self._finisher.plain_row(says, known, event_id, frame.at, body, facts=frame.facts)
        self.rows.append(row)

    def _event(self, frame: Frame, raw: bytes) -> None:
        event = decode_event(frame.event)
        event_id = wire_id(frame.origin, event.message_id)
        if frame.consent is not None:
            if event.type == "identify" and event.user_id:
                self._choices.adopt(event.user_id, frame.consent)
            self._add(event, frame, event_id, body=bytes(frame.event))
            return
        choice = self._choices.of(who(frame))
        if choice.granted:
            context = event.context if isinstance(event.context, dict) else {}
            event.context = {**context, "consent": choice.states}
        elif self._is_of_contract(event.event):
            event = of_a_contract(event, choice.states, event_id)
        else:
            self.counts["consent"] += 1
            return
        self._add(event, frame, event_id, body=None)

    def _is_of_contract(self, name: str | None) -> bool:
        return name is not None and self._plan is not None and self._plan.is_contract(name)

    def _append(self, event: Event, frame: Frame) -> None:
        self._add(event, frame, event.message_id, body=None)

    def _add(self, event: Event, frame: Frame, event_id: str, *, body: bytes | None) -> None:
        derived = self._finisher.derived(event, frame.facts)
        self._add_row(event, frame, event_id, body=body, derived=derived)

    def _add_row(
        self,
        event: Event,
        frame: Frame,
        event_id: str,
        *,
        body: bytes | None,
        derived: dict[str, Any],
    ) -> None:
        """Adds what an event is stored as. What breaks the plan waits as it was accepted, and is
        repaired again: what was split off and is stored is known by its id."""
        for each in self._finisher.versions(event, event_id, body):
            broken = self._plan.broken(each.event) if self._plan else None
            if broken is None:
                self._add_version(each, frame.at, derived)
            elif broken.mode == "quarantine":
                self.letters.append(letter(event, frame, event_id=event_id, reason=broken.reason))

    def _add_version(self, each: Version, at: float, derived: dict[str, Any]) -> None:
        row = self._finisher.row(
            each.event, event_id=each.id, at=at, derived=derived, body=each.body,
            original=each.original,
        )  # fmt: skip
        if row is not None:
            context = each.event.context
            passes = isinstance(context, dict) and context.get("store") is False
            self.rows.append(_passing(row) if passes else row)

    def _choice(self, frame: Frame, raw: bytes) -> None:
        self._choices.take(frame)
        self._event(frame, raw)

    def _counted(self, frame: Frame, raw: bytes) -> None:
        """What is counted without cookies: in a session that is found here, and in no loss meter,
        since no browser confirms it."""
        event = self._sessions.placed(decode_event(frame.event), frame.at)
        event_id = wire_id(frame.origin, event.message_id)
        derived = self._finisher.derived(event, frame.facts)
        if event.type == "page":
            self._count_views(frame.at, "page.bot" if derived.get("bot") else "page.cookieless", 1)
        self._add_row(event, frame, event_id, body=None, derived=derived)

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


def _passing(row: NewRow) -> NewRow:
    return msgspec.structs.replace(row, passes=True)
