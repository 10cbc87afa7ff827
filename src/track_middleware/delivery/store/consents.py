"""What an ``Intake`` keeps of consent: choices, and what is counted without cookies before one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec


@dataclass(frozen=True, slots=True)
class ChoiceRecord:
    """One consent choice, as it can be proved: whose (``user:ID``, ``visitor:ID``), when (epoch
    seconds), what held from then on by purpose, under which version of the text, who brought it
    (``api``, ``banner``, ``server``, a reader's name), and the event that says so ("" for a choice
    from before records were kept)."""

    subject: str
    at: float
    states: Mapping[str, str]
    version: str = ""
    source: str = ""
    event_id: str = ""


class CountedSession(msgspec.Struct, frozen=True, gc=False):
    """The last session of a visitor who is counted without cookies; ``start`` and ``seen`` are
    epoch seconds."""

    visitor: str
    id: str
    number: int
    start: float
    seen: float


class Choices(Protocol):
    """The choices of users and visitors: what holds, and the proof of it."""

    def any_choice(self) -> bool:
        """Whether ``choices`` could find any."""
        ...

    def choices(self, subjects: Iterable[str]) -> dict[str, dict[str, str]]:
        """The last consent choices of these subjects (``user:ID``, ``visitor:ID``)."""
        ...

    def choose(self, subject: str, states: Mapping[str, str], at: float) -> None:
        """Keeps a choice, unless a later one is known."""
        ...

    def adopt(self, subject: str, states: Mapping[str, str]) -> bool:
        """Keeps what somebody permits who has chosen nothing under this name, until they do; False
        where they have. It is no choice, and no proof of one."""
        ...

    def record(self, record: ChoiceRecord) -> None:
        """Adds a choice to those that are kept for good; the same event's is added once."""
        ...

    def choice_history(self, subject: str) -> Sequence[ChoiceRecord]:
        """Every choice of a subject, the oldest first; ``keep_days`` does not bind it."""
        ...


class Counted(Protocol):
    """The sessions and salts of what is counted without cookies."""

    def counted_session(self, visitor: str) -> CountedSession | None:
        """The last session of a visitor who is counted without cookies."""
        ...

    def keep_counted_sessions(self, sessions: Iterable[CountedSession]) -> None:
        """Writes sessions as they are now."""
        ...

    def salt(self, day: str, proposed: bytes) -> bytes:
        """The salt of a day (2026-05-04): ``proposed``, unless another host's was there first."""
        ...

    def forget_salts(self, before: str, seen: float) -> bool:
        """Removes the salts of days before this one, so that no byte of them stays in the store,
        and the counted sessions last seen before a moment; whether any salt was there."""
        ...

    def cleaned(self) -> bool:
        """Takes what was removed out of every file of the store; outside a batch. False when it has
        to be tried again."""
        ...
